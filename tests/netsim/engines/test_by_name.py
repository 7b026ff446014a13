"""Records between decisions, engines and results are filled by name: another order of their fields changes nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from netsim.engines import events
from netsim.engines.server import Served
from netsim.engines.timings import Timings
from netsim.engines.uplink import Sent
from tests.network_jobs import plain_job


def times() -> list[Timings]:
    jobs = [
        plain_job(
            (2, 5),
            grant_s=0.3,
            propagation_s=0.05,
            slm_s=0.1,
            bits=2.0,
            prompt_bits=3.0,
            llm_s=0.2,
            downlink_s=0.01,
        )
        for _ in range(3)
    ]
    return events.simulate_events(jobs)


@pytest.mark.parametrize("kind", [Sent, Served])
def test_the_order_of_what_became_of_a_request(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    before = times()
    monkeypatch.setattr(kind, "__annotations__", dict(reversed(kind.__annotations__.items())))
    for one, other in zip(before, times(), strict=True):
        for field in fields(Timings):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_the_order_of_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    before = times()
    monkeypatch.setattr(Timings, "__dataclass_fields__", dict(reversed(Timings.__dataclass_fields__.items())))
    after = times()
    monkeypatch.undo()
    for one, other in zip(before, after, strict=True):
        for field in fields(Timings):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
