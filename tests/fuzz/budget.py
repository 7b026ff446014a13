"""How long the fuzzers look: a minute where all tests run, as long as you like by ``make fuzz FUZZ=1000``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

#: Times the examples that run in the ordinary tests; more than once looks in new places every time.
FACTOR = int(os.environ.get("NETSIM_FUZZ", "1"))


def examples(count: int) -> settings:
    """Settings for so many examples, times the factor."""
    return settings(
        max_examples=count * FACTOR,
        derandomize=FACTOR == 1,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
