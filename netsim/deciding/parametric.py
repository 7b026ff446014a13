"""Rounds without models: uncertainty from a distribution, rejection from a line, independent from round to round.

For someone who has published statistics of a pair and not the pair. The line ``beta = clip(a u + b, 0, 1)`` of arXiv
2412.12687 is exact here, so that its theory can be held against simulation. There are no tokens and no
distributions: no text, no likelihood, no reconstruction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from traces.format.manifest import digest_of
from traces.speculative.draws import TokenDraws, token_draws
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

    @property
    def prompt_tokens(self) -> NDArray[np.int64]:
        """Length of each prompt: [num_prompts], int."""
        return np.full(self.trace.num_prompts, self.trace.prompt_tokens)

    def rounds(self, policy: Policy, seed: int) -> Rounds:
        """Rounds of every prompt: what a policy sends, and whether the LLM accepts.

        Tokens, nodes and likelihoods are left empty, and nothing is on a tree. A truncated upload costs its
        bits but changes no acceptance, since there is no distribution to truncate.
        """
        groups = [(prompt, seed) for prompt in self.trace.prompts]
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
        seen = Drafts(uncertainty, count, self.samples, rounds.accepted, draws.skip)
        rounds.transmitted[:] = policy.transmits(seen)
        entries = policy.upload.entries if isinstance(policy, Compressed) else ALL
        assert isinstance(entries, int), "a rule for the entries looks at a distribution"
        rounds.entries[:] = entries
        return rounds

    def _uncertainty(self, draws: TokenDraws) -> tuple[FloatArray, NDArray[np.int64] | None]:
        q: FloatArray = betaincinv(self.trace.alpha, self.trace.beta, draws.draft)
        if self.samples is None:
            return q, None
        count = (draws.perturb < q[..., None]).sum(axis=-1)
        return count / self.samples, count
