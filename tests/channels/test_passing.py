from __future__ import annotations

import numpy as np
import pytest

from channels.capacity import session_curve
from channels.correlated import Clarke, GaussMarkov
from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from channels.gains import ChannelEnded, LinkNeverSends
from channels.passing import PassingCurve
from channels.rates import cqi, shannon
from channels.recorded import Recorded

FADINGS = [NoFading(), Rayleigh(), Rician(3.0), Nakagami(2.0), GaussMarkov(0.9), Clarke(5.0)]


@pytest.mark.parametrize("fading", FADINGS, ids=str)
def test_it_is_the_whole_curve_wherever_it_looks(fading: Fading) -> None:
    rng = np.random.default_rng(1)
    whole = session_curve(fading, shannon, 10.0, 1e6, 0.01, np.random.default_rng(7))
    passing = PassingCurve(fading, 0.01, np.random.default_rng(7), shannon, 10.0, 1e6)
    time_s = 0.0
    for gap_s, bits in zip(rng.exponential(3.0, 40), rng.exponential(3e6, 40), strict=True):
        time_s += gap_s
        expected_s = whole.duration(time_s, bits)
        # Both are sums of the same blocks in another order.
        assert passing.duration(time_s, bits) == pytest.approx(expected_s, rel=1e-12)
        end_s = time_s + expected_s / 2
        assert passing.bits_between(time_s, end_s) == pytest.approx(
            whole.bits_between(time_s, end_s), rel=1e-9
        )
        assert passing.snr(time_s) == whole.snr(time_s)
        assert passing.rate_bps(time_s) == whole.rate_bps(time_s)
        time_s += expected_s


@pytest.mark.parametrize("fading", FADINGS, ids=str)
def test_looking_alone_finds_the_same(fading: Fading) -> None:
    whole = session_curve(fading, shannon, 10.0, 1e6, 0.01, np.random.default_rng(7))
    snr, rate_bps = (
        PassingCurve(fading, 0.01, np.random.default_rng(7), shannon, 10.0, 1e6) for _ in range(2)
    )
    for time_s in np.cumsum(np.random.default_rng(1).exponential(1.0, 40)):
        assert snr.snr(time_s) == whole.snr(time_s)
        assert rate_bps.rate_bps(time_s) == whole.rate_bps(time_s)


def test_a_moment_a_hair_earlier_is_not_the_past() -> None:
    """Sums of times in another order differ in their last digit, also where a window ends."""
    for blocks in (32, 33, 64, 1000):
        curve = PassingCurve(Rayleigh(), 0.01, np.random.default_rng(0), shannon, 10.0, 1e6)
        edge_s = blocks * 0.01
        for time_s in (edge_s - 0.2, edge_s, np.nextafter(edge_s, 0.0)):
            curve.duration(time_s, 1.0)


def test_it_refuses_the_past() -> None:
    curve = PassingCurve(Rayleigh(), 0.01, np.random.default_rng(0), shannon, 10.0, 1e6)
    curve.duration(100.0, 1.0)
    with pytest.raises(ValueError, match="forgets"):
        curve.duration(1.0, 1.0)


def test_it_refuses_a_link_that_can_never_send() -> None:
    curve = PassingCurve(NoFading(), 0.01, np.random.default_rng(0), cqi, 1e-3, 1e6)
    with pytest.raises(LinkNeverSends, match="for good"):
        curve.duration(0.0, 1.0)


def test_a_recorded_channel_ends() -> None:
    curve = PassingCurve(
        Recorded((0.0, 1.0), (10.0, 10.0)), 0.01, np.random.default_rng(0), shannon, 10.0, 1e6
    )
    assert curve.duration(1.5, 1e5) == pytest.approx(1e5 / (1e6 * np.log2(11)))
    with pytest.raises(ChannelEnded, match="2"):
        curve.duration(1.5, 1e7)


def test_what_is_carried_far_beyond_a_window_is_what_the_whole_curve_carries() -> None:
    whole = session_curve(Rayleigh(), shannon, 10.0, 1e6, 0.01, np.random.default_rng(7))
    passing = PassingCurve(Rayleigh(), 0.01, np.random.default_rng(7), shannon, 10.0, 1e6)
    # Sums of the same blocks in another order; from a later window on, the differences of sums over the whole session.
    assert passing.bits_between(0.2, 30.0) == pytest.approx(whole.bits_between(0.2, 30.0), rel=1e-12)
    # Beginning in a later window, and ending in the one after.
    assert passing.bits_between(200.0, 210.0) == pytest.approx(whole.bits_between(200.0, 210.0), rel=1e-9)


def test_a_window_reaches_as_far_as_it_is_asked_and_has_the_rates_of_the_whole_curve() -> None:
    whole = session_curve(Rayleigh(), shannon, 10.0, 1e6, 0.01, np.random.default_rng(7))
    passing = PassingCurve(Rayleigh(), 0.01, np.random.default_rng(7), shannon, 10.0, 1e6)
    for start_s, end_s in ((0.0, 0.1), (0.25, 20.0), (20.0, 20.5), (300.0, 301.0)):
        window = passing.window(start_s, end_s)
        assert window.covers(end_s)
        assert window.first_block * 0.01 <= start_s
        middles_s = (window.first_block + np.arange(window.rates_bps.size) + 0.5) * 0.01
        assert window.rates_bps.tolist() == [whole.rate_bps(time_s) for time_s in middles_s]


@pytest.mark.parametrize("snr", [10.0, 1e-3])
def test_whether_it_never_sends_is_said_before_it_is_asked_to_send(snr: float) -> None:
    """CQI's lowest efficiency needs an SNR far above a thousandth."""
    curve = PassingCurve(NoFading(), 0.01, np.random.default_rng(0), cqi, snr, 1e6)
    assert curve.never_sends == (snr < 1)
