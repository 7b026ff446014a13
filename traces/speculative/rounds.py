"""What a walk speaks of: how uncertainty is measured, what a policy may look at, and the rounds it decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from traces.measures import MeasureName

#: Guard of ``floor(samples * threshold)`` against 0.3 * 20 = 5.999…
COUNT_GUARD = 1e-9
#: In place of a number of entries: the whole distribution.
ALL = 0


@dataclass(frozen=True)
class Measure:
    """How the device measures its uncertainty.

    Attributes
    ----------
    samples : int or None
        Temperature samples ``K``; None is the limit of many, where ``u = q``, and for the other measures.
    theta_max : float
        Largest sampling temperature, in units of the sampler's.
    name : MeasureName
        Which measure; all but ``temperature`` use neither samples nor ``theta_max``.
    """

    samples: int | None = 20
    theta_max: float = 2.0
    name: MeasureName = "temperature"

    def __post_init__(self) -> None:
        if self.name != "temperature" and self.samples is not None:
            raise ValueError(f"the measure '{self.name}' has no samples, given {self.samples}")


@dataclass(frozen=True)
class Drafts:
    """What a policy may look at when it decides, for paths in lockstep.

    Attributes
    ----------
    uncertainty : [num_paths], float in [0, 1]
    count : [num_paths], int, or None where the measure has no grid. ``K * uncertainty``.
    samples : int or None. ``K``.
    accepted : [num_paths], bool. Outcome of the accept draw; only an oracle may use it.
    skip_draw : [num_paths], float in [0, 1). For policies that toss a coin.
    probability : [num_paths], float. ``x_d``, the draft's own probability; NaN where there is no distribution.
    entropy : callable. Entropy of ``x`` in nats: [num_paths], float.
    score : [num_paths], float. What `netsim record --score` stored of the prefix; NaN where there is none.
    """

    uncertainty: NDArray[np.float64]
    count: NDArray[np.int64] | None
    samples: int | None
    accepted: NDArray[np.bool_]
    skip_draw: NDArray[np.float64]
    probability: NDArray[np.float64]
    entropy: Callable[[], NDArray[np.float64]]
    score: NDArray[np.float64]

    def at_most(self, threshold: float) -> NDArray[np.bool_]:
        """Whether the uncertainty is at most ``threshold``; counts are compared, not floats."""
        if self.count is None or self.samples is None:
            low: NDArray[np.bool_] = self.uncertainty <= threshold
        else:
            low = self.count <= np.floor(self.samples * threshold + COUNT_GUARD)
        return low


class Policy(Protocol):
    """Decides which rounds are transmitted.

    Attributes
    ----------
    drafts : bool
        Whether the SLM drafts; False means that every token is the LLM's own.
    """

    @property
    def drafts(self) -> bool:
        """Whether the SLM drafts."""

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Which paths send their round: [num_paths], bool."""


@dataclass(frozen=True)
class Rounds:
    """Decisions of one policy, a table of tokens: arrays over groups (prompt, token seed) and positions.

    Entries at and past ``length[group]`` mean nothing. Tokens come out in exchanges, of which
    ``traces.speculative.exchanges.exchanges_of`` makes a table of its own.

    Attributes
    ----------
    length : [num_groups], int. Tokens generated, the end-of-sequence token included.
    node : [num_groups, num_tokens], int. Node of the forest that decided the token.
    token : [num_groups, num_tokens], int. Output.
    draft : [num_groups, num_tokens], int. -1 without a draft.
    exchange : [num_groups, num_tokens], int. Number of the exchange that the token came out of, from 0.
    drafted : [num_groups, num_tokens], int
        Drafts of the exchange, lost ones included, at its first token; 0 at the others.
    bonus : [num_groups, num_tokens], bool
        Whether the token is the LLM's own after all drafts were accepted, or without any.
    uncertainty : [num_groups, num_tokens], float. NaN without a draft.
    transmitted, accepted : [num_groups, num_tokens], bool
        Whether the draft was sent, and accepted; ``accepted`` is counterfactual where skipped.
    on_tree : [num_groups, num_tokens], bool. Whether the token's prefix is recorded.
    unrecorded : [num_groups, num_tokens], int
        Lost drafts of the token's exchange that a rule had to look at and that are not recorded.
    llm_nll : [num_groups, num_tokens], float. Nats of the output, LLM's full distribution, temperature 1.
    rejection : [num_groups, num_tokens], float
        ``max(0, 1 - y_d / x_d)``, the probability that the draft is rejected. NaN without a draft.
    entries : [num_groups, num_tokens], int. Entries that an upload holds, ``ALL`` for the whole distribution.
    output_tv : [num_groups, num_tokens], float
        Total variation between ``y`` and the distribution of what comes out of an upload: 0 where it is exact.
    """

    length: NDArray[np.int64]
    node: NDArray[np.int64]
    token: NDArray[np.int64]
    draft: NDArray[np.int64]
    exchange: NDArray[np.int64]
    drafted: NDArray[np.int64]
    bonus: NDArray[np.bool_]
    uncertainty: NDArray[np.float64]
    transmitted: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    on_tree: NDArray[np.bool_]
    unrecorded: NDArray[np.int64]
    llm_nll: NDArray[np.float64]
    rejection: NDArray[np.float64]
    entries: NDArray[np.int64]
    output_tv: NDArray[np.float64]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """[num_groups, num_tokens], bool. Tokens that came out."""
        return np.arange(self.token.shape[1]) < self.length[:, None]

    @classmethod
    def empty(cls, num_groups: int, num_tokens: int) -> Rounds:
        """Rounds to be filled in: every token an exchange of its own, of one draft."""
        shape = num_groups, num_tokens
        return cls(
            length=np.zeros(num_groups, np.int64),
            node=np.full(shape, -1, np.int64),
            token=np.full(shape, -1, np.int64),
            draft=np.full(shape, -1, np.int64),
            exchange=np.tile(np.arange(num_tokens), (num_groups, 1)),
            drafted=np.ones(shape, np.int64),
            bonus=np.zeros(shape, bool),
            uncertainty=np.full(shape, np.nan),
            transmitted=np.zeros(shape, bool),
            accepted=np.zeros(shape, bool),
            on_tree=np.zeros(shape, bool),
            unrecorded=np.zeros(shape, np.int64),
            llm_nll=np.full(shape, np.nan),
            rejection=np.full(shape, np.nan),
            entries=np.full(shape, ALL),
            output_tv=np.zeros(shape),
        )

    @classmethod
    def joined(cls, parts: Sequence[Rounds]) -> Rounds:
        """Rounds of several walks, one after the other; ``node`` then belongs to different forests."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def take(self, groups: NDArray[np.int64]) -> Rounds:
        """Rounds of some of the groups, in the given order."""
        return Rounds(**{field.name: getattr(self, field.name)[groups] for field in fields(self)})
