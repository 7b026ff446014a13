"""From decisions to work: bits to send and passes to compute, before any radio or queue.

Both engines time the same ``Workload``, so that what an exchange costs is said in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from netsim.costs.core import CoreNetwork
from netsim.costs.passes import Latency, llm_passes, slm_seconds
from traces.speculative.bits import Code, choice_bits
from traces.speculative.exchanges import Exchanges, exchanges_of
from traces.speculative.rounds import Rounds
from traces.speculative.upload import Payload, Upload

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """What one exchange is billed for, from a scenario's payload, latency and downlink blocks.

    Attributes
    ----------
    slm, llm : Latency
    uncertainty_s, grant_s, propagation_s : float. Seconds; propagation one way.
    catch_up : bool. Whether the LLM's pass covers the skipped tokens it has not seen.
    vocabulary_size : int. Entries billed for a full distribution.
    probability_bits : int. Bits of one probability.
    count_indices : bool. Whether token ids (draft, resynchronisation, response, prompt) are billed.
    downlink_bps : float. Rate of the response, bit/s, may be infinite.
    core : CoreNetwork. Between base station and server.
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
    core: CoreNetwork = field(default_factory=CoreNetwork)

    @property
    def code(self) -> Code:
        """How what is sent is written."""
        return Code(self.vocabulary_size, self.probability_bits)

    @property
    def id_bits(self) -> int:
        """Bits billed for one token id."""
        return self.code.index_bits if self.count_indices else 0


@dataclass(frozen=True)
class Terms:
    """What a policy's exchanges consist of.

    Attributes
    ----------
    drafts : bool. Whether the SLM drafts; if not, every token is a pass of the LLM alone, in one response stream.
    measures : bool. Whether the device measures its uncertainty, which takes time for every draft.
    bonus : bool. Whether the LLM's pass covers the position after the last draft.
    payload : Payload. What is sent of every draft.
    ahead : int. Drafts of the next exchange that are made while one is judged, as if it were accepted; 0: none.
    """

    drafts: bool = True
    measures: bool = True
    bonus: bool = False
    payload: Payload = field(default_factory=Upload)
    ahead: int = 0


@dataclass(frozen=True)
class Asked:
    """What the exchanges of one session ask of radio and processors: lists of plain numbers, fast to loop over.

    Attributes
    ----------
    device_s : Seconds on the device before anything is sent.
    uploads, bits : Whether drafts are sent, and their bits.
    carries_prompt, prompt_bits : Whether the prompt comes along, and its bits.
    calls_llm, llm_s : Whether the LLM runs a pass, and its seconds.
    llm_context, llm_positions : Cached and new tokens of that pass.
    downlink_s : Seconds of the response.
    ahead_s, vain_s : Seconds of drafting meanwhile, for the next exchange and in vain.
    """

    device_s: list[float] = field(default_factory=list)
    uploads: list[bool] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)
    carries_prompt: list[bool] = field(default_factory=list)
    prompt_bits: list[float] = field(default_factory=list)
    calls_llm: list[bool] = field(default_factory=list)
    llm_s: list[float] = field(default_factory=list)
    llm_context: list[int] = field(default_factory=list)
    llm_positions: list[int] = field(default_factory=list)
    downlink_s: list[float] = field(default_factory=list)
    ahead_s: list[float] = field(default_factory=list)
    vain_s: list[float] = field(default_factory=list)

    def extend(self, more: Asked) -> None:
        """Add the exchanges that were decided meanwhile."""
        for own in fields(self):
            getattr(self, own.name).extend(getattr(more, own.name))


@dataclass(frozen=True)
class Workload:
    """What the exchanges of several sessions ask of radio and processors.

    A session is one prompt. All but ``length`` are [num_sessions, num_exchanges]; entries past a session's
    length are 0. The prompt's own costs stand apart, since throughput leaves them out by default.

    Attributes
    ----------
    length : [num_sessions], int. Exchanges of each session.
    tokens : int. Tokens that come out.
    drafted, kept : int. Drafts, and those of them that come out.
    slm_s, uncertainty_s, llm_s, downlink_s : float. Seconds; propagation of the response included.
    uploads : bool. Whether drafts are sent.
    calls_llm : bool. Whether the LLM runs a pass.
    bits, downlink_bits : float. Sent up and down, the prompt's left out.
    prompt_bits : float. Bits of the prompt's ids, in the first exchange that uses the LLM.
    carries_prompt : bool. Whether the exchange brings the prompt to the LLM.
    slm_prefill_s, llm_prefill_s : float
        What the first pass over the prompt takes beyond an ordinary pass.
    llm_context, llm_positions : int. Cached and new tokens of the LLM's pass, its prefill included.
    ahead_s, vain_s : float
        Seconds of drafting, once all is sent and until the response is there, that the next exchange can use, or that
        is thrown away because a draft was rejected.
    """

    length: NDArray[np.int64]
    tokens: NDArray[np.int64]
    drafted: NDArray[np.int64]
    kept: NDArray[np.int64]
    slm_s: FloatArray
    uncertainty_s: FloatArray
    uploads: NDArray[np.bool_]
    bits: FloatArray
    downlink_bits: FloatArray
    carries_prompt: NDArray[np.bool_]
    prompt_bits: FloatArray
    calls_llm: NDArray[np.bool_]
    llm_s: FloatArray
    downlink_s: FloatArray
    slm_prefill_s: FloatArray
    llm_prefill_s: FloatArray
    llm_context: NDArray[np.int64]
    llm_positions: NDArray[np.int64]
    ahead_s: FloatArray
    vain_s: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions, and the exchanges that there is room for: (num_sessions, num_exchanges)."""
        num_sessions, num_exchanges = self.slm_s.shape
        return num_sessions, num_exchanges

    @property
    def valid(self) -> NDArray[np.bool_]:
        """[num_sessions, num_exchanges], bool. Exchanges that take place."""
        return np.arange(self.shape[1]) < self.length[:, None]

    @property
    def asks(self) -> NDArray[np.bool_]:
        """[num_sessions, num_exchanges], bool. Whether a request goes to the server, and a response comes back.

        Of tokens that the LLM streams, only the first is asked for: it brings the prompt.
        """
        return self.uploads | self.carries_prompt

    def take(self, sessions: NDArray[np.int64]) -> Workload:
        """The workload of some of the sessions, in the given order."""
        return Workload(**{field.name: getattr(self, field.name)[sessions] for field in fields(self)})

    def cut(self, length: NDArray[np.int64]) -> Workload:
        """The same work up to fewer exchanges of each session; what is past them is 0."""
        kept = np.arange(self.shape[1]) < length[:, None]
        tables = {
            field.name: getattr(self, field.name) * kept for field in fields(self) if field.name != "length"
        }
        return Workload(length=length, **tables)

    @classmethod
    def joined(cls, parts: Sequence[Workload]) -> Workload:
        """Sessions of several workloads, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def exchanges(self, session: int, *_clocks: object) -> tuple[Asked, Iterator[int]]:
        """Exchanges of one session: planned ahead, so that they look neither at the link nor at the time."""
        return self.asked(session, 0), iter(range(self.length[session]))

    def asked(self, session: int, first: int) -> Asked:
        """What the exchanges of one session ask for, from the given one on."""
        own = slice(first, self.length[session])
        summed = {
            "device_s": self.slm_s[session, own]
            + self.slm_prefill_s[session, own]
            + self.uncertainty_s[session, own],
            "llm_s": self.llm_s[session, own] + self.llm_prefill_s[session, own],
        }
        names = [field.name for field in fields(Asked) if field.name not in summed]
        columns = {name: getattr(self, name)[session, own] for name in names} | summed
        return Asked(**{name: column.tolist() for name, column in columns.items()})


def build_workload(rounds: Rounds, prompt_tokens: NDArray[np.int64], costs: Costs, terms: Terms) -> Workload:
    """Work of every exchange.

    Parameters
    ----------
    rounds : Rounds. Groups are the sessions.
    prompt_tokens : [num_sessions], int. Length of each prompt, at least 1.
    terms : Terms. Of the policy that decided the rounds.
    """
    exchanges = exchanges_of(rounds)
    slm_s, slm_prefill_s = slm_seconds(costs.slm, exchanges, prompt_tokens)
    bonus = terms.bonus or not terms.drafts
    llm = llm_passes(costs.llm, exchanges, prompt_tokens, bonus=bonus, catch_up=costs.catch_up)
    # A device that drafts and asks the LLM for a token all the same sends a request.
    uploads = exchanges.transmitted | (llm.calls & terms.drafts)
    draft_bits = terms.payload.draft_bits(exchanges.entries, costs.code, costs.id_bits)
    # Besides the drafts, an upload has the ids of the tokens that were kept before.
    bits = exchanges.drafted * draft_bits + costs.id_bits * llm.behind
    down_bits = np.where(llm.calls, response_bits(exchanges, costs, terms), 0.0)
    down_s = down_bits / costs.downlink_bps + costs.propagation_s * llm.calls
    if not terms.drafts:
        # Nobody asks for the tokens one by one: the first waits, each other one is sent while the next is computed.
        down_s = np.where(llm.first, down_s, np.maximum(down_bits / costs.downlink_bps - llm.seconds, 0.0))
    ahead_s, vain_s = _ahead(exchanges, slm_s, prompt_tokens, costs, terms)
    return Workload(
        length=exchanges.length,
        tokens=exchanges.emitted,
        drafted=exchanges.drafted,
        kept=exchanges.kept,
        slm_s=slm_s,
        uncertainty_s=np.where(terms.measures, costs.uncertainty_s * exchanges.drafted, 0.0),
        uploads=uploads,
        bits=np.where(uploads, bits, 0.0),
        downlink_bits=down_bits,
        carries_prompt=llm.first,
        prompt_bits=np.where(llm.first, costs.id_bits * prompt_tokens[:, None], 0.0),
        calls_llm=llm.calls,
        llm_s=llm.seconds,
        downlink_s=down_s,
        slm_prefill_s=slm_prefill_s,
        llm_prefill_s=llm.prefill_s,
        llm_context=llm.context,
        llm_positions=llm.positions,
        ahead_s=ahead_s,
        vain_s=vain_s,
    )


def _ahead(
    exchanges: Exchanges, slm_s: FloatArray, prompt_tokens: NDArray[np.int64], costs: Costs, terms: Terms
) -> tuple[FloatArray, FloatArray]:
    """Seconds of drafting while each exchange is judged: of use to the next one, and in vain."""
    ahead_s, vain_s = np.zeros(slm_s.shape), np.zeros(slm_s.shape)
    if not terms.ahead:
        return ahead_s, vain_s
    passed = exchanges.transmitted & ~exchanges.rejected
    ahead_s[:, :-1] = np.where(passed[:, :-1], slm_s[:, 1:], 0.0)
    # Nobody drafts past the last token that was asked for.
    begins = exchanges.first + exchanges.drafted
    most = np.minimum(terms.ahead, slm_s.shape[1] - begins)
    for number in range(terms.ahead):
        drafts = exchanges.rejected & (most > number)
        context = (prompt_tokens[:, None] + begins - 1 + number)[drafts]
        vain_s[drafts] += costs.slm.seconds(context, 1)
    return ahead_s, vain_s


def response_bits(exchanges: Exchanges, costs: Costs, terms: Terms) -> FloatArray:
    """Bits of every response: how many drafts were accepted, and a token id or what a rejected draft's is drawn from.

    Where there is one draft and no bonus the id alone says it all. The count goes with the ids: a scenario bills both
    or neither.
    """
    drafted = exchanges.drafted
    counted = (drafted > 1) | (terms.bonus & (drafted > 0))
    of_number = np.array([choice_bits(number + 1) for number in range(int(drafted.max(initial=0)) + 1)])
    count_bits = of_number[drafted] * (counted & costs.count_indices)
    rejected = terms.payload.rejection_bits(costs.code, costs.id_bits)
    return count_bits + np.where(exchanges.rejected, float(rejected), float(costs.id_bits))
