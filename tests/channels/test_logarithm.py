"""The logarithm, compiled and in numpy's steps, against decimal arithmetic of fifty digits."""

from __future__ import annotations

import math
import sys
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import NDArray

from channels import logarithm
from channels.compiled_logarithm import log1p
from channels.fading import Rayleigh
from channels.logarithm import exponential_gains, shannon_rates
from channels.rates import shannon

FloatArray = NDArray[np.float64]
RNG = np.random.default_rng(20260731)


def exact(x: float) -> Decimal:
    """log(1 + x) to fifty digits; 1 + x itself has as many as it needs."""
    with localcontext(Context(prec=400)):
        whole = 1 + Decimal(x)
    return whole.ln(Context(prec=50))


def ulps(value: float, x: float) -> float:
    """How far a value is from log(1 + x), in units in the last place of a float."""
    return abs(float((Decimal(value) - exact(x)) / Decimal(math.ulp(value))))


@pytest.mark.parametrize(
    "values",
    [
        RNG.uniform(0, 1000, 400),
        -RNG.random(400),
        10.0 ** RNG.uniform(-17, 17, 400),
        -(10.0 ** RNG.uniform(-17, 0, 400)),
        2 ** RNG.uniform(-0.51, 0.51, 400) - 1,
        2.0 ** -np.arange(1, 54) - 1,
    ],
    ids=["rates", "gains", "powers of ten", "towards minus one", "about the roots of two", "next to minus one"],
)  # fmt: skip
def test_less_than_a_unit_in_the_last_place(values: FloatArray) -> None:
    """The polynomial is wrong by 2**-58.45 of a value, all roundings together by less than a unit (fdlibm)."""
    assert max(ulps(log1p(x), x) for x in values.tolist()) < 1
    assert logarithm.log1p(values).tolist() == [log1p(x) for x in values.tolist()]


def test_next_to_minus_one() -> None:
    """What the largest uniform gives: 53 log(2), each side wrong by a last digit at most."""
    assert log1p(-(1 - 2.0**-53)) == pytest.approx(-53 * math.log(2), rel=4e-16)


@pytest.mark.parametrize("x", [0.0, 5e-324, -5e-324, 1e-300, 2.0**-54, math.inf])
def test_gives_back_what_is_its_own_logarithm(x: float) -> None:
    assert log1p(x) == x == logarithm.log1p(np.array(x))


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(log1p(math.nan))
    assert np.isnan(logarithm.log1p(np.array([math.nan]))).all()


def test_the_largest_float() -> None:
    largest = np.finfo(np.float64).max
    assert ulps(log1p(float(largest)), float(largest)) < 1


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 64, 1001])
def test_a_value_depends_on_none_beside_it(length: int) -> None:
    """Compiled loops take several at once, and the last ones alone."""
    rng = np.random.default_rng(length)
    uniform, snr = rng.random(length), rng.exponential(30, length)
    assert exponential_gains(uniform).tolist() == [abs(log1p(-own)) for own in uniform.tolist()]
    alone = [float(shannon_rates(np.array([own]), 1e7, 1.5)[0]) for own in snr.tolist()]
    assert shannon_rates(snr, 1e7, 1.5).tolist() == alone


def test_a_process_that_compiles_nothing_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    uniform, snr = rng.random((2, 5000)), rng.exponential(30, (2, 5000))
    compiled = exponential_gains(uniform), shannon_rates(snr, 1e7, 1.5)
    monkeypatch.delitem(sys.modules, "numba")
    monkeypatch.delitem(sys.modules, "channels.compiled_logarithm")
    plain = exponential_gains(uniform), shannon_rates(snr, 1e7, 1.5)
    assert "channels.compiled_logarithm" not in sys.modules
    assert [own.tobytes() for own in plain] == [own.tobytes() for own in compiled]


def test_gains_and_rates_are_made_of_it() -> None:
    """What the C library gives, but for a last digit of each: 2.2e-16; of a rate, two products and a quotient more."""
    uniform = np.random.default_rng(2).random((3, 5))
    np.testing.assert_allclose(Rayleigh().gains(uniform), -np.log1p(-uniform), rtol=4e-16)
    rates_bps = 1e6 * np.log1p(uniform[:, ::2] / 2) / math.log(2)
    np.testing.assert_allclose(shannon(uniform[:, ::2], 1e6, 2.0), rates_bps, rtol=1e-15)
