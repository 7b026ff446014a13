from __future__ import annotations

import math

import numpy as np
import pytest

from channels.rates import CQI_EFFICIENCY_BPS_PER_HZ, cqi, shannon

# CQI 1 to 15 of TS 38.214 table 5.2.2.1-2: bits per symbol of the modulation, code rate x 1024.
MODULATION_AND_CODE = [
    *[(2, rate) for rate in (78, 120, 193, 308, 449, 602)],
    *[(4, rate) for rate in (378, 490, 616)],
    *[(6, rate) for rate in (466, 567, 666, 772, 873, 948)],
]


def test_shannon_is_its_formula() -> None:
    snr = np.array([0.1, 1.0, 10.0, 1000.0])
    expected = [1e6 * math.log2(1 + value) for value in (0.1, 1.0, 10.0, 1000.0)]
    np.testing.assert_allclose(shannon(snr, 1e6), expected, rtol=1e-14)


def test_shannon_keeps_its_digits_in_a_deep_fade() -> None:
    # log2(1 + x) = x / ln 2 * (1 - x / 2 + ...), and 1 + 1e-18 rounds to 1.
    np.testing.assert_allclose(shannon(np.array([1e-18]), 1e6), 1e6 * 1e-18 / math.log(2), rtol=1e-15)


def test_gap_divides_the_snr() -> None:
    np.testing.assert_array_equal(shannon(np.array([30.0]), 1e6, gap=10.0), shannon(np.array([3.0]), 1e6))
    np.testing.assert_array_equal(cqi(np.array([30.0]), 1e6, gap=10.0), cqi(np.array([3.0]), 1e6))


def test_cqi_table_is_modulation_times_code_rate() -> None:
    # The table prints the efficiency with four digits behind the point.
    efficiencies = [bits * rate / 1024 for bits, rate in MODULATION_AND_CODE]
    np.testing.assert_allclose(CQI_EFFICIENCY_BPS_PER_HZ, efficiencies, atol=0.5e-4, rtol=0)


@pytest.mark.parametrize("index", range(15))
def test_cqi_steps_up_where_shannon_reaches_the_entry(index: int) -> None:
    efficiency = CQI_EFFICIENCY_BPS_PER_HZ[index]
    below = CQI_EFFICIENCY_BPS_PER_HZ[index - 1] if index else 0.0
    snr = 2**efficiency - 1
    np.testing.assert_array_equal(
        cqi(np.array([snr * (1 - 1e-9), snr * (1 + 1e-9)]), 1e6), [below * 1e6, efficiency * 1e6]
    )


def test_cqi_never_beats_shannon() -> None:
    snr = np.geomspace(1e-4, 1e6, 500)
    assert (cqi(snr, 1e6) <= shannon(snr, 1e6)).all()
    assert cqi(snr, 1e6)[0] == 0.0
