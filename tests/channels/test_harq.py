from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from channels.harq import Harq, block_error
from channels.rates import FloatArray

SNR = np.full(4, 2.0)
EFFICIENCY = 2.0  # above the capacity of one transmission at SNR 2, log2(3) = 1.58


def error_by_hand(snr: float, efficiency: float, symbols: int) -> float:
    """The normal approximation for real channel uses, as in the paper: two uses a complex symbol."""
    uses = 2 * symbols
    capacity = 0.5 * math.log2(1 + snr)
    dispersion = snr / 2 * (snr + 2) / (snr + 1) ** 2 * math.log2(math.e) ** 2
    bits = efficiency * symbols
    margin = uses * capacity - bits + 0.5 * math.log2(uses)
    return float(stats.norm.sf(margin / math.sqrt(uses * dispersion)))


@pytest.mark.parametrize("snr", [0.1, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("symbols", [100, 1000])
def test_block_error_is_the_normal_approximation(snr: float, symbols: int) -> None:
    for share in (0.8, 0.95, 1.0, 1.05):
        efficiency = share * math.log2(1 + snr)
        expected = error_by_hand(snr, efficiency, symbols)
        assert block_error(np.array([snr]), efficiency, symbols)[0] == pytest.approx(expected, rel=1e-9)


def test_published_blocklength_for_nine_tenths_of_capacity() -> None:
    # Polyanskiy, Poor and Verdu 2010, equation 300: the length for a share of capacity is about
    # V / C^2 * (Qinv(error) / (1 - share))^2; the logarithm, which it drops, shortens it by under 15 %.
    snr, error = 1.0, 1e-3
    dispersion = 0.5 * snr * (snr + 2) / (snr + 1) ** 2 * math.log2(math.e) ** 2
    uses = dispersion / (0.5 * math.log2(1 + snr)) ** 2 * (stats.norm.isf(error) / 0.1) ** 2

    def excess(symbols: float) -> float:
        return float(block_error(np.array([snr]), 0.9 * math.log2(1 + snr), int(symbols))[0]) - error

    symbols = optimize.brentq(excess, 100, 10_000, xtol=1.0)
    assert 0.85 * uses < 2 * symbols < uses


def test_long_blocks_fail_above_capacity_only() -> None:
    snr = np.array([1.0])
    assert block_error(snr, 0.99, 10**6)[0] < 1e-10
    assert block_error(snr, 1.01, 10**6)[0] > 1 - 1e-10


def test_nothing_gets_through_without_signal() -> None:
    assert block_error(np.array([0.0]), 0.01, 1000)[0] == 1.0


def test_residual_error_is_the_product_of_block_errors() -> None:
    chase = [error_by_hand(2.0 * attempt, EFFICIENCY, 200) for attempt in (1, 2, 3, 4)]
    alone = error_by_hand(2.0, EFFICIENCY, 200)
    np.testing.assert_allclose(Harq(200).undecoded(SNR, EFFICIENCY), np.cumprod(chase), rtol=1e-6)
    np.testing.assert_allclose(
        Harq(200, combining="none").undecoded(SNR, EFFICIENCY), alone ** np.arange(1, 5), rtol=1e-9
    )


@pytest.mark.parametrize(("combining", "efficiency"), [("chase", 2.0), ("none", 1.3)])
def test_samples_have_the_expected_number_of_transmissions(combining: Any, efficiency: float) -> None:
    harq = Harq(20, max_transmissions=3, combining=combining)
    snr: FloatArray = np.array([1.0, 2.0, 0.5])
    num_blocks = 20_000
    samples = [harq.sample(snr, efficiency, float(u)) for u in np.random.default_rng(0).random(num_blocks)]
    counts = np.array([count for count, _ in samples])
    lost = np.mean([not decoded for _, decoded in samples])
    # Attempt by attempt with a draw each, independent of the cumulative product.
    errors = block_error(np.cumsum(snr) if combining == "chase" else snr, efficiency, 20)
    failed = np.random.default_rng(1).random((num_blocks, 3)) < errors
    by_hand = np.where(failed[:, 0], np.where(failed[:, 1], 3, 2), 1)
    # Two independent means each: 4 standard errors of their difference.
    assert abs(counts.mean() - by_hand.mean()) < 4 * math.sqrt((counts.var() + by_hand.var()) / num_blocks)
    residual = failed.all(axis=1).mean()
    assert abs(lost - residual) < 4 * math.sqrt(2 * residual * (1 - residual) / num_blocks)
    expected = harq.expected_transmissions(snr, efficiency)
    assert abs(counts.mean() - expected) < 4 * counts.std() / math.sqrt(num_blocks)
    assert 1 < expected < 3


def test_one_transmission_is_always_one() -> None:
    single = Harq(200, max_transmissions=1)
    assert single.expected_transmissions(np.array([2.0]), EFFICIENCY) == 1.0
    assert single.sample(np.array([2.0]), EFFICIENCY, 0.0) == (1, False)
    assert single.sample(np.array([1e6]), EFFICIENCY, 0.5) == (1, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block_symbols": 0}, "Harq.block_symbols: must be at least 1, got 0"),
        ({"max_transmissions": 5}, "Harq.max_transmissions: must be 1 to 4, got 5"),
        ({"combining": "ir"}, "Harq.combining: must be chase or none, got 'ir'"),
        ({"round_trip_slots": -1}, "Harq.round_trip_slots: must be at least 0, got -1"),
    ],
)
def test_value_out_of_range_is_refused(change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"block_symbols": 100, **change}
    with pytest.raises(ValueError, match=message):
        Harq(**values)
