from __future__ import annotations

import math

import numpy as np
import pytest

from channels.capacity import CapacityCurve, session_curve
from channels.fading import Fading, NoFading, Rayleigh
from channels.gains import ChannelEnded, Gains, LinkNeverSends
from channels.rates import FloatArray, cqi, shannon
from channels.recorded import Recorded

FULL_PAYLOAD_BITS = 736_000  # 32 000 tokens of 8 + 15 bits: arXiv 2505.11788, eq. 5


def curve(fading: Fading, snr: float = 10.0, seed: int = 0, rate: str = "shannon") -> CapacityCurve:
    rate_law = {"shannon": shannon, "cqi": cqi}[rate]
    return session_curve(fading, rate_law, snr, 1e6, 0.01, np.random.default_rng(seed))


@pytest.mark.parametrize("snr", [0.1, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize("start_s", [0.0, 0.005, 0.3, 12_345.678])
@pytest.mark.parametrize("coherence_time_s", [0.01, math.inf])
def test_no_fading_is_a_straight_line(snr: float, start_s: float, coherence_time_s: float) -> None:
    straight = session_curve(NoFading(), shannon, snr, 1e6, coherence_time_s, np.random.default_rng(0))
    seconds = FULL_PAYLOAD_BITS / (1e6 * math.log2(1 + snr))
    assert straight.duration(start_s, FULL_PAYLOAD_BITS) == pytest.approx(seconds, rel=1e-12)
    # The end is a float near start_s: it is known to an ulp of that.
    end_s = start_s + seconds
    bits = straight.bits_between(start_s, end_s)
    assert bits == pytest.approx(FULL_PAYLOAD_BITS, rel=1e-12 + np.spacing(end_s) / seconds)


def test_no_time_carries_no_bits() -> None:
    straight = session_curve(NoFading(), shannon, 10.0, 1e6, math.inf, np.random.default_rng(0))
    assert straight.bits_between(3.0, 3.0) == 0.0
    assert straight.duration(3.0, 0.0) == 0.0
    assert 0.0 < straight.bits_between(3.0, 3.0 + 1e-8) < 1.0


def test_duration_and_bits_are_inverse() -> None:
    faded = curve(Rayleigh())
    for start_s in (0.0, 0.01, 0.123, 7.89):
        seconds = faded.duration(start_s, FULL_PAYLOAD_BITS)
        assert faded.bits_between(start_s, start_s + seconds) == pytest.approx(FULL_PAYLOAD_BITS, rel=1e-12)


def test_transmissions_back_to_back_take_as_long_as_one() -> None:
    faded = curve(Rayleigh())
    first_s = faded.duration(0.0, 300_000)
    second_s = faded.duration(first_s, 436_000)
    assert first_s + second_s == pytest.approx(faded.duration(0.0, FULL_PAYLOAD_BITS), rel=1e-12)


def test_snr_and_rate_are_those_of_the_block() -> None:
    gains = Rayleigh().stream(np.random.default_rng(0), 0.01).take(600)
    faded = curve(Rayleigh())
    for block in (0, 1, 255, 256, 599):
        time_s = (block + 0.5) * 0.01
        assert faded.snr(time_s) == 10.0 * gains[block]
        assert faded.rate_bps(time_s) == pytest.approx(1e6 * math.log2(1 + 10.0 * gains[block]), rel=1e-12)


def test_curves_at_different_snr_share_their_gains() -> None:
    gains = Gains(Rayleigh(), 0.01, np.random.default_rng(3))
    low, high = CapacityCurve(gains, shannon, 0.1, 1e6), CapacityCurve(gains, shannon, 100.0, 1e6)
    seconds = [low.duration(0.0, 1e7), high.duration(0.0, 1e7)]
    alone = [curve(Rayleigh(), snr, seed=3).duration(0.0, 1e7) for snr in (0.1, 100.0)]
    assert seconds == alone


def drained_by_hand(gains: FloatArray, snr: float, bits: float) -> float:
    """Seconds to send `bits` from time 0: block by block, 0.01 s each, 1 MHz."""
    capacity = 1e6 * np.log2(1 + snr * gains) * 0.01
    block = int(np.searchsorted(np.cumsum(capacity), bits))
    return float(0.01 * (block + (bits - capacity[:block].sum()) / capacity[block]))


def test_mean_duration_under_rayleigh_agrees_with_monte_carlo() -> None:
    """The drained payload has a finite mean; the same payload held in one draw has none."""
    num_sessions = 2000
    drained = np.array(
        [curve(Rayleigh(), seed=seed).duration(0.0, FULL_PAYLOAD_BITS) for seed in range(num_sessions)]
    )
    independent = np.random.default_rng(99).exponential(size=(num_sessions, 500))
    by_hand = np.array([drained_by_hand(gains, 10.0, FULL_PAYLOAD_BITS) for gains in independent])
    # Two independent means: 5 standard errors of their difference, exceeded with probability 6e-7.
    error = math.sqrt((drained.var() + by_hand.var()) / num_sessions)
    assert abs(drained.mean() - by_hand.mean()) < 5 * error
    # A law of large numbers holds: the mean is known to half a percent, where payload / E[rate] would
    # be only a bound from below.
    assert error < 0.005 * drained.mean()
    # Held in one draw, the mean is infinite: E[1 / log2(1 + snr g)] over g > epsilon grows by
    # ln(10) ln(2) / snr with each decade of epsilon, for ever.
    decades = [1e-4, 1e-8, 1e-12]
    grids = [np.geomspace(smallest, 50, 200_000) for smallest in decades]
    held = [float(np.trapezoid(np.exp(-g) / (np.log1p(10 * g) / math.log(2)), g)) for g in grids]
    growth = 4 * math.log(10) * math.log(2) / 10
    # 1 / log(1 + x) = 1 / x + 1 / 2 + ..., so below g = 1e-4 each four decades differ by less than 1e-4.
    np.testing.assert_allclose(np.diff(held), growth, atol=1e-4)


@pytest.mark.parametrize("fading", [NoFading(), Rayleigh()])
def test_link_that_can_never_send_is_refused(fading: Fading) -> None:
    # CQI 1 needs log2(1 + snr) = 0.1523: a mean of -30 dB is 20 dB short, P(send) = exp(-111).
    silent = curve(fading, snr=1e-3, rate="cqi")
    assert silent.duration(0.0, 0.0) == 0.0
    with pytest.raises(LinkNeverSends, match="-30 dB"):
        silent.duration(0.0, 1.0)


def test_link_that_can_sometimes_send_is_waited_for() -> None:
    # At -17 dB a block sends with probability exp(-0.1113 / 0.02) = 0.004, 1523 bits at a time.
    seldom = curve(Rayleigh(), snr=0.02, rate="cqi")
    seconds = seldom.duration(0.0, 1523.0)
    gains = Rayleigh().stream(np.random.default_rng(0), 0.01).take(10_000)
    first = int(np.flatnonzero(gains * 0.02 >= 2**0.1523 - 1)[0])
    assert seconds == pytest.approx((first + 1) * 0.01)


@pytest.mark.parametrize(("end", "error"), [("loop", LinkNeverSends), ("hold", LinkNeverSends)])
def test_recorded_link_that_stays_below_the_lowest_cqi_is_refused(end: str, error: type[Exception]) -> None:
    recorded = Recorded((0.0, 1.0, 2.0), (-20.0, -15.0, -20.0), end)  # type: ignore[arg-type]
    with pytest.raises(error):
        curve(recorded, recorded.mean_snr, rate="cqi").duration(0.0, 1.0)


def test_recorded_link_that_is_silent_for_a_while_is_waited_for() -> None:
    # 5 s are 500 blocks of silence: more than are drawn at first.
    recorded = Recorded((0.0, 5.0, 6.0), (-20.0, 10.0, 10.0), "hold")
    assert curve(recorded, recorded.mean_snr, rate="cqi").duration(0.0, 3.3223e6) == pytest.approx(6.0)


def test_held_end_lasts_for_ever() -> None:
    recorded = Recorded((0.0, 1.0), (10.0, 0.0), "hold")
    held = curve(recorded, recorded.mean_snr)
    first_bits = 1e6 * math.log2(11)
    assert held.duration(0.0, first_bits + 1e9) == pytest.approx(1.0 + 1e9 / 1e6, rel=1e-12)


def test_session_longer_than_its_recording_is_refused() -> None:
    recorded = Recorded((0.0, 1.0), (0.0, 0.0), "refuse")
    short = curve(recorded, recorded.mean_snr)
    assert short.duration(0.0, 1.9e6) == pytest.approx(1.9)
    with pytest.raises(ChannelEnded, match=r"ends after 2\.0 s"):
        short.duration(0.0, 2.1e6)


def test_hopeless_link_is_refused_before_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.gains.MOST_BLOCKS", 2**12)
    with pytest.raises(LinkNeverSends, match="4096 blocks"):
        curve(Rayleigh(), snr=1e-12).duration(0.0, 1e6)


@pytest.mark.parametrize("coherence_time_s", [0.0, -1.0, math.nan])
def test_coherence_time_must_be_positive(coherence_time_s: float) -> None:
    with pytest.raises(ValueError, match="coherence_time_s: must be positive"):
        Gains(Rayleigh(), coherence_time_s, np.random.default_rng(0))


def test_one_draw_held_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        Gains(Rayleigh(), math.inf, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("snr", "bandwidth_hz", "gap"), [(0.0, 1e6, 1.0), (1.0, 0.0, 1.0), (1.0, 1e6, 0.5), (math.nan, 1e6, 1.0)]
)
def test_link_without_signal_or_band_is_refused(snr: float, bandwidth_hz: float, gap: float) -> None:
    with pytest.raises(ValueError, match="a link needs"):
        CapacityCurve(Gains(NoFading(), 0.01, np.random.default_rng(0)), shannon, snr, bandwidth_hz, gap)


def test_times_and_bits_must_not_be_negative() -> None:
    faded = curve(NoFading())
    with pytest.raises(ValueError, match="start_s"):
        faded.duration(-1.0, 1.0)
    with pytest.raises(ValueError, match="bits"):
        faded.duration(0.0, math.nan)
    with pytest.raises(ValueError, match="end_s"):
        faded.bits_between(1.0, 0.5)
