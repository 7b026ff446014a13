from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from channels.capacity import CapacityCurve, session_curve
from channels.fading import NoFading, Rayleigh
from channels.rates import cqi, shannon
from netsim.engines.events import BaseStation, simulate_base_station, simulate_events
from netsim.engines.shares import EqualSplitUplink
from tests.network_jobs import ConstantLink, plain_job

SPLIT = BaseStation(uplink=EqualSplitUplink)


def test_a_split_band_serves_by_hand() -> None:
    # The first sends 2 bits from 0 on, alone until 1, then both at half the rate: the second's half bit is
    # through at 2, and the first, with half a bit left, at 2.5.
    jobs = [plain_job((1, 1), bits=2.0), plain_job((1, 1), bits=0.5, arrivals_s=[1.0])]
    first, second = (log.timings for log in simulate_base_station(jobs, SPLIT))
    assert first.uplink_s[0, 0] == pytest.approx(2.5)
    assert second.uplink_s[0, 0] == pytest.approx(1.0)
    # Each sends as much at full power as it has bits: half the band, half the power.
    assert first.air_s[0, 0] == pytest.approx(2.0)
    assert second.air_s[0, 0] == pytest.approx(0.5)
    assert first.queue_s[0, 0] == second.queue_s[0, 0] == 0.0


def test_the_prompt_has_its_own_time_on_a_split_band() -> None:
    jobs = [plain_job((1, 1), bits=1.0, prompt_bits=1.0), plain_job((1, 1), bits=4.0)]
    first = simulate_base_station(jobs, SPLIT)[0].timings
    assert (first.prompt_s[0, 0], first.uplink_s[0, 0]) == pytest.approx((2.0, 2.0))
    assert (first.prompt_air_s[0, 0], first.air_s[0, 0]) == pytest.approx((1.0, 1.0))


def test_equal_uploads_on_a_split_band_end_together() -> None:
    logs = simulate_base_station([plain_job((1, 1), bits=1.0) for _ in range(3)], SPLIT)
    assert [log.timings.uplink_s[0, 0] for log in logs] == pytest.approx([3.0, 3.0, 3.0])


def test_alone_a_split_band_is_the_whole_one() -> None:
    rng = np.random.default_rng(5)
    work: dict[str, Any] = {
        "slm_s": 0.03,
        "bits": rng.exponential(2e5, (1, 30)),
        "prompt_bits": np.eye(1, 30) * 1e4,
    }

    def curve() -> CapacityCurve:
        return session_curve(Rayleigh(), shannon, 5.0, 1e6, 0.01, np.random.default_rng(2))

    alone = simulate_events([plain_job((1, 30), curve(), **work)])[0]
    split = simulate_base_station([plain_job((1, 30), curve(), **work)], SPLIT)[0].timings
    np.testing.assert_allclose(split.uplink_s, alone.uplink_s, rtol=1e-12)
    np.testing.assert_allclose(split.prompt_s, alone.prompt_s, rtol=1e-12)


def test_a_split_band_carries_what_its_links_carry() -> None:
    """Two devices always sending: each gets half of what its own link carries in that time."""
    links = [session_curve(Rayleigh(), shannon, 5.0, 1e6, 0.01, np.random.default_rng(j)) for j in range(2)]
    logs = simulate_base_station([plain_job((1, 1), link, bits=3e6) for link in links], SPLIT)
    ends = [log.timings.uplink_s[0, 0] for log in logs]
    early = int(np.argmin(ends))
    assert links[early].bits_between(0.0, ends[early]) / 2 == pytest.approx(3e6, rel=1e-9)
    late = 1 - early
    shared = links[late].bits_between(0.0, ends[early]) / 2
    rest = links[late].bits_between(ends[early], ends[late])
    assert shared + rest == pytest.approx(3e6, rel=1e-9)


def test_a_link_that_can_never_send_blocks_its_device_alone() -> None:
    dead = session_curve(NoFading(), cqi, 1e-3, 1e6, 0.01, np.random.default_rng(0))
    for base_station in (BaseStation(), SPLIT):
        jobs = [plain_job((2, 1), dead, bits=1.0), plain_job((1, 1), bits=1.0)]
        blocked, served = simulate_base_station(jobs, base_station)
        assert (blocked.blocked_from, blocked.completed.tolist()) == (0, [0, 0])
        assert (served.blocked_from, served.completed.tolist()) == (1, [1])
        assert served.timings.uplink_s[0, 0] == 1.0


def test_stages_of_one_round_by_hand() -> None:
    job = plain_job(
        (1, 2), slm_s=1.0, bits=2.0, prompt_bits=[[3.0, 0.0]], llm_s=4.0, downlink_s=5.0, grant_s=0.5,
        propagation_s=0.25,
    )  # fmt: skip
    timings = simulate_events([job])[0]
    assert timings.start_s[0].tolist() == [0.0, 1 + 0.5 + 3 + 2 + 0.25 + 4 + 5]
    assert timings.grant_s[0].tolist() == [0.5, 0.5]
    assert timings.uplink_s[0].tolist() == [2.25, 2.25]
    assert timings.prompt_s[0].tolist() == [3.0, 0.0]
    assert timings.queue_s[0].tolist() == [0.0, 0.0]


def test_rounds_past_the_end_of_the_simulation_are_left_out() -> None:
    log = simulate_base_station([plain_job((3, 4), slm_s=1.0)], BaseStation(), until_s=6.5)[0]
    assert log.completed.tolist() == [4, 2, 0]
    assert log.timings.start_s[1].tolist() == [4.0, 5.0, 0.0, 0.0]


def test_sessions_wait_for_their_arrival_and_for_the_one_before() -> None:
    log = simulate_base_station([plain_job((3, 1), slm_s=2.0, arrivals_s=[1.0, 1.5, 9.0])], BaseStation())[0]
    assert log.timings.start_s[:, 0].tolist() == [1.0, 3.0, 9.0]


def test_a_failure_in_the_middle_of_an_upload_is_not_lost() -> None:
    class Broken(ConstantLink):
        def duration(self, start_s: float, bits: float) -> float:
            raise RuntimeError("antenna fell off")

    with pytest.raises(RuntimeError, match="antenna"):
        simulate_events([plain_job((1, 1), Broken(), bits=1.0)])
    with pytest.raises(RuntimeError, match="antenna"):
        simulate_base_station([plain_job((1, 1), bits=5.0), plain_job((1, 1), Broken(), bits=1.0)], SPLIT)
