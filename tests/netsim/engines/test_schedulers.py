"""Proportional fairness against its textbook recursion."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.engines.schedulers import ProportionalFair
from netsim.engines.slots import Backlog
from tests.network_jobs import ConstantLink


@pytest.mark.parametrize("window_slots", [5.0, 40.0])
def test_proportional_fair_is_the_recursion_of_its_source(window_slots: float) -> None:
    """Every device's average, every slot: ``T <- (1 - 1/w) T + R/w`` if served, ``(1 - 1/w) T`` if not.

    Viswanath, Tse and Laroia 2002, section II, written down as it is there; some devices wait at times only.
    """
    rng = np.random.default_rng(7)
    scheduler, averages = ProportionalFair(window_slots), np.zeros(4)
    for slot in range(400):
        here = np.flatnonzero(rng.random(4) < 0.8) if slot % 3 else np.arange(4)
        if not len(here):
            averages *= 1 - 1 / window_slots
            continue
        rates = rng.exponential(size=len(here))
        waiting = [
            Backlog(int(device), 0.0, ConstantLink(rate), 0.0, (0.0, 1.0))
            for device, rate in zip(here, rates, strict=True)
        ]
        picked = scheduler.pick(slot, float(slot), waiting)
        with np.errstate(divide="ignore"):
            expected = int(np.argmax(rates / averages[here]))
        assert picked == expected, slot
        averages *= 1 - 1 / window_slots
        averages[here[picked]] += rates[picked] / window_slots
