"""Several drafts in a round are what the definition of speculative decoding says (arXiv 2211.17192, algorithm 1)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.deciding.policies import Hlm
from tests.trace_factory import SAMPLES, THETA_MAX, TablePair
from traces.format.forest import Forest
from traces.format.nodes import Sampler
from traces.format.trace import Trace
from traces.speculative.blocks import Blocks, BlockState
from traces.speculative.draws import TokenDraws, token_draws
from traces.speculative.exchanges import exchanges_of
from traces.speculative.lattice import coarsen_each
from traces.speculative.payloads import Coarse, ProbabilityOnly
from traces.speculative.rounds import ALL, Measure, Rounds
from traces.speculative.stops import EntropyBucket, Fixed, Probability, Product, Stop
from traces.speculative.upload import Payload, Upload
from traces.speculative.walk import walk

SHIPPED = Path(__file__).resolve().parents[3] / "traces"
#: A text, and how many tokens each round gave.
Law = dict[tuple[tuple[int, ...], tuple[int, ...]], float]


def model(seed: int, size: int) -> NDArray[np.float64]:
    """Distributions of the next token given the last one: [size, size]."""
    rows = np.random.default_rng(seed).dirichlet(np.full(size, 0.7), size)
    return np.asarray(rows)


def defined_law(
    x: NDArray[np.float64], y: NDArray[np.float64], gamma: int, length: int, *, bonus: bool
) -> Law:
    """Joint law of text and rounds by the algorithm as it is defined: all drafts first, then one after the other."""
    law: Law = defaultdict(float)

    def go_on(text: tuple[int, ...], rounds: tuple[int, ...], weight: float) -> None:
        if len(text) == length:
            law[text, rounds] += weight
            return
        left = length - len(text)
        for drafts in itertools.product(range(len(x)), repeat=min(gamma, left)):
            path = (*text[-1:], *drafts) if text else (0, *drafts)
            chance = weight * float(np.prod([x[last, new] for last, new in itertools.pairwise(path)]))
            for number, draft in enumerate(drafts):
                p, q = x[path[number]], y[path[number]]
                accept = min(1.0, q[draft] / p[draft])
                rest = np.maximum(q - p, 0.0)
                for token in np.flatnonzero(rest).tolist() if accept < 1 else ():
                    new = (*drafts[:number], token)
                    again = chance * (1 - accept) * float(rest[token] / rest.sum())
                    go_on(text + new, (*rounds, len(new)), again)
                chance *= accept
            if not bonus or len(drafts) == left:
                go_on(text + drafts, (*rounds, len(drafts)), chance)
                continue
            for token in range(len(x)):
                own = chance * float(y[path[-1], token])
                go_on((*text, *drafts, token), (*rounds, len(drafts) + 1), own)

    go_on((), (), 1.0)
    return law


def grouped_law(
    x: NDArray[np.float64], y: NDArray[np.float64], gamma: int, length: int, *, bonus: bool
) -> Law:
    """The law of one draft a round, every outcome of every position, grouped by ``BlockState``."""
    outcomes = list(itertools.product(range(len(x)), (True, False)))
    paths = list(itertools.product(outcomes, repeat=length))
    rounds = Rounds.empty(len(paths), length)
    rounds.token[:] = [[token for token, _ in path] for path in paths]
    rounds.accepted[:] = [[accepted for _, accepted in path] for path in paths]
    rounds.transmitted[:], rounds.length[:] = True, length
    last = np.concatenate([np.zeros((len(paths), 1), int), rounds.token[:, :-1]], axis=1)
    p, q = x[last, rounds.token], y[last, rounds.token]
    weight = np.where(rounds.accepted, np.minimum(p, q), np.maximum(q - p, 0.0)).prod(axis=1)
    policy, state, everyone = Blocks(gamma, bonus), BlockState(len(paths)), np.arange(len(paths))
    for position in range(length):
        due = state.due.copy()
        state.bonus(rounds, everyone[due], position)
        own = everyone[~due]
        state.open(policy, own, position)
        state.close(state.drafted(rounds, policy, own, position, np.zeros(len(own), bool)))
    exchanges = exchanges_of(rounds)
    law: Law = defaultdict(float)
    for path in everyone:
        emitted = tuple(exchanges.emitted[path, : exchanges.length[path]].tolist())
        law[tuple(rounds.token[path].tolist()), emitted] += float(weight[path])
    return law


def difference(law: Law, other: Law) -> float:
    return max(abs(law.get(key, 0.0) - other.get(key, 0.0)) for key in law.keys() | other.keys())


@pytest.mark.parametrize("gamma", [1, 2, 3, 4])
@pytest.mark.parametrize("bonus", [True, False])
def test_the_joint_law_of_text_and_rounds(gamma: int, bonus: bool) -> None:
    x, y = model(1, 2), model(2, 2)
    # Sums of some thousand products of numbers below 1: a few units of the last digit.
    assert (
        difference(grouped_law(x, y, gamma, 5, bonus=bonus), defined_law(x, y, gamma, 5, bonus=bonus)) < 1e-14
    )


def test_with_three_tokens_and_a_draft_from_the_lattice() -> None:
    x, y = model(3, 3), model(4, 3)
    starts = np.arange(0, 9, 3)
    coarse = coarsen_each(x.ravel(), starts, starts + 3, ALL, 7).reshape(3, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        defined = defined_law(np.where(coarse > 0, coarse, 1e-300), y, 2, 4, bonus=True)
    assert difference(grouped_law(coarse, y, 2, 4, bonus=True), defined) < 1e-14


def test_a_missing_bonus_and_a_bonus_from_the_small_model_are_seen() -> None:
    x, y = model(1, 2), model(2, 2)
    right = defined_law(x, y, 2, 5, bonus=True)
    assert difference(grouped_law(x, y, 2, 5, bonus=False), right) > 1e-3
    assert difference(grouped_law(x, x, 2, 5, bonus=True), right) > 1e-3


def test_tokens_a_round_on_the_shipped_trace() -> None:
    """1.729, 2.241, 2.889, 3.439: published to four digits; the text is that of one draft a round."""
    trace = Trace.open(SHIPPED / "tiny")
    policies = [Blocks(gamma) for gamma in (1, 2, 4, 8)]
    tokens, exchanges = 0, np.zeros(4)
    for seed in trace.manifest.token_seeds:
        groups = [(prompt, seed) for prompt in trace.prompts]
        forest, draws = trace.forest(groups), token_draws(groups, 48, SAMPLES)
        hlm, *blocks = walk(forest, forest.roots, [Hlm(), *policies], draws, 48, Measure())
        tokens += hlm.length.sum()
        for number, rounds in enumerate(blocks):
            np.testing.assert_array_equal(rounds.token, hlm.token)
            exchanges[number] += exchanges_of(rounds).length.sum()
    np.testing.assert_allclose(tokens / exchanges, [1.729, 2.241, 2.889, 3.439], atol=5e-4)


class Plain:
    """Speculative decoding token by token with the draws of one group, as one would write it down."""

    def __init__(
        self, pair: TablePair, draws: TokenDraws, policy: Blocks, length: int, eos: int | None
    ) -> None:
        self.pair, self.draws, self.policy, self.length, self.eos = pair, draws, policy, length, eos

    def distributions(self, last: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What drafts are drawn from and judged by, and the LLM's."""
        tables = (self.pair.slm[last].astype(float), self.pair.llm[last].astype(float))
        x, y = (np.exp(logit - logit.max()) / np.exp(logit - logit.max()).sum() for logit in tables)
        payload = self.policy.payload
        if isinstance(payload, Coarse):
            x = coarsen_each(x, np.array([0]), np.array([len(x)]), payload.entries, payload.levels)
        return x, y

    @staticmethod
    def choose(weights: NDArray[np.float64], draw: float) -> int:
        return int(np.searchsorted(np.cumsum(weights), draw * weights.sum(), side="right"))

    def stops(self, level: float, x: NDArray[np.float64], draft: int) -> tuple[float, bool]:
        match self.policy.stop:
            case Probability(at_least):
                return level, x[draft] < at_least
            case Product(at_least):
                return level * x[draft], level * x[draft] < at_least
            case EntropyBucket(limit, bucket):
                positive = x[x > 0]
                level = max(0.0, level - float((positive * np.log(positive)).sum()) - limit)
                return level, level > bucket
        return level, False

    def run(self, last: int) -> tuple[list[int], list[tuple[int, int]]]:
        """The text, and of every round the drafts and the tokens that came out."""
        text: list[int] = []
        rounds: list[tuple[int, int]] = []
        while len(text) < self.length and self.eos not in text:
            start, level, here = len(text), self.policy.stop.start, last
            drafts: list[int] = []
            while len(drafts) < min(self.policy.gamma, self.length - start):
                x, _ = self.distributions(here)
                here = self.choose(x, self.draws.draft[0, start + len(drafts)])
                drafts.append(here)
                level, stop = self.stops(level, x, here)
                if stop or here == self.eos:
                    break
            out: list[int] = []
            for draft in drafts:
                x, y = self.distributions(out[-1] if out else last)
                at = start + len(out)
                if self.draws.accept[0, at] * x[draft] < y[draft]:
                    out.append(draft)
                    continue
                out.append(self.choose(np.maximum(y - x, 0.0), self.draws.resample[0, at]))
                break
            else:
                if self.policy.bonus and len(text) + len(out) < self.length and self.eos not in out:
                    out.append(self.bonus(out[-1], start + len(out)))
            text += out
            rounds.append((len(drafts), len(out)))
            last = text[-1]
        return text, rounds

    def bonus(self, last: int, at: int) -> int:
        """One draft judged by the whole distribution, which has the law of ``y``."""
        tables = (self.pair.slm[last].astype(float), self.pair.llm[last].astype(float))
        x, y = (np.exp(logit - logit.max()) / np.exp(logit - logit.max()).sum() for logit in tables)
        draft = self.choose(x, self.draws.draft[0, at])
        accepted = self.draws.accept[0, at] * x[draft] < y[draft]
        return draft if accepted else self.choose(np.maximum(y - x, 0.0), self.draws.resample[0, at])


STOPS: list[Stop] = [Fixed(), Probability(0.4), Product(0.3), EntropyBucket(0.8, 1.0)]
PAYLOADS: list[Payload] = [Upload(), Coarse(ALL, 20), Coarse(4), Coarse(5, 12), ProbabilityOnly()]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    ("gamma", "bonus", "eos"), [(1, True, None), (3, True, 5), (4, False, None), (5, True, 2)]
)
def test_walks_equal_the_loop_that_one_would_write_down(
    stop: Stop, payload: Payload, gamma: int, bonus: bool, eos: int | None
) -> None:
    pair, sampler, length = TablePair(10, 7), Sampler(1.0, 1.0), 20
    policy = Blocks(gamma, bonus, payload, stop)
    for seed in range(6):
        forest = Forest([pair.root(3, sampler)], sampler, 10)

        def expand(
            parents: NDArray[np.int64], new: NDArray[np.int64], forest: Forest = forest
        ) -> NDArray[np.int64]:
            return forest.append(pair.nodes(parents, new, new, sampler))

        draws = token_draws([(0, seed)], length, SAMPLES)
        measure = Measure(SAMPLES, THETA_MAX)
        rounds = walk(forest, forest.roots, [policy], draws, length, measure, eos=eos, expand=expand)[0]
        exchanges = exchanges_of(rounds)
        text, expected = Plain(pair, draws, policy, length, eos).run(3)
        assert rounds.token[0, : rounds.length[0]].tolist() == text
        drafted, emitted = (
            table[0, : exchanges.length[0]].tolist() for table in (exchanges.drafted, exchanges.emitted)
        )
        if isinstance(stop, Fixed) and eos is not None:
            # Behind a rejected draft a fixed rule looks at nothing, so that it can't see a text end there.
            assert emitted == [out for _, out in expected]
            assert all(here >= there for here, (there, _) in zip(drafted, expected, strict=True))
        else:
            assert list(zip(drafted, emitted, strict=True)) == expected
        assert not rounds.unrecorded.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": 0}, "gamma is at least 1, given 0"),
        ({"gamma": 2, "keeps": True}, "what is kept is said by a rule that looks at the drafts"),
        ({"gamma": 2, "overlap": True}, "no bonus, no rule, nothing kept"),
        ({"gamma": 2, "bonus": False, "overlap": True, "stop": Probability(0.3)}, "no bonus, no rule, nothing kept"),
    ],
)  # fmt: skip
def test_rounds_that_contradict_themselves_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Blocks(**settings)
    assert Blocks(2, bonus=False, overlap=True).overlap


def test_only_the_measure_that_counts_has_samples() -> None:
    assert Measure(None, name="margin").samples is None
    with pytest.raises(ValueError, match="the measure 'margin' has no samples, given 20"):
        Measure(20, name="margin")
