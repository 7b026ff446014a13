"""How long a sweep takes, about: said before it starts, and refused where nobody can have meant it.

The figures are of docs/performance.md, of one processor of the kind that it names, and rounded: what comes of them is
right to a factor of three or so, which tells minutes from days.
"""

from __future__ import annotations

import math

from netsim.errors import Fault, InputError
from netsim.point import Point
from netsim.scenario import Scenario
from netsim.scenario.memory import environment_limit, upload_blocks
from netsim.sweeps.progress import about
from traces.format.trace import Trace

#: Environment variable: hours of one processor that a sweep may take.
LIMIT = "NETSIM_HOURS"
#: Seconds of a row whatever its rounds are, by the array engine and by events, and there of each device.
ARRAYS_ROW_S, EVENTS_ROW_S, DEVICE_S = 2e-5, 3e-3, 8e-4
#: Seconds of a round by the array engine, by events alone, and by events with other devices.
ARRAYS_S, EVENTS_S, SHARED_EVENTS_S = 3e-8, 8e-6, 3e-5
#: Seconds of drawing a block of fading, of its rate at one mean SNR, and of deciding a round.
DRAW_S, RATE_S, DECISION_S = 8e-9, 8e-9, 4e-6
#: Blocks of a round without an upload, some.
LEAST_BLOCKS = 4.0


class TimeEstimate:
    """The work of a sweep's points, added up one by one."""

    def __init__(self) -> None:
        self._a_seed_s = 0.0
        self._decided_s: dict[str, float] = {}
        self._draws_s: dict[str, float] = {}
        self._rates_s: dict[str, float] = {}

    def add(self, point: Point, engine: str) -> None:
        """Add a point. Those that differ in their policy share their fading and its rates, in their SNR what is drawn of it, in their
        channel what is decided.

        Parameters
        ----------
        engine : str. ``events`` or ``arrays``.
        """
        scenario = point.scenario
        rounds = scenario.num_rounds(len(point.trace.prompts))
        blocks = rounds * (LEAST_BLOCKS + upload_blocks(point.radio, point.costs, point.policy))
        if engine == "events":
            num_devices = len(point.network.devices)
            round_s = EVENTS_S if num_devices == 1 else SHARED_EVENTS_S
            self._a_seed_s += (
                EVENTS_ROW_S + num_devices * DEVICE_S + rounds * round_s + blocks * (DRAW_S + RATE_S)
            )
        else:
            self._a_seed_s += ARRAYS_ROW_S + rounds * ARRAYS_S
            _raise_to(self._rates_s, _without(scenario, "policy"), blocks * RATE_S)
            _raise_to(self._draws_s, _without(scenario, "policy", snr=False), blocks * DRAW_S)
        if scenario.token_seeds == "fresh" or not isinstance(point.trace, Trace):  # noqa: S105  (no password)
            self._a_seed_s += rounds * DECISION_S
        else:
            draws = len(point.trace.manifest.token_seeds)
            self._decided_s[_without(scenario, "channel")] = draws * rounds * DECISION_S

    def seconds(self, num_seeds: int) -> float:
        """Seconds of one processor for all points under so many seeds."""
        shared_s = sum(self._rates_s.values()) + sum(self._draws_s.values())
        return sum(self._decided_s.values()) + num_seeds * (self._a_seed_s + shared_s)

    def check(self, num_seeds: int) -> None:
        """Refuse more than is allowed (`InputError`)."""
        seconds, allowed = self.seconds(num_seeds), environment_limit(LIMIT, "1000", "hours")
        if seconds > 3600 * allowed:
            raised = f"{LIMIT}={math.ceil(seconds / 3600)} in the environment allows this"
            text = f"takes {about(seconds)} of one processor, allowed: {allowed:g} hours ({raised})"
            raise InputError([Fault("", "seeds", text)])


def _raise_to(seconds: dict[str, float], key: str, least_s: float) -> None:
    seconds[key] = max(seconds.get(key, 0.0), least_s)


def _without(scenario: Scenario, key: str, *, snr: bool = True) -> str:
    """What points have in common that differ in one key, and in their mean SNR unless that counts, as JSON."""
    left_out: dict[str, bool | set[str]] = dict.fromkeys(("name", "seeds", "sweep", "energy", key), True)
    return scenario.model_dump_json(exclude=left_out if snr else {**left_out, "channel": {"snr_db"}})
