from __future__ import annotations

import numpy as np
from scipy import stats

from traces.speculative.draws import token_draws, uniforms


def test_streams_are_keyed_and_do_not_depend_on_the_table() -> None:
    wide = token_draws([(0, 3), (5, 3), (0, 4)], 30, 20)
    narrow = token_draws([(5, 3)], 10, 4)
    np.testing.assert_array_equal(wide.draft[1, :10], narrow.draft[0])
    np.testing.assert_array_equal(wide.perturb[1, :10, :4], narrow.perturb[0])
    tables = [wide.draft, wide.accept, wide.resample, wide.llm, wide.skip, *np.moveaxis(wide.perturb, -1, 0)]
    everything = np.concatenate([table.ravel() for table in tables])
    assert len(np.unique(everything)) == everything.size


def test_streams_are_uniform_and_unrelated() -> None:
    draws = np.array([uniforms(seed, prompt, 0, 50) for seed in range(20) for prompt in range(20)])
    assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-3
    first, second = draws[:-1].ravel(), draws[1:].ravel()
    # Neighbouring keys: a correlation of independent uniforms has standard deviation 1/sqrt(n).
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)
