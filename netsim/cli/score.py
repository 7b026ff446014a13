"""The command ``score``: how good the texts of policies are."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsim.cli.common import AllowPlugins, bad_input, cell, open_trace, print_json, print_table
from netsim.cli.outputs import TABLES, check_output_file, write_table, writing

if TYPE_CHECKING:
    from analysis.accuracy.outputs import Outputs
    from analysis.accuracy.similarity import Decode, Encoder
    from netsim.results.similarity import SimilarityTable
    from traces.format.trace import Trace


def score(
    trace: Annotated[Path, typer.Argument(help="Folder of a trace, or the name of one in traces/.")],
    policy: Annotated[
        list[str],
        typer.Option(
            help="Repeatable, recorded in the trace: hlm, u-hlm:threshold=0.3. Without it: all that are recorded."
        ),
    ] = [],  # noqa: B006  (typer copies it)
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder or hub name of the models' tokenizer, to compare texts.")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of a sentence encoder, e.g. all-MiniLM-L6-v2, for the cosine.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of every single score: .csv or .parquet.")] = None,
    store: Annotated[
        bool,
        typer.Option("--store", help="Keep similarities beside the trace: sweeps then have them as columns."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
) -> None:
    """Score the recorded texts of policies against the prompts' references and against the LLM's texts.

    Ratios to llm and to hlm are paired; 95 % intervals resample prompts. Without --tokenizer, texts that were compared
    before with --store are still scored.

    Example: netsim score traces/tiny --policy hlm --policy u-hlm:threshold=0.3 --tokenizer models/tiny/llm
    """
    from analysis.accuracy.compare import compare, missing_baselines, missing_scores
    from analysis.accuracy.outputs import named_policies, outputs_of
    from analysis.accuracy.similarity import with_similarity
    from netsim.results.over_prompts import LEAST_PROMPTS
    from traces.format.manifest import TraceError

    for option, given in (("--encoder", encoder is not None), ("--store", store)):
        if given and tokenizer is None:
            raise bad_input(option, "needs --tokenizer, which turns tokens into text")
    check_output_file("--out", out, TABLES)
    try:
        opened = open_trace(trace)
        outputs = outputs_of(opened, named_policies(opened, policy or opened.manifest.policies or ["hlm"]))
        similarities = _similarities(opened, outputs, tokenizer, encoder, store=store)
        table = outputs.table if similarities is None else with_similarity(outputs, similarities)
    except TraceError as error:
        raise bad_input("", str(error)) from None
    if out is not None:
        with writing("--out", out):
            write_table(out, table.drop(columns="output"))
    compared = compare(table)
    rows = [{str(key): value for key, value in row.items()} for row in compared.to_dict("records")]
    if as_json:
        print_json(rows)
        return
    print_table(
        [_shown(row) for row in rows], f"{trace}: mean scores, and ratios to llm and hlm [95 % over prompts]"
    )
    if (compared["prompts"] < LEAST_PROMPTS).any():
        print(f"no interval: fewer than {LEAST_PROMPTS} prompts determine none", file=sys.stderr)
    for name in missing_baselines(table):
        print(f"no ratio to {name}: no text of it is recorded in full", file=sys.stderr)
    for name, needs in missing_scores(compared).items():
        print(f"no {name}: needs {needs}", file=sys.stderr)


def _similarities(
    trace: Trace, outputs: Outputs, tokenizer: str | None, encoder: Path | None, *, store: bool
) -> SimilarityTable | None:
    """Similarities of the outputs: those beside the trace, and what a tokenizer lets compute."""
    from analysis.accuracy.similarity import compare_texts
    from netsim.results.similarity_file import read_similarities, write_similarities

    stored = read_similarities(trace)
    if tokenizer is None:
        return stored
    if store and encoder is None and stored is not None and stored.encoder:
        raise bad_input("--store", f"would lose the cosines of {stored.encoder}: give --encoder too")
    decode, loaded = _decoder(tokenizer, trace), _encoder(encoder) if encoder else None
    found = compare_texts(trace, outputs, decode, loaded, stored)
    if store:
        written = write_similarities(found, trace.folder)
        print(f"{len(found.table)} pairs of texts: {written}", file=sys.stderr)
    return found


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as the table shows it: an interval behind its mean."""
    shown = {"policy": str(row["policy"]), "score": str(row["score"])}
    for name in ("mean", "of_llm", "of_hlm"):
        value, low, high = (float(row[column]) for column in (name, f"{name}_low", f"{name}_high"))
        interval = "" if math.isnan(low) else f" [{low:.3g}, {high:.3g}]"
        shown[name] = cell(value) if math.isnan(value) else f"{value:.4g}{interval}"
    return {**shown, "prompts": str(row["prompts"]), "exact": cell(float(row["exact"]))}


def _decoder(source: str, trace: Trace) -> Decode:
    try:
        from models.ledger import tokenizer_digest
        from models.pair import PairError, load_tokenizer
    except ModuleNotFoundError as error:
        raise bad_input("--tokenizer", f"needs {error.name}: pip install -e '.[models]'") from None
    try:
        tokenizer = load_tokenizer(source)
    except PairError as error:
        raise bad_input("--tokenizer", str(error)) from None
    if tokenizer_digest(tokenizer) != trace.manifest.tokenizer:
        raise bad_input("--tokenizer", f"{source} is not the tokenizer that the trace was recorded with")
    return lambda tokens: str(tokenizer.decode(list(tokens), skip_special_tokens=True))


def _encoder(folder: Path) -> Encoder:
    from analysis.accuracy.similarity import Encoder
    from models.encoder import SentenceEncoder
    from models.pair import PairError

    try:
        loaded = SentenceEncoder.load(folder)
    except PairError as error:
        raise bad_input("--encoder", str(error)) from None
    return Encoder(loaded.name, loaded.embed)
