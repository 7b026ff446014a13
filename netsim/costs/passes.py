"""Seconds of the forward passes of both models, exchange by exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from traces.speculative.exchanges import Exchanges

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Latency(Protocol):
    """Seconds of a forward pass with a KV cache."""

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> FloatArray:
        """Seconds of a pass over ``positions`` new tokens after ``context`` cached ones."""


@dataclass(frozen=True)
class LlmPasses:
    """The LLM's pass of every exchange: [num_sessions, num_exchanges], 0 where there is none.

    Attributes
    ----------
    calls, first : bool. Whether there is a pass, and whether it is the session's first.
    behind : int
        Tokens that were kept without asking since the last pass, and that the LLM has not seen.
    context, positions : int. Cached and new tokens, the prompt included.
    seconds, prefill_s : float. Of the pass without the prompt, and what the prompt adds.
    """

    calls: BoolArray
    first: BoolArray
    behind: IntArray
    context: IntArray
    positions: IntArray
    seconds: FloatArray
    prefill_s: FloatArray


def slm_seconds(slm: Latency, exchanges: Exchanges, prompt_tokens: IntArray) -> tuple[FloatArray, FloatArray]:
    """Seconds of the SLM's passes, and what the first one over the prompt takes beyond an ordinary one.

    With a prefix of ``c + 1`` tokens the first draft is a pass over one position after ``c`` cached ones, and
    every further draft one more. Where the exchange before ended with a bonus, the SLM has seen neither its last
    draft nor the bonus: two positions; and it has seen nothing that the LLM generated without drafts.

    Returns
    -------
    seconds, prefill_s : [num_sessions, num_exchanges], float. The ordinary passes, and the prompt's.
    """
    drafted, first = exchanges.drafted, exchanges.first
    runs = drafted > 0
    starts = runs & (np.cumsum(runs, axis=1) == 1)
    context = prompt_tokens[:, None] + first - 1
    # The last draft of an exchange is never an input, and what follows a rejection is lost.
    seen = np.where(runs, first + np.minimum(exchanges.kept, drafted - 1) + 1, 0)
    behind = np.where(starts, 0, first - _last_before(seen))
    ordinary, prefill = np.zeros(runs.shape), np.zeros(runs.shape)
    for number in range(int(drafted.max(initial=0))):
        runs = drafted > number
        extra = behind[runs] if number == 0 else 0
        ordinary[runs] += slm.seconds(context[runs] + number - extra, 1 + extra)
    # A pass over the whole prompt takes at least as long as one over its last token, up to measurement.
    cached = context[starts]
    none = np.zeros_like(cached)
    single, whole = slm.seconds(np.stack([cached, none]), np.stack([none + 1, cached + 1]))
    prefill[starts] = np.maximum(whole - single, 0.0)
    return ordinary, prefill


def llm_passes(
    llm: Latency, exchanges: Exchanges, prompt_tokens: IntArray, *, bonus: bool, catch_up: bool
) -> LlmPasses:
    """The LLM's passes.

    Parameters
    ----------
    bonus : bool
        Whether a pass covers the position after the last draft, for a token of the LLM's own.
    catch_up : bool. Whether a pass covers the tokens that the LLM has not seen.

    Notes
    -----
    Before an exchange at position ``t`` the prefix has ``P + t`` tokens, of which the LLM has seen all but the
    last, and those kept since its last pass. ``n`` drafts take ``n`` positions: the first is judged by what
    follows the prefix's last token. The bonus takes one more.
    """
    calls = exchanges.transmitted | (exchanges.valid & (exchanges.drafted == 0))
    first = calls & (np.cumsum(calls, axis=1) == 1)
    context = prompt_tokens[:, None] + exchanges.first - 1
    # What came out after the last pass was kept; its end is the start of the next exchange.
    end = exchanges.first + exchanges.emitted
    behind = exchanges.first - _last_before(np.where(calls, end, 0))
    caught = behind if catch_up else np.zeros_like(behind)
    new = np.maximum(exchanges.drafted + bonus, 1)
    ordinary, prefill = np.zeros(calls.shape), np.zeros(calls.shape)
    ordinary[calls] = llm.seconds((context - caught)[calls], (caught + new)[calls])
    whole = llm.seconds(0, (context + new)[first])
    prefill[first] = np.maximum(whole - ordinary[first], 0.0)
    return LlmPasses(
        calls=calls,
        first=first,
        behind=behind,
        context=np.where(calls & ~first, context - caught, 0),
        positions=np.where(calls, np.where(first, context + new, caught + new), 0),
        seconds=ordinary,
        prefill_s=prefill,
    )


def _last_before(ends: IntArray) -> IntArray:
    """The largest value before each column; 0 where there is none."""
    latest = np.maximum.accumulate(ends, axis=1)
    return np.concatenate([np.zeros((len(ends), 1), np.int64), latest[:, :-1]], axis=1)
