"""What a policy uploads of its distribution: all of it, its largest entries, or coarser values.

The server accepts and resamples by what it rebuilds, ``x_hat``. With the draft from ``x`` itself, as in CU-HLM
(arXiv 2505.11788), the output is then no longer distributed as ``y``; a draft from ``x_hat`` restores that (arXiv
2211.17192, theorem 1, with ``x_hat`` in the place of ``x``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from traces.speculative.bits import Code, entry_bits
from traces.speculative.rounds import ALL, Drafts, Policy

if TYPE_CHECKING:
    from traces.format.forest import Forest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Online:
    """Entries chosen anew in every round: ``min{k : U_TV(k) <= theta}`` (arXiv 2505.11788, eq. 26).

    Attributes
    ----------
    theta : float, above 0.
    a, b : float. Line that predicts the draft's rejection probability, ``clip(a u + b, 0, 1)``.
    """

    theta: float
    a: float
    b: float


@dataclass(frozen=True)
class Rows:
    """Distributions by which the rounds of several paths are decided; row ``i`` is ``starts[i]:ends[i]``.

    Attributes
    ----------
    drafted, sent, y : [num_entries], float. What drafts are drawn from, what judges them, the LLM's.
    starts, ends : [num_paths], int
    entries : [num_paths], int. Entries that an upload holds, ``ALL`` for all.
    answer : [num_entries], float, optional. What a rejected draft is replaced by; ``y`` if not given.
    """

    drafted: FloatArray
    sent: FloatArray
    y: FloatArray
    starts: IntArray
    ends: IntArray
    entries: IntArray
    answer: FloatArray | None = None

    @property
    def replacing(self) -> FloatArray:
        """[num_entries], float. What a rejected draft is replaced by."""
        return self.y if self.answer is None else self.answer

    def output_tv(self) -> FloatArray:
        """Total variation between the output of each path's upload and ``y``: [num_paths], float."""
        if self.sent is self.drafted and self.answer is None:
            return np.zeros(len(self.starts))
        from traces.speculative.verify import output_tv_each  # noqa: PLC0415  (compiled: of no use before a draft)

        return output_tv_each(self.drafted, self.sent, self.y, self.replacing, self.starts, self.ends)


class Payload(Protocol):
    """What an upload says of every draft, and what that does to acceptance.

    Attributes
    ----------
    exact : bool. Whether the output is distributed as ``y``.
    """

    @property
    def exact(self) -> bool:
        """Whether the output is distributed as ``y``."""

    def rows(self, forest: Forest, starts: IntArray, ends: IntArray) -> Rows:
        """Distributions that drafts are drawn from, of paths whose nodes have these rows."""

    def after_draft(self, rows: Rows, forest: Forest, draft: IntArray, uncertainty: FloatArray) -> Rows:
        """Distributions by which drafts are judged; ``draft`` are their entries in the forest: [num_paths]."""

    def draft_bits(self, entries: IntArray, code: Code, id_bits: int) -> FloatArray:
        """Bits that a draft takes, its id included, where its upload holds so many entries; any shape."""

    def rejection_bits(self, code: Code, id_bits: int) -> int:
        """Bits of the response to a rejected draft: an id, or what the device draws it from."""


@dataclass(frozen=True)
class Upload:
    """What the server gets to see of ``x``.

    Attributes
    ----------
    entries : int or Online. Number of largest entries, ``ALL``, or a rule.
    quantise_bits : int, optional. Bits of the values that are really sent; None: exact values.
    draft_from_sent : bool
        Whether the draft is drawn from ``x_hat`` instead of ``x``. Needs a fixed number of entries, since a rule
        looks at the draft, and nodes that hold the whole vocabulary, since ``x_hat`` gives every token something.
    """

    entries: int | Online = ALL
    quantise_bits: int | None = None
    draft_from_sent: bool = False

    def __post_init__(self) -> None:
        if self.draft_from_sent and isinstance(self.entries, Online):
            raise ValueError("a draft from x_hat needs a fixed number of entries: a rule looks at the draft")

    @property
    def exact(self) -> bool:
        """Whether the output is distributed as ``y``."""
        return self.draft_from_sent or (self.entries == ALL and self.quantise_bits is None)

    def draft_bits(self, entries: IntArray, code: Code, id_bits: int) -> FloatArray:
        """Bits of the entries, each with its index (arXiv 2505.11788, eq. 5), and the draft's id."""
        whole = np.where(entries == ALL, code.vocabulary_size, entries)
        return entry_bits(whole, code) + id_bits

    def rejection_bits(self, code: Code, id_bits: int) -> int:
        """Bits of an id."""
        return id_bits

    def rows(self, forest: Forest, starts: IntArray, ends: IntArray) -> Rows:
        """Distributions that drafts are drawn from."""
        rows = Rows(forest.x, forest.x, forest.y, starts, ends, np.full(len(starts), ALL))
        if not self.draft_from_sent or isinstance(self.entries, Online):
            return rows
        return self._rebuilt(rows, forest.vocabulary_size, np.full(len(starts), self.entries), from_sent=True)

    def after_draft(self, rows: Rows, forest: Forest, draft: IntArray, uncertainty: FloatArray) -> Rows:
        """Distributions that the server decides by.

        Parameters
        ----------
        draft : [num_paths], int. Each draft's entry in the forest.
        uncertainty : [num_paths], float
        """
        from traces.speculative.truncate import smallest_kept_each  # noqa: PLC0415  (compiled: of no use before a draft)

        size = forest.vocabulary_size
        if self.draft_from_sent:
            return rows
        if isinstance(self.entries, Online):
            beta = np.clip(self.entries.a * uncertainty + self.entries.b, 0.0, 1.0)
            x_draft, theta = forest.x[draft], self.entries.theta
            chosen = smallest_kept_each(forest.x, rows.starts, rows.ends, x_draft, beta, theta, size)
        elif self.quantise_bits is None and (self.entries == ALL or self.entries >= size):
            return replace(rows, entries=np.full(len(draft), self.entries))
        else:
            chosen = np.full(len(draft), self.entries)
        return self._rebuilt(rows, size, chosen, from_sent=False)

    def _rebuilt(self, rows: Rows, size: int, entries: IntArray, *, from_sent: bool) -> Rows:
        """The same rows, apart from the forest, with what the server makes of them."""
        from traces.speculative.truncate import gather, rebuild_each  # noqa: PLC0415  (compiled: of no use before a draft)

        kept = np.where(entries == ALL, size, entries)
        sent = rebuild_each(rows.drafted, rows.starts, rows.ends, kept, size, self.quantise_bits or 0)
        ends = np.cumsum(rows.ends - rows.starts)
        return Rows(
            drafted=sent if from_sent else gather(rows.drafted, rows.starts, rows.ends),
            sent=sent,
            y=gather(rows.y, rows.starts, rows.ends),
            starts=ends - (rows.ends - rows.starts),
            ends=ends,
            entries=entries,
        )


@dataclass(frozen=True)
class Compressed:
    """A policy whose uploads are not the plain distribution.

    Attributes
    ----------
    policy : Policy. Decides which rounds are sent.
    upload : Payload. Decides what of them.
    """

    policy: Policy
    upload: Payload

    @property
    def drafts(self) -> bool:
        """Whether the SLM drafts."""
        return self.policy.drafts

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Which paths send their round: [num_paths], bool."""
        return self.policy.transmits(drafts)
