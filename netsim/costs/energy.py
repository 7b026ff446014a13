"""What a device's work costs it in energy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Power:
    """Power that the device draws, in watts: sending, computing, and besides those."""

    transmit_w: float
    compute_w: float
    idle_w: float
