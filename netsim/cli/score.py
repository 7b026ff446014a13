"""The command ``score``: how good the texts of policies are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.common import AllowPlugins, bad_input, print_json, print_table
from netsim.cli.outputs import TABLES, check_output_file, write_table, writing

if TYPE_CHECKING:
    from analysis.accuracy import Decode, Embed
    from traces.format.trace import Trace


def score(
    trace: Annotated[Path, typer.Argument(help="Folder of a trace, or the name of one in traces/.")],
    policy: Annotated[
        list[str], typer.Option(help="Repeatable, recorded in the trace: hlm, u-hlm:threshold=0.3.")
    ],
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder or hub name of the models' tokenizer, to compare texts.")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of a sentence encoder, e.g. all-MiniLM-L6-v2, for the cosine.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of every single score: .csv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
) -> None:
    """Score the recorded texts of policies against the LLM's and against the prompts' references.

    Means and 95 % intervals are over prompts, those relative to llm are paired.

    Example: netsim score traces/tiny --policy hlm --policy u-hlm:threshold=0.3 --tokenizer models/tiny/llm
    """
    from analysis.accuracy import SCORES, compare, require_exact
    from analysis.accuracy import score as score_trace
    from netsim.scenario import Scenario
    from netsim.scenario.assembly import build_policy
    from netsim.scenario.paths import PROJECT_TRACES
    from netsim.scenario.policy_context import policy_context
    from netsim.scenario.policy_spec import parse_policy, policy_spec
    from netsim.scenario.sources.built_in import RecordedTraceSettings
    from traces.format.manifest import TraceError
    from traces.format.trace import Trace

    check_output_file("--out", out, TABLES)
    if encoder is not None and tokenizer is None:
        raise bad_input("--encoder", "needs --tokenizer, which turns tokens into text")
    settings = [parse_policy(spec) for spec in policy]
    try:
        opened = Trace.open(trace if trace.is_dir() else PROJECT_TRACES / trace)
    except TraceError as error:
        raise bad_input("", str(error)) from None
    scenario = Scenario(
        name="score", trace=RecordedTraceSettings(folder=str(opened.folder)), policy=settings[0]
    )
    around = policy_context(scenario, opened)
    policies = {policy_spec(own): build_policy(own, around) for own in settings}
    decode = _decoder(tokenizer, opened) if tokenizer else None
    try:
        scores = score_trace(opened, policies, decode, _embedder(encoder) if encoder else None)
        require_exact(scores)
    except TraceError as error:
        raise bad_input("", str(error)) from None
    if out is not None:
        with writing("--out", out):
            write_table(out, scores)
    rows = [{str(key): value for key, value in row.items()} for row in compare(scores).to_dict("records")]
    if as_json:
        print_json(rows)
        return
    print_table(rows, f"{trace}: scores over prompts, relative to llm")
    for missing in [name for name in SCORES if name not in scores]:
        print(f"no {missing}: {_why(missing, opened, tokenizer)}", file=sys.stderr)


def _why(missing: str, trace: Trace, tokenizer: str | None) -> str:
    """What a score needs that is not there."""
    if not all(trace.prompt(number).reference for number in trace.prompts):
        return "the prompts have no references"
    if tokenizer is None:
        return "texts need --tokenizer"
    return "needs --encoder" if missing == "cosine" else "needs rouge-score: pip install -e '.[accuracy]'"


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


def _embedder(folder: Path) -> Embed:
    from models.encoder import SentenceEncoder
    from models.pair import PairError

    try:
        return SentenceEncoder.load(folder).embed
    except PairError as error:
        raise bad_input("--encoder", str(error)) from None
