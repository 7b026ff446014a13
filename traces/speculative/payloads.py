"""Payloads of speculative decoding over a network, besides the whole distribution and its largest entries.

``top-k-softmax`` and ``lattice`` draft from what they send, so that the output is distributed as ``y`` (arXiv
2211.17192, theorem 1). ``probability-only`` sends no distribution up: where a draft is rejected, the LLM's comes down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from traces.speculative.bits import Code, entry_bits, lattice_bits, top_lattice_bits
from traces.speculative.rounds import ALL
from traces.speculative.upload import Rows

if TYPE_CHECKING:
    from traces.format.forest import Forest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Coarse:
    """The largest entries renormalised, or a lattice point, or both: drafts are drawn from what is sent.

    TK-SLT (arXiv 2509.04576) with ``entry_bits``, QS (arXiv 2507.00605) with ``levels``, SQS (arXiv 2510.09942) with
    ``entries`` and ``levels``.

    Attributes
    ----------
    entries : int. Largest entries that are kept, ``ALL`` for all.
    levels : int. Of the lattice; 0: exact values.
    entry_bits : int. Bits of an entry, where there is no lattice; its index included, if it is sent at all.
    """

    entries: int = ALL
    levels: int = 0
    entry_bits: int = 16

    def __post_init__(self) -> None:
        if self.entries == ALL and not self.levels:
            raise ValueError("neither entries nor levels: that is the whole distribution")

    @property
    def exact(self) -> bool:
        """Always: drafts are drawn from what is sent."""
        return True

    def rows(self, forest: Forest, starts: IntArray, ends: IntArray) -> Rows:
        """Distributions that drafts are drawn from."""
        from traces.speculative.lattice import coarsen_each  # noqa: PLC0415  (compiled: of no use before a draft)
        from traces.speculative.truncate import gather  # noqa: PLC0415  (compiled: of no use to a check)

        sent = coarsen_each(forest.x, starts, ends, self.entries, self.levels)
        last = np.cumsum(ends - starts)
        return Rows(
            drafted=sent,
            sent=sent,
            y=gather(forest.y, starts, ends),
            starts=last - (ends - starts),
            ends=last,
            entries=np.full(len(starts), self.entries),
        )

    def after_draft(self, rows: Rows, forest: Forest, draft: IntArray, uncertainty: FloatArray) -> Rows:
        """The same."""
        return rows

    def draft_bits(self, entries: IntArray, code: Code, id_bits: int) -> FloatArray:
        """Bits of the entries or of the lattice point, and the draft's id."""
        return np.full(entries.shape, float(self._bits(code) + id_bits))

    def rejection_bits(self, code: Code, id_bits: int) -> int:
        """Bits of an id."""
        return id_bits

    def _bits(self, code: Code) -> int:
        if not self.levels:
            return min(self.entries, code.vocabulary_size) * self.entry_bits
        if self.entries == ALL:
            return lattice_bits(self.levels, code.vocabulary_size)
        return top_lattice_bits(self.levels, self.entries, code.vocabulary_size)


@dataclass(frozen=True)
class ProbabilityOnly:
    """The draft and its probability go up; where it is rejected ``y`` comes down, and the device draws the token.

    DSSD (arXiv 2507.12000). With ``answer_entries``, only so many of the largest entries of ``y`` come down (10 in
    PicoSpec, arXiv 2603.19133), renormalised: what comes out is then no longer distributed as ``y``.

    Attributes
    ----------
    answer_entries : int. Entries of ``y`` that come down, ``ALL`` for all.
    """

    answer_entries: int = ALL

    @property
    def exact(self) -> bool:
        """Whether all of ``y`` comes down."""
        return self.answer_entries == ALL

    def rows(self, forest: Forest, starts: IntArray, ends: IntArray) -> Rows:
        """Distributions that drafts are drawn from."""
        rows = Rows(forest.x, forest.x, forest.y, starts, ends, np.full(len(starts), ALL))
        if self.answer_entries == ALL:
            return rows
        from traces.speculative.lattice import coarsen_each  # noqa: PLC0415  (compiled: of no use before a draft)
        from traces.speculative.truncate import gather  # noqa: PLC0415  (compiled: of no use to a check)

        last = np.cumsum(ends - starts)
        own = gather(rows.drafted, starts, ends)
        return replace(
            rows,
            drafted=own,
            sent=own,
            y=gather(forest.y, starts, ends),
            starts=last - (ends - starts),
            ends=last,
            answer=coarsen_each(forest.y, starts, ends, self.answer_entries, 0),
        )

    def after_draft(self, rows: Rows, forest: Forest, draft: IntArray, uncertainty: FloatArray) -> Rows:
        """The same."""
        return rows

    def draft_bits(self, entries: IntArray, code: Code, id_bits: int) -> FloatArray:
        """Bits of the draft and its probability: the id is the index of an entry, which is always billed."""
        return np.full(entries.shape, float(entry_bits(1, code)))

    def rejection_bits(self, code: Code, id_bits: int) -> int:
        """Bits of ``y``: all its values, or its largest entries with their indices."""
        if self.answer_entries == ALL:
            return code.vocabulary_size * code.probability_bits
        return int(entry_bits(min(self.answer_entries, code.vocabulary_size), code))
