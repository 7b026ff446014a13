"""Every column of a row, declared once: name, unit, type, sentence, and how it is computed.

From this list follow the order of the results' table, its Parquet schema, the summary, the stages, what ``run``
prints, ``docs/columns.md`` (`netsim.results.reference`), and a digest that enters the key of a sweep's cells. To add a column is to add an entry.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.deciding.parametric import ParametricTrace
from netsim.errors import Fault, InputError
from netsim.results.column import Column
from netsim.results.facts import Decided, Demand, Drafting, Keys, Similar, Source, Timed, mean, share
from netsim.results.order import Kind
from traces.speculative.rounds import ALL

FloatArray = NDArray[np.float64]
#: What a row holds of a column; None where it is undefined.
Value = float | int | str | None


def _stage(name: str, title: str, sentence: str) -> Column[Timed]:
    """Mean seconds of a token that one stage takes."""
    return Column(Timed, name, "s/token", title, sentence, lambda of: of.mean(name), better="low", stage=True)


def _quantile(kind: Kind, level: float, name: str, unit: str, title: str, sentence: str) -> Column[Timed]:
    """A quantile over the exchanges, tokens or gaps of a row."""
    return Column(
        Timed, name, unit, title, sentence, lambda of: of.quantile(kind, level), better="low", level=level
    )


def _exchange_quantile(percent: int) -> Column[Timed]:
    """Quantile over exchanges; the latency of tokens is a column of its own."""
    text = f"Seconds of an exchange, whatever it emits, that {percent} % of the exchanges stay within."
    name, title = f"exchange_p{percent}_s", f"{percent}th percentile of an exchange"
    return _quantile("exchanges", percent / 100, name, "s/exchange", title, text)


def _gap_text(which: str) -> str:
    """Sentence of a number of the times between two tokens of a prompt."""
    return (
        f"Seconds from a token's appearance to the next one's of its prompt, {which}; tokens of one exchange appear "
        "together, at its end. Prompt upload and prefill count as `latency.prefill` says."
    )


def _similarity(name: str, title: str, sentence: str) -> Column[Similar]:
    """Mean over prompts of a similarity, where the trace's table of scores knows every output."""
    text = f"{sentence}; mean over prompts, empty where an output was not scored (`netsim score --store`)."
    return Column(Similar, name, "", title, text, lambda of: of.means.get(name), better="high")


def _throughput(timed: Timed) -> FloatArray:
    if not np.all(timed.mean_s):
        raise no_time_at_all()
    return np.asarray(1 / timed.mean_s)


def no_time_at_all() -> InputError:
    """What to raise where throughput would be infinite."""
    text = (
        "the tokens take no time at all, so that throughput is infinite, allowed: seconds above 0 somewhere"
    )
    return InputError([Fault("", "latency", text)])


def _llm_nll(decided: Decided) -> float | None:
    return mean(decided.rounds.llm_nll, decided.valid) if decided.on_trace == 1 else None


def _source_top_p(source: Source) -> float | None:
    trace = source.trace
    return None if isinstance(trace, ParametricTrace) else trace.manifest.sampler.top_p


COLUMNS: tuple[Column[Any], ...] = (
    Column(
        Keys, "seed", "", "seed", "Seed of the row's fading and arrivals.",
        lambda of: of.seed, type=int, averaged=False,
    ),
    Column(
        Keys, "token_seed", "", "token seed", "Seed of the token draws: rows that share it share their decisions.",
        lambda of: of.token_seed, type=int, averaged=False,
    ),
    Column(
        Keys, "engine", "", "engine", "The engine that timed the row, `events` or `arrays`.",
        lambda of: of.engine, type=str, averaged=False,
    ),
    Column(
        Decided, "tokens", "", "tokens", "Tokens generated in the row, over all prompts and devices.",
        lambda of: of.tokens, type=int,
    ),
    Column(
        Timed, "throughput_tok_s", "tokens/s", "throughput",
        "Tokens over the sum over prompts of the time each took, what was under way at the end included; of several "
        "devices, the mean over those that were asked for something.",
        _throughput, better="high",
    ),
    Column(
        Timed, "latency_mean_s", "s/token", "latency", "Seconds of a token, mean over tokens.",
        lambda of: of.mean_s, better="low",
    ),
    _quantile(
        "tokens", 0.5, "latency_p50_s", "s/token", "median latency", "Seconds of a token, median over tokens.",
    ),
    _quantile(
        "tokens", 0.95, "latency_p95_s", "s/token", "95th percentile of latency",
        "Seconds of a token that 95 % of the tokens stay within.",
    ),
    _quantile(
        "tokens", 0.99, "latency_p99_s", "s/token", "99th percentile of latency",
        "Seconds of a token that 99 % of the tokens stay within.",
    ),
    _exchange_quantile(50),
    _exchange_quantile(95),
    _exchange_quantile(99),
    _stage("slm_s", "SLM", "Passes of the device's small model."),
    _stage("uncertainty_s", "uncertainty", "Measuring the uncertainty of the draft."),
    _stage("grant_s", "grant", "Scheduling request and grant before an upload."),
    _stage("uplink_s", "uplink", "Air time of the uploads, and propagation to the base station."),
    _stage(
        "core_s", "core network",
        "Crossing the core network between base station and server, there and back, lost messages included.",
    ),
    _stage("queue_s", "queue", "Waiting for the uplink and at the server."),
    _stage("llm_s", "LLM", "Passes of the large model."),
    _stage("downlink_s", "downlink", "Air time of the responses, and propagation to the device."),
    Column(
        Timed, "first_token_s", "s", "time to first token",
        "From a prompt's start to its first token, prompt upload and prefill included; mean over prompts.",
        lambda of: (of.first_s + of.prompt_first_s).mean(axis=-1), better="low",
    ),
    Column(
        Timed, "between_tokens_mean_s", "s", "time between tokens", _gap_text("mean"),
        lambda of: of.gap_mean_s, better="low",
    ),
    _quantile("gaps", 0.5, "between_tokens_p50_s", "s", "median time between tokens", _gap_text("median")),
    _quantile(
        "gaps", 0.99, "between_tokens_p99_s", "s", "99th percentile of the time between tokens",
        _gap_text("which 99 % stay within"),
    ),
    Column(
        Drafting, "transmission_rate", "", "transmission rate",
        "Transmitted rounds over rounds; empty without drafts.",
        lambda of: float(of.workload.uploads.sum() / of.workload.length.sum()), better="low",
    ),
    Column(
        Drafting, "true_skip_rate", "", "true skip rate",
        "Skipped drafts that the LLM would have accepted, over skipped drafts; empty if there are none.",
        lambda of: share(of.rounds.accepted, of.skipped), better="high",
    ),
    Column(
        Drafting, "rejection_rate", "", "rejection rate",
        "Transmitted drafts that the LLM rejected, over those that it judged: what is behind a rejected one is lost.",
        lambda of: share(~of.rounds.accepted, of.sent),
    ),
    Column(
        Timed, "uplink_bits", "bit/token", "uplink bits", "Bits that the device sends, mean over tokens.",
        lambda of: of.with_prompt("bits", "prompt_bits"), better="low",
    ),
    Column(
        Decided, "llm_calls", "1/token", "LLM passes", "Passes of the LLM, mean over tokens.",
        lambda of: float(of.workload.calls_llm.sum() / of.tokens), better="low",
    ),
    Column(
        Timed, "device_energy_j", "J/token", "device energy",
        "Energy that the device spends sending, computing and waiting, mean over tokens.",
        lambda of: of.energy_j, better="low",
    ),
    Column(
        Decided, "llm_nll", "nats/token", "neg. log-likelihood under the LLM",
        "Of the output, under the LLM's full distribution at temperature 1; empty where `on_trace` is below 1, and of a parametric trace.",
        _llm_nll, better="low",
    ),
    _similarity("cosine", "cosine with the reference", "Cosine of sentence embeddings, output and reference answer"),
    _similarity(
        "cosine_llm", "cosine with the LLM's text", "Cosine of sentence embeddings, output and other texts of `llm`",
    ),
    _similarity("rouge_l", "ROUGE-L", "ROUGE-L (F1) of the output against the reference answer"),
    _similarity("rouge_l_llm", "ROUGE-L to the LLM's text", "ROUGE-L (F1) of the output against other texts of `llm`"),
    Column(
        Decided, "on_trace", "", "share on the trace",
        "Rounds whose prefix is recorded in the trace, over rounds: 1 is an exact replay; empty without a recording.",
        lambda of: of.on_trace, better="high",
    ),
    Column(
        Decided, "downlink_bits", "bit/token", "downlink bits", "Bits of the responses, mean over tokens.",
        lambda of: float(of.workload.downlink_bits.sum() / of.tokens), better="low",
    ),
    Column(
        Decided, "drafted", "1/token", "drafts", "Drafts of the SLM over tokens.",
        lambda of: float(of.workload.drafted.sum() / of.tokens), better="low",
    ),
    Column(
        Decided, "wasted_drafts", "1/token", "wasted drafts", "Drafts that did not come out, over tokens.",
        lambda of: float((of.workload.drafted - of.workload.kept).sum() / of.tokens), better="low",
    ),
    Column(
        Timed, "vain_s", "s/token", "drafting in vain",
        "Seconds of drafting ahead of the verification that were thrown away, mean over tokens; their energy counts.",
        lambda of: of.mean("vain_s"), better="low",
    ),
    Column(
        Decided, "tokens_per_exchange", "", "tokens an exchange", "Tokens over exchanges.",
        lambda of: float(of.tokens / of.workload.length.sum()), better="high",
    ),
    Column(
        Decided, "accepted_per_exchange", "", "accepted drafts an exchange",
        "Drafts that the LLM accepted, over exchanges that sent any; empty where none did.",
        lambda of: share(of.workload.kept, of.workload.uploads), better="high",
    ),
    Column(
        Source, "source_top_p", "", "top-p of the trace",
        "The nucleus at which the trace was sampled: 1 is the full vocabulary.", _source_top_p,
    ),
    Column(
        Decided, "upload_entries", "", "entries of an upload",
        "Entries of a truncated distribution, mean over uploads; empty where the whole one is sent.",
        lambda of: mean(of.rounds.entries, of.sent & (of.rounds.entries != ALL)), better="low",
    ),
    Column(
        Decided, "output_tv", "", "distance of the output from the LLM's",
        "Total variation between the LLM's distribution and that of what an upload gives, mean over uploads: 0 is exact.",
        lambda of: mean(of.rounds.output_tv, of.sent) if of.from_trace else None, better="low",
    ),
    Column(
        Demand, "outage", "", "outage", "Requests that can't be finished because the link never sends, over requests.",
        lambda of: of.outage, better="low",
    ),
    Column(
        Demand, "unfinished", "", "unfinished", "Requests that were not finished by the end, over requests.",
        lambda of: of.unfinished, better="low",
    ),
    Column(
        Demand, "deadline_met", "", "deadlines met",
        "Requests whose last token came within `requests.deadline_s`, over requests; empty without one.",
        lambda of: of.deadline_met, better="high",
    ),
    Column(
        Timed, "request_mean_s", "s", "time of a request",
        "From a request's arrival to its last token, prompt upload and prefill included; mean over finished requests.",
        lambda of: of.request_s, better="low",
    ),
    Column(
        Demand, "jain", "", "Jain's index", "Fairness of throughput over the devices that were asked for something.",
        lambda of: of.jain, better="high",
    ),
    Column(
        Demand, "late_over_early", "", "late over early requests",
        "Seconds of the later half of the requests over those of the earlier half, by arrival: 1 in a steady state; "
        "empty in a closed loop.",
        lambda of: of.late_over_early,
    ),
    Column(
        Source, "trace_kind", "", "kind of trace", "Where the decisions come from, `recorded` or `parametric`.",
        lambda of: "parametric" if isinstance(of.trace, ParametricTrace) else "recorded",
        type=str, averaged=False,
    ),
)  # fmt: skip
#: Names in the order of the results file, after the coordinates of a point.
NAMES = tuple(column.name for column in COLUMNS)
#: Stages of a round in the order in which they happen; they add up to ``latency_mean_s``.
STAGES = tuple(column.name for column in COLUMNS if column.stage)
#: Columns whose mean over seeds says something.
AVERAGED = tuple(column.name for column in COLUMNS if column.averaged)
BY_NAME = {column.name: column for column in COLUMNS}
#: Levels of all quantiles.
LEVELS = tuple(sorted({column.level for column in COLUMNS if column.level is not None}))


def values(facts: object) -> dict[str, Any]:
    """Every column that is computed from facts of this class."""
    return {column.name: column.of(facts) for column in COLUMNS if column.facts is type(facts)}


def undefined(facts: type) -> dict[str, Value]:
    """The columns of a class of facts of which there are none."""
    return {column.name: None for column in COLUMNS if column.facts is facts}


def columns_digest() -> str:
    """What changes when a column is added, renamed, or given another type: 16 hexadecimal digits."""
    text = repr([(column.name, column.type.__name__) for column in COLUMNS])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
