"""The compiled equal split against the same in plain Python, upload by upload."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from channels.correlated import GaussMarkov
from channels.fading import NoFading, Rayleigh
from channels.gains import ChannelEnded, LinkNeverSends
from channels.passing import PassingCurve
from channels.rates import cqi, shannon
from channels.recorded import Recorded
from netsim.engines.events import BaseStation, simulate_base_station
from netsim.engines.pending import MOST_BLOCKS
from netsim.engines.shares import EqualSplitUplink
from netsim.engines.timings import Timings
from tests.network_jobs import ConstantLink, plain_job
from tests.plain_uplinks import PlainEqualSplit, assert_same, timings

SPLIT = BaseStation(uplink=EqualSplitUplink)


@pytest.mark.parametrize(
    "channel",
    [
        (Rayleigh(), shannon, 1),
        (Rayleigh(), shannon, 7),
        (Rayleigh(), cqi, 40),
        (GaussMarkov(0.9), cqi, 20),
        (NoFading(), cqi, 4),
        (NoFading(), shannon, 20),
    ],
    ids=str,
)
@pytest.mark.parametrize("bits", [2e3, 4e4, 6e5])
def test_compiled_shares_are_those_in_plain_python(channel: Any, bits: float) -> None:
    """The sums are the same but for their order; a share of a long upload passes through some thousand blocks."""
    compiled, plain = (timings(uplink, *channel, bits) for uplink in (EqualSplitUplink, PlainEqualSplit))
    assert_same(compiled, plain, 1e-9)


def test_equals_end_in_the_order_in_which_they_came() -> None:
    """Uploads of the same bits are through at the same moment; who came first is served first."""
    jobs = [plain_job((1, 3), bits=1.0, llm_s=0.25) for _ in range(9)]
    logs = simulate_base_station(jobs, SPLIT)
    waits_s = np.array([log.timings.server_wait_s[0] for log in logs])
    plain = simulate_base_station(jobs, BaseStation(uplink=PlainEqualSplit))
    np.testing.assert_allclose(waits_s, [log.timings.server_wait_s[0] for log in plain], atol=1e-9)
    assert (np.diff(waits_s[:, 0]) > 0.2).all()


def curve(fading: Any, law: Any = shannon) -> PassingCurve:
    return PassingCurve(fading, 0.01, np.random.default_rng(3), law, 10.0, 1e6)


def test_an_upload_may_use_a_channel_to_its_end_and_no_longer() -> None:
    """Windows look ahead, past the end of this channel, where nothing is asked of it."""
    channel = Recorded((0.0, 1.0), (10.0, 10.0))
    rate_bps = 1e6 * np.log2(11)

    def run(share_of_2_s: float) -> Timings:
        jobs = [
            plain_job((1, 1), curve(channel), bits=share_of_2_s * rate_bps),
            plain_job((1, 1), ConstantLink(), bits=100.0),
        ]
        return simulate_base_station(jobs, SPLIT)[0].timings

    assert run(0.999).uplink_s[0, 0] == pytest.approx(1.998, rel=1e-9)
    with pytest.raises(ChannelEnded, match="after 2"):
        run(1.001)


def test_a_share_on_a_link_that_falls_silent_is_refused() -> None:
    """Alone the upload would be through before."""
    channel = Recorded((0.0, 1.0), (10.0, -40.0), "hold")
    jobs = [plain_job((1, 1), curve(channel, cqi), bits=3e6) for _ in range(2)]
    with pytest.raises(LinkNeverSends, match="for good"):
        simulate_base_station(jobs, SPLIT)


def test_windows_of_long_uploads_stay_short() -> None:
    """Memory is that of the blocks ahead, however many an upload needs."""
    jobs = [plain_job((1, 1), curve(Rayleigh()), bits=5e7) for _ in range(3)]
    uplinks: list[EqualSplitUplink] = []

    def uplink(env: Any) -> EqualSplitUplink:
        uplinks.append(EqualSplitUplink(env))
        return uplinks[0]

    logs = simulate_base_station(jobs, BaseStation(uplink=uplink))
    whole = PassingCurve(Rayleigh(), 0.01, np.random.default_rng(3), shannon, 10.0, 1e6)
    assert logs[0].timings.uplink_s[0, 0] == pytest.approx(whole.duration(0.0, 1.5e8), rel=1e-9)
    assert uplinks[0]._pending.rates_bps.shape[1] <= MOST_BLOCKS
