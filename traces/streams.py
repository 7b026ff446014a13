"""Every random stream of a simulation: its number and what it is for. No draw is taken from any other.

A generator is keyed by a list of whole numbers that begins with one of these, so that streams of different purposes never
meet, whatever stands behind. Within a stream a draw is found by its place: the same key gives the same draw, however
many others were taken, in whatever process.

================== ======================================= ==========================================================
stream             key after the number                    draws
================== ======================================= ==========================================================
``TOKEN_STREAM``   token seed, prompt, purpose             uniforms of each position; `traces.speculative.draws` has the
                                                           purposes: draft, accept, resample, llm, skip, u_1 … u_K
``FADING_STREAM``  seed, device, prompt of the device      uniforms of each fading block
``ARRIVAL_STREAM`` seed, device                            uniforms of each request's arrival
``PLACE_STREAM``   seed, device                            placement, line of sight, shadowing
``SERIES_STREAM``  seed                                    where a recorded series begins
``CORE_STREAM``    seed, device, prompt of the device      uniforms of each exchange: round-trip time, losses on both ways
``BOOTSTRAP_STREAM`` number of prompts                     resampled prompts of an interval
================== ======================================= ==========================================================
"""

from __future__ import annotations

TOKEN_STREAM = 1
FADING_STREAM = 2
ARRIVAL_STREAM = 3
PLACE_STREAM = 4
SERIES_STREAM = 5
BOOTSTRAP_STREAM = 6
CORE_STREAM = 7
