"""Rounds without models: uncertainty from a distribution, rejection from a line, independent from round to round.

For someone who has published statistics of a pair and not the pair. The line ``beta = clip(a u + b, 0, 1)`` of arXiv
2412.12687 is exact here, so that its theory can be held against simulation. There are no tokens and no
distributions: no text, no likelihood, no reconstruction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from traces.format.manifest import digest_of
from traces.speculative.blocks import Blocks, BlockState
from traces.speculative.draws import TokenDraws, token_draws, visit_key
from traces.speculative.rounds import ALL, Drafts, Policy, Rounds
from traces.speculative.upload import Compressed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ParametricTrace:
    """Statistics of a pair, in the place of a recorded trace.

    Attributes
    ----------
    vocabulary_size : int. ``V``.
    alpha, beta : float, above 0
        The probability ``q`` that a temperature sample disagrees is drawn from ``Beta(alpha, beta)``; with ``K``
        samples ``K u ~ Binomial(K, q)``, in the limit of many ``u = q``.
    a, b : float. Line of the rejection probability over ``u``.
    delta : float or None. ``P(y_d < x_d)``, for the risk-prone threshold.
    num_prompts, prompt_tokens : int. Prompts of a run, and the length of each.
    """

    vocabulary_size: int
    alpha: float
    beta: float
    a: float
    b: float
    delta: float | None
    num_prompts: int
    prompt_tokens: int

    @property
    def prompts(self) -> list[int]:
        """Numbers of the prompts."""
        return list(range(self.num_prompts))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the statistics."""
        return digest_of(asdict(self))

    def rejection(self, uncertainty: FloatArray) -> FloatArray:
        """Rejection probability ``clip(a u + b, 0, 1)``; any shape."""
        return np.clip(self.a * uncertainty + self.b, 0.0, 1.0)

    @lru_cache(maxsize=128)  # noqa: B019  (every point of a sweep asks again, and what is kept is a few numbers)
    def acceptance(self, samples: int | None) -> float:
        """Probability that a draft is accepted, with so many temperature samples or in the limit of many."""
        if samples is not None:
            from scipy.stats import betabinom  # noqa: PLC0415  (a second of start-up that few scenarios need)

            counts = np.arange(samples + 1)
            law = betabinom(samples, self.alpha, self.beta).pmf(counts)
            return float(1 - (law * self.rejection(counts / samples)).sum())
        from scipy.special import betaincinv  # noqa: PLC0415  (half a second, of no use to recorded traces)

        # Mid-quantiles of u: the error falls with the square of their number, to below 1e-7.
        quantiles = (np.arange(4096) + 0.5) / 4096
        return float(1 - self.rejection(betaincinv(self.alpha, self.beta, quantiles)).mean())


@dataclass(frozen=True)
class ParametricDecider:
    """Decides rounds from a pair's statistics; every seed has token draws of its own.

    Attributes
    ----------
    trace : ParametricTrace
    samples : int or None. Temperature samples ``K``; None is the limit of many.
    num_tokens : int. Of each prompt.
    """

    trace: ParametricTrace
    samples: int | None
    num_tokens: int

    def token_seed(self, seed: int) -> int:
        """Token seed of a row: the seed itself."""
        return seed

    def draws_key(self, seed: int, visit: int) -> tuple[int, int]:
        """What the draws of a row's visit to the prompts depend on: both."""
        return seed, visit

    @property
    def prompt_tokens(self) -> NDArray[np.int64]:
        """Length of each prompt: [num_prompts], int."""
        return np.full(self.trace.num_prompts, self.trace.prompt_tokens)

    def rounds(self, policy: Policy, seed: int, visit: int = 0) -> Rounds:
        """Rounds of every prompt: what a policy sends, and whether the LLM accepts.

        ``visit`` counts how often the prompts were met before under the seed.

        Tokens, nodes and likelihoods are left empty, and nothing is on a tree. A truncated upload costs its
        bits but changes no acceptance, since there is no distribution to truncate.
        """
        groups = [(visit_key(prompt, visit, self.trace.prompts), seed) for prompt in self.trace.prompts]
        draws = token_draws(groups, self.num_tokens, self.samples or 0)
        rounds = Rounds.empty(self.trace.num_prompts, self.num_tokens)
        rounds.length[:] = self.num_tokens
        rounds.output_tv[:] = np.nan
        if not policy.drafts:
            rounds.drafted[:], rounds.bonus[:] = 0, True
            return rounds
        uncertainty, count = self._uncertainty(draws)
        rounds.uncertainty[:] = uncertainty
        rounds.rejection[:] = self.trace.rejection(uncertainty)
        rounds.accepted[:] = draws.accept >= rounds.rejection
        nothing = np.full(uncertainty.shape, np.nan)
        seen = Drafts(
            uncertainty=uncertainty,
            count=count,
            samples=self.samples,
            accepted=rounds.accepted,
            skip_draw=draws.skip,
            probability=nothing,
            entropy=lambda: nothing,
            score=nothing,
        )
        rounds.transmitted[:] = policy.transmits(seen)
        payload = policy.payload if isinstance(policy, Blocks) else None
        payload = policy.upload if isinstance(policy, Compressed) else payload
        entries = getattr(payload, "entries", ALL)
        assert isinstance(entries, int), "a rule for the entries looks at a distribution"
        rounds.entries[:] = entries
        if isinstance(policy, Blocks):
            self._group(rounds, policy, seen)
        return rounds

    def _group(self, rounds: Rounds, policy: Blocks, seen: Drafts) -> None:
        """Gather tokens into exchanges; drafts behind a rejected one are as unsure as those that follow it."""
        stops = policy.stop.after(np.full(seen.uncertainty.shape, policy.stop.start), seen)[1]
        state = BlockState(len(rounds.length))
        groups = np.arange(len(rounds.length))
        for position in range(self.num_tokens):
            due = state.due[groups]
            state.bonus(rounds, groups[due], position)
            own = groups[~due]
            state.open(policy, own, position)
            lost = state.drafted(rounds, policy, own, position, stops[own, position])
            first, most = state.first[lost], state.most(policy, lost, self.num_tokens)
            ahead = first[:, None] + np.arange(policy.gamma)
            further = stops[lost[:, None], np.minimum(ahead, self.num_tokens - 1)] & (ahead > position)
            until = np.where(further.any(axis=1), further.argmax(axis=1) + 1, policy.gamma)
            rounds.drafted[lost, first] = np.minimum(until, most)
            state.close(lost)

    def _uncertainty(self, draws: TokenDraws) -> tuple[FloatArray, NDArray[np.int64] | None]:
        from scipy.special import betaincinv  # noqa: PLC0415  (half a second, of no use to recorded traces)

        q: FloatArray = betaincinv(self.trace.alpha, self.trace.beta, draws.draft)
        if self.samples is None:
            return q, None
        count = (draws.perturb < q[..., None]).sum(axis=-1)
        return count / self.samples, count
