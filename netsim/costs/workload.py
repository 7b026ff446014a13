"""From decisions to work: bits to send and passes to compute, before any radio or queue.

Both engines time the same ``Workload``, so that what a round costs is said in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from traces.speculative.rounds import ALL, Rounds

FloatArray = NDArray[np.float64]


class Latency(Protocol):
    """Seconds of a forward pass with a KV cache."""

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> FloatArray:
        """Seconds of a pass over ``positions`` new tokens after ``context`` cached ones."""


@dataclass(frozen=True)
class Costs:
    """What one round is billed for, from a scenario's payload, latency and downlink blocks.

    Attributes
    ----------
    slm, llm : Latency
    uncertainty_s, grant_s, propagation_s : float. Seconds; propagation one way.
    catch_up : bool. Whether the LLM's pass covers the skipped tokens it has not seen.
    vocabulary_size : int. Entries billed for a full distribution.
    probability_bits : int. Bits of one probability.
    count_indices : bool. Whether token ids (draft, resynchronisation, response, prompt) are billed.
    downlink_bps : float. Rate of the response, bit/s, may be infinite.
    """

    slm: Latency
    llm: Latency
    uncertainty_s: float
    grant_s: float
    propagation_s: float
    catch_up: bool
    vocabulary_size: int
    probability_bits: int
    count_indices: bool
    downlink_bps: float

    @property
    def index_bits(self) -> int:
        """Bits of a token index, ``ceil(log2 V)``."""
        return index_bits(self.vocabulary_size)

    @property
    def id_bits(self) -> int:
        """Bits billed for one token id."""
        return self.index_bits if self.count_indices else 0


def index_bits(vocabulary_size: int) -> int:
    """Bits of an index, ``ceil(log2 V)`` (arXiv 2505.11788, eq. 5).

    >>> index_bits(32000), index_bits(2048), index_bits(2049)
    (15, 11, 12)
    """
    return (vocabulary_size - 1).bit_length()


def payload_bits(entries: ArrayLike, vocabulary_size: int, probability_bits: int) -> FloatArray:
    """Bits of an uploaded distribution, ``k (b_prob + b_index)`` (arXiv 2505.11788, eq. 5).

    Examples
    --------
    >>> payload_bits([30, 32000], 32000, 8).tolist()
    [690.0, 736000.0]
    """
    return np.asarray(entries, np.float64) * (probability_bits + index_bits(vocabulary_size))


@dataclass(frozen=True)
class Workload:
    """What the rounds of several sessions ask of radio and processors.

    A session is one prompt. All but ``length`` are [num_sessions, num_tokens]; entries past a session's
    length are 0. The prompt's own costs stand apart, since throughput leaves them out by default.

    Attributes
    ----------
    length : [num_sessions], int. Rounds of each session.
    slm_s, uncertainty_s, llm_s, downlink_s : float. Seconds; propagation of the response included.
    uploads : bool. Whether the round sends its distribution.
    calls_llm : bool. Whether the LLM runs a pass.
    bits : float. Uploaded bits, the prompt's left out.
    prompt_bits : float. Bits of the prompt's ids, in the first round that uses the LLM.
    carries_prompt : bool. Whether the round brings the prompt to the LLM.
    slm_prefill_s, llm_prefill_s : float
        What the first pass over the prompt takes beyond an ordinary pass.
    llm_context, llm_positions : int. Cached and new tokens of the LLM's pass, its prefill included.
    """

    length: NDArray[np.int64]
    slm_s: FloatArray
    uncertainty_s: FloatArray
    uploads: NDArray[np.bool_]
    bits: FloatArray
    carries_prompt: NDArray[np.bool_]
    prompt_bits: FloatArray
    calls_llm: NDArray[np.bool_]
    llm_s: FloatArray
    downlink_s: FloatArray
    slm_prefill_s: FloatArray
    llm_prefill_s: FloatArray
    llm_context: NDArray[np.int64]
    llm_positions: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions and tokens: (num_sessions, num_tokens)."""
        num_sessions, num_tokens = self.slm_s.shape
        return num_sessions, num_tokens

    def take(self, sessions: NDArray[np.int64]) -> Workload:
        """The workload of some of the sessions, in the given order."""
        return Workload(**{field.name: getattr(self, field.name)[sessions] for field in fields(self)})

    def cut(self, length: NDArray[np.int64]) -> Workload:
        """The same work up to a shorter length of each session; what is past it is 0."""
        kept = np.arange(self.shape[1]) < length[:, None]
        tables = {field.name: getattr(self, field.name) * kept for field in fields(self)[1:]}
        return Workload(length=length, **tables)

    @classmethod
    def joined(cls, parts: Sequence[Workload]) -> Workload:
        """Sessions of several workloads, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def rounds(self, session: int, link: object, elapsed: Callable[[], float]) -> Iterator[Round]:  # noqa: ARG002
        """Rounds of one session: planned ahead, so that they look neither at the link nor at the time."""
        return self.rounds_from(session, 0)

    def rounds_from(self, session: int, first: int) -> Iterator[Round]:
        """Rounds of one session as plain numbers, which are much faster to loop over than arrays."""
        own = slice(first, self.length[session])
        columns = (
            self.slm_s[session, own] + self.slm_prefill_s[session, own],
            self.uncertainty_s[session, own],
            self.uploads[session, own],
            self.bits[session, own],
            self.carries_prompt[session, own],
            self.prompt_bits[session, own],
            self.calls_llm[session, own],
            self.llm_s[session, own] + self.llm_prefill_s[session, own],
            self.downlink_s[session, own],
            self.llm_context[session, own],
            self.llm_positions[session, own],
        )
        return zip(*(column.tolist() for column in columns), strict=True)


#: What the columns of ``Workload.rounds`` are, in its order.
Round = tuple[float, float, bool, float, bool, float, bool, float, float, int, int]


def build_workload(
    rounds: Rounds, prompt_tokens: NDArray[np.int64], costs: Costs, *, drafts: bool, measures: bool = True
) -> Workload:
    """Work of every round.

    Parameters
    ----------
    rounds : Rounds. Groups are the sessions.
    prompt_tokens : [num_sessions], int. Length of each prompt, at least 1.
    drafts : bool. Whether the policy's SLM drafts; if not, every token is a pass of the LLM alone.
    measures : bool. Whether the device measures its uncertainty, which takes ``costs.uncertainty_s`` a round.

    Notes
    -----
    Before round ``t`` the prefix has ``P + t`` tokens. The SLM has seen all but the last; its first pass covers
    the whole prompt. After ``m`` skipped rounds the LLM's pass covers ``m + 1`` positions; the first one the
    prompt as well.
    """
    valid = rounds.valid
    uploads = rounds.transmitted & valid
    calls = uploads if drafts else valid
    position = np.arange(valid.shape[1])
    first_call = calls & (np.cumsum(calls, axis=1) == 1)
    seen = _last_before(calls)
    skipped = position - seen - 1
    context = prompt_tokens[:, None] + position - 1
    slm_s, slm_prefill_s = _slm_seconds(costs, prompt_tokens, context, valid & drafts)
    # Tokens that the LLM has not seen, and catches up with in the same pass.
    behind = skipped if costs.catch_up else np.zeros_like(skipped)
    llm_s, llm_prefill_s = _llm_seconds(costs, context, behind, calls, first_call)
    entries = np.where(rounds.entries == ALL, costs.vocabulary_size, rounds.entries)
    payload = payload_bits(entries, costs.vocabulary_size, costs.probability_bits)
    response_s = costs.id_bits / costs.downlink_bps + costs.propagation_s
    # A round's upload: the distribution, the draft's id and the ids of the skipped tokens.
    bits = payload + costs.id_bits * (1 + skipped)
    return Workload(
        length=rounds.length,
        slm_s=slm_s,
        uncertainty_s=np.where(valid & (drafts and measures), costs.uncertainty_s, 0.0),
        uploads=uploads,
        bits=np.where(uploads, bits, 0.0),
        carries_prompt=first_call,
        prompt_bits=np.where(first_call, costs.id_bits * prompt_tokens[:, None], 0.0),
        calls_llm=calls,
        llm_s=llm_s,
        downlink_s=np.where(calls, response_s, 0.0),
        slm_prefill_s=slm_prefill_s,
        llm_prefill_s=llm_prefill_s,
        llm_context=np.where(calls & ~first_call, context - behind, 0),
        llm_positions=np.where(calls, np.where(first_call, context + 1, behind + 1), 0),
    )


def _last_before(calls: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Position of the last call before each position; -1 where there is none."""
    position = np.where(calls, np.arange(calls.shape[1]), -1)
    latest = np.maximum.accumulate(position, axis=1)
    return np.concatenate([np.full((len(calls), 1), -1), latest[:, :-1]], axis=1)


def _slm_seconds(
    costs: Costs, prompt_tokens: NDArray[np.int64], context: NDArray[np.int64], runs: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    ordinary, prefill = np.zeros(runs.shape), np.zeros(runs.shape)
    ordinary[runs] = costs.slm.seconds(context[runs], 1)
    if runs.any():
        # A pass over the whole prompt takes at least as long as one over its last token, up to measurement.
        prefill[:, 0] = np.maximum(costs.slm.seconds(0, prompt_tokens) - ordinary[:, 0], 0.0)
    return ordinary, prefill


def _llm_seconds(
    costs: Costs,
    context: NDArray[np.int64],
    behind: NDArray[np.int64],
    calls: NDArray[np.bool_],
    first_call: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    ordinary, prefill = np.zeros(calls.shape), np.zeros(calls.shape)
    ordinary[calls] = costs.llm.seconds((context - behind)[calls], (behind + 1)[calls])
    whole = costs.llm.seconds(0, context[first_call] + 1)
    prefill[first_call] = np.maximum(whole - ordinary[first_call], 0.0)
    return ordinary, prefill
