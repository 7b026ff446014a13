from __future__ import annotations

import numpy as np
import pytest

from channels.goodput import TARGET_BLOCK_ERROR, HarqRate
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
