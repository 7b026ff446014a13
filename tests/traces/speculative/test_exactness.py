"""The output of hlm is distributed as the LLM's ``y`` (arXiv 2211.17192, theorem 1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import traces.speculative.step
from netsim.deciding.policies import Hlm, Oracle, UHlm
from tests.trace_factory import make_trace
from traces.format.forest import Forest
from traces.format.trace import Trace
from traces.speculative.draws import TokenDraws, token_draws
from traces.speculative.verify import choose
from traces.speculative.walk import Measure, Policy, walk

DRAWS_PER_NODE = 400
#: A correct walk fails one seed in ten thousand; the seed is fixed.
LEAST_P = 1e-4
SHIPPED = Path(__file__).resolve().parents[3] / "traces"


def random_draws(count: int, seed: int) -> TokenDraws:
    """Draws of ``count`` single rounds."""
    rng = np.random.default_rng(seed)
    draft, accept, resample, llm, skip = (rng.random((count, 1)) for _ in range(5))
    return TokenDraws(draft, accept, resample, llm, skip, perturb=rng.random((count, 1, 20)))


def one_round(forest: Forest, nodes: NDArray[np.int64], policy: Policy, seed: int) -> NDArray[np.int64]:
    """Outputs of ``DRAWS_PER_NODE`` independent rounds at each node: [num_nodes, draws]."""
    draws = random_draws(len(nodes) * DRAWS_PER_NODE, seed)
    roots = np.repeat(nodes, DRAWS_PER_NODE)
    rounds = walk(forest, roots, [policy], draws, 1, Measure())[0]
    return rounds.token.reshape(len(nodes), DRAWS_PER_NODE)


def pooled_p_value(forest: Forest, nodes: NDArray[np.int64], tokens: NDArray[np.int64]) -> float:
    """Chi-square of output against ``y``, statistics and degrees of freedom added up over nodes."""
    statistic, freedom = 0.0, 0
    for node, drawn in zip(nodes, tokens, strict=True):
        row = slice(forest.starts[node], forest.ends[node])
        expected = DRAWS_PER_NODE * forest.y[row]
        observed = (drawn[:, None] == forest.table.ids[row]).sum(axis=0)
        common = expected >= 5
        cells = [(observed[common], expected[common])]
        if (rest := expected[~common].sum()) > 0:
            cells.append((np.array([observed[~common].sum()]), np.array([rest])))
        for o, e in cells:
            statistic += float(((o - e) ** 2 / e).sum())
            freedom += len(e)
        freedom -= 1
    return float(stats.chi2.sf(statistic, freedom))


def hlm_nodes(trace: Trace, groups: int) -> tuple[Forest, NDArray[np.int64]]:
    """Nodes that hlm's own paths visit, of the first groups of a trace."""
    seed = trace.manifest.token_seeds[0]
    pairs = [(prompt, seed) for prompt in trace.prompts][:groups]
    forest = trace.forest(pairs)
    tokens = trace.manifest.num_tokens
    rounds = walk(forest, forest.roots, [Hlm()], token_draws(pairs, tokens, 20), tokens, Measure())[0]
    return forest, np.unique(rounds.node[rounds.valid])


@pytest.fixture(scope="module")
def table_trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("table"), prompts=8, num_tokens=12, vocabulary_size=12)


def test_hlm_is_exact_on_table_models(table_trace: Trace) -> None:
    forest, nodes = hlm_nodes(table_trace, 8)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Hlm(), 1)) > LEAST_P


def resample_from_y(
    _x: NDArray[np.float64],
    y: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    draws: NDArray[np.float64],
) -> NDArray[np.int64]:
    return choose(y, starts, ends, draws)


def accept_by_y(
    _x: NDArray[np.float64], y: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.bool_]:
    return draws < y


def accept_half_too_often(
    x: NDArray[np.float64], y: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.bool_]:
    return draws * x < 1.5 * y


@pytest.mark.parametrize(
    ("name", "mistake"),
    [("resample_each", resample_from_y), ("accepts", accept_by_y), ("accepts", accept_half_too_often)],
)
def test_the_chi_square_catches_the_classic_mistakes(
    table_trace: Trace, monkeypatch: pytest.MonkeyPatch, name: str, mistake: Callable[..., object]
) -> None:
    forest, nodes = hlm_nodes(table_trace, 8)
    monkeypatch.setattr(traces.speculative.step, name, mistake)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Hlm(), 1)) < 1e-12


def test_skipping_is_not_exact_and_the_chi_square_says_so(table_trace: Trace) -> None:
    forest, nodes = hlm_nodes(table_trace, 8)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, UHlm(1.0), 1)) < 1e-12


def test_rejection_rate_is_the_total_variation_distance(table_trace: Trace) -> None:
    """E over drafts of max(0, 1 - y_d / x_d) is TV(x, y); 400 draws a node, five standard errors."""
    forest, nodes = hlm_nodes(table_trace, 8)
    draws = random_draws(len(nodes) * DRAWS_PER_NODE, 2)
    rounds = walk(forest, np.repeat(nodes, DRAWS_PER_NODE), [Oracle()], draws, 1, Measure())[0]
    tv = np.array(
        [np.maximum(forest.x - forest.y, 0)[forest.starts[n] : forest.ends[n]].sum() for n in nodes]
    )
    spread = 5 * np.sqrt((tv * (1 - tv)).sum() * DRAWS_PER_NODE)
    assert abs(rounds.transmitted.sum() - tv.sum() * DRAWS_PER_NODE) < spread
    assert abs(rounds.rejection.sum() - tv.sum() * DRAWS_PER_NODE) < spread
