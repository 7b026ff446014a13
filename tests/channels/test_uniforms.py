"""Compiled draws are numpy's own, to the bit, and neighbouring keys know nothing of each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from channels.uniforms import keyed_uniforms

#: Numbers of one and of two words, 0 among them: each is split as `numpy.random.SeedSequence` does.
NUMBERS = [0, 1, 2, 54, 2**31, 2**32 - 1, 2**32, 2**32 + 7, 2**62 + 3, 2**63 - 1]


@pytest.mark.parametrize("num_numbers", [1, 3, 4, 6])
@pytest.mark.parametrize("skip", [0, 1, 2, 255, 10**6, 2**40 + 12345])
def test_draws_are_those_of_numpy(num_numbers: int, skip: int) -> None:
    picked = np.random.default_rng(3).choice(NUMBERS, (20, num_numbers))
    starts = np.arange(21) * 9
    ours = keyed_uniforms(picked, skip, starts).reshape(20, 9)
    for key, own in zip(picked.tolist(), ours, strict=True):
        bits = np.random.PCG64(key)
        assert np.array_equal(own, np.random.Generator(bits.advance(skip)).random(9))


def test_each_key_gets_as_many_as_it_asks_for() -> None:
    keys = np.array([[2, 0, 0], [2, 0, 1], [2, 0, 2], [2, 0, 3]])
    starts = np.array([0, 3, 3, 10, 11])
    ours = keyed_uniforms(keys, 0, starts)
    expected = [
        np.random.default_rng(key).random(count) for key, count in zip(keys, np.diff(starts), strict=True)
    ]
    assert np.array_equal(ours, np.concatenate(expected))


def test_neighbouring_keys_are_independent() -> None:
    """Over 400 keys that differ by one: uniform in each place, no correlation, pairs fill the square evenly.

    Each of the four p-values of independent draws is uniform, so that one below 1e-4 in any of them comes once in 2500
    seeds; the keys are fixed.
    """
    keys = np.array([[2, seed, 0, prompt] for seed in range(40) for prompt in range(10)])
    draws = keyed_uniforms(keys, 0, np.arange(401) * 64).reshape(400, 64)
    first, second = draws[:-1].ravel(), draws[1:].ravel()
    cells = np.histogram2d(first, second, bins=16, range=[[0, 1], [0, 1]])[0].ravel()
    p_values = [
        stats.kstest(draws.ravel(), "uniform").pvalue,
        stats.kstest(draws[:, 0], "uniform").pvalue,
        stats.pearsonr(first, second).pvalue,
        stats.chisquare(cells).pvalue,
    ]
    assert min(p_values) > 1e-4
