from __future__ import annotations

import numpy as np
import pytest

from channels.goodput import TARGET_BLOCK_ERROR, HarqRate, OutdatedCqi
from channels.harq import Harq, block_error
from channels.rates import CQI_EFFICIENCY_BPS_PER_HZ, cqi


@pytest.mark.parametrize("combining", ["chase", "none"])
@pytest.mark.parametrize("snr_db", [-1.0, 4.2, 11.7])
def test_it_is_what_single_blocks_add_up_to(combining: str, snr_db: float) -> None:
    """Draw the fate of many blocks one by one, resend what was given up, count bits over air time."""
    harq = Harq(block_symbols=60, max_transmissions=3, combining=combining)  # type: ignore[arg-type]
    snr = np.full(3, 10 ** (snr_db / 10))
    rate = float(HarqRate(harq)(snr[:1], bandwidth_hz=1.0)[0])
    usable = [e for e in CQI_EFFICIENCY_BPS_PER_HZ if block_error(snr[:1], e, 60)[0] <= TARGET_BLOCK_ERROR]
    rng = np.random.default_rng(1)
    best, blocks = 0.0, 4000
    for efficiency in usable[-2:]:
        fates = [harq.sample(snr, efficiency, float(rng.random())) for _ in range(blocks)]
        best = max(best, efficiency * sum(ok for _, ok in fates) / sum(sent for sent, _ in fates))
    # A block's transmissions are 1 with at least 0.9, so their mean over 4000 has a relative standard error of
    # at most 0.4 / sqrt(4000) = 0.6 %; five of them.
    assert rate == pytest.approx(best, rel=0.032)


def test_it_never_falls_as_the_snr_grows() -> None:
    snr = 10 ** (np.linspace(-20, 40, 4000) / 10)
    rates = HarqRate(Harq(block_symbols=200))(snr, 1e6)
    assert (np.diff(rates) >= -1e-6).all()


def test_without_errors_it_is_the_cqi_table() -> None:
    """Long blocks fail with probability 0 or 1, away from the table's own thresholds."""
    efficiency = np.array(CQI_EFFICIENCY_BPS_PER_HZ)
    snr = 2 ** (efficiency + 0.02) - 1
    np.testing.assert_allclose(HarqRate(Harq(block_symbols=10**8))(snr, 1e6), cqi(snr, 1e6), rtol=1e-12)


def test_a_gap_is_lost_power() -> None:
    law, snr = HarqRate(Harq(block_symbols=500)), np.array([3.0, 30.0])
    np.testing.assert_array_equal(law(2 * snr, 1e6, gap=2.0), law(snr, 1e6))


@pytest.mark.parametrize("combining", ["chase", "none"])
@pytest.mark.parametrize("round_trip", [0, 4])
def test_a_round_trip_costs_its_slots_for_every_repetition(combining: str, round_trip: int) -> None:
    """Two transmissions at most, by hand: the first takes a slot, a second another one and the round trip."""
    snr, symbols = np.full(2, 10**0.42), 60
    harq = Harq(symbols, max_transmissions=2, combining=combining, round_trip_slots=round_trip)  # type: ignore[arg-type]
    rate = float(HarqRate(harq)(snr[:1], bandwidth_hz=1.0)[0])
    best = 0.0
    for efficiency in CQI_EFFICIENCY_BPS_PER_HZ:
        first, chased = (float(block_error(snr[:1] * n, efficiency, symbols)[0]) for n in (1, 2))
        second = chased if combining == "chase" else first
        if first <= TARGET_BLOCK_ERROR:
            slots = (1 - first) * 1 + first * (2 + round_trip)
            best = max(best, efficiency * (1 - first * second) / slots)
    assert rate == pytest.approx(best, rel=1e-12)


def test_an_old_report_loses_the_block_that_allows_less() -> None:
    """CQI 15 needs 2^5.5547 - 1 = 46.0 and CQI 1 needs 0.1113: by hand from table 5.2.2.1-2."""
    snr = np.array([50.0, 50.0, 0.2, 0.2, 50.0])
    rates = OutdatedCqi()(snr, bandwidth_hz=1.0)
    # Known; as good as before; chosen too high, lost; known to be bad; still taken to be bad. log2(1.2) = 0.263.
    assert rates.tolist() == [5.5547, 5.5547, 0.0, 0.2344, 0.2344]
    long_blocks = HarqRate(Harq(10**8, max_transmissions=1), outdated=True)
    np.testing.assert_allclose(long_blocks(snr, bandwidth_hz=1.0), rates, rtol=1e-9)


def test_harq_rescues_a_block_that_an_old_report_overrates() -> None:
    # At CQI 5 (0.877 bit/s/Hz) chosen at SNR 1.2, a block at SNR 0.5 carries 0.585 bit/s/Hz: long blocks fail
    # alone, and two of them together (SNR 1.0, 1 bit/s/Hz) are decoded: half the efficiency.
    snr = np.array([1.2, 0.5])
    chase = HarqRate(Harq(10**8, max_transmissions=2), outdated=True)(snr, bandwidth_hz=1.0)
    assert chase.tolist() == pytest.approx([0.877, 0.877 / 2], rel=1e-9)
    alone = HarqRate(Harq(10**8, max_transmissions=2, combining="none"), outdated=True)(snr, bandwidth_hz=1.0)
    assert alone.tolist() == pytest.approx([0.877, 0.0], abs=1e-12)
