"""The command ``record``: run a pair of models on prompts and store what they thought."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.common import AllowPlugins, bad_input, keeping
from netsim.cli.record_progress import PROFILE_SHARE, recording_progress
from traces.measures import MeasureName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.pair import Pair
    from models.plan import Score
    from models.prompts import PromptText
    from netsim.deciding.thresholds import RejectionLine
    from netsim.scenario.families import PolicyKind
    from traces.format.manifest import ChatSpec, ScoreSpec
    from traces.format.manifest import Prompt as RecordedPrompt

ALL_COUNTS = "all-counts"


def record(
    out: Annotated[Path, typer.Option(help="Folder of the trace; an interrupted recording goes on there.")],
    prompts: Annotated[
        Path,
        typer.Option(
            help="Prompts: JSON, JSON lines, CSV, TSV or text; Alpaca, Dolly, GSM8K, ShareGPT, MT-Bench, HumanEval …"
        ),
    ],
    policy: Annotated[
        list[str],
        typer.Option(
            help="Repeatable: hlm, u-hlm:threshold=0.3; all-counts is u-hlm at every count of disagreement."
        ),
    ] = [],  # noqa: B006  (typer copies it)
    teacher_forced: Annotated[
        bool,
        typer.Option(
            "--teacher-forced", help="Follow the prompts' references, one path each, instead of policies."
        ),
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Add prompts, seeds or policies to the trace in the folder.")
    ] = False,
    pair: Annotated[str | None, typer.Option(help="A pair that ships with the project: tiny.")] = None,
    slm: Annotated[
        str | None,
        typer.Option(help="Small model: a folder, a GGUF file, or a name of the hub (or of its cache)."),
    ] = None,
    llm: Annotated[str | None, typer.Option(help="Large model.")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens per prompt.")] = 48,
    seeds: Annotated[int, typer.Option(min=1, help="Token seeds 0, 1, …")] = 8,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Calibrated trace of the pair, for risk-averse, risk-prone, and a k of auto or online."
        ),
    ] = None,
    num_prompts: Annotated[
        int | None, typer.Option(min=1, help="Only the first prompts of the file.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out prompts that can't be used, and say which.")
    ] = False,
    temperature: Annotated[
        float, typer.Option(min=1e-6, max=100, help="Sampling temperature of both models.")
    ] = 1.0,
    top_p: Annotated[
        float, typer.Option(min=1e-6, max=1.0, help="Nucleus; 1 stores the full vocabulary.")
    ] = 1.0,
    measure: Annotated[
        MeasureName,
        typer.Option(
            help="Uncertainty by which the recorded policies decide; others replay as far as they agree."
        ),
    ] = "temperature",
    score: Annotated[
        str | None,
        typer.Option(
            help="module:function of your own, (prefix, slm_logits) -> number: every node keeps its value, "
            "and the policy scored compares it. Needs --allow-plugins."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, max=10_000, help="Temperature samples of the uncertainty.")
    ] = 20,
    theta_max: Annotated[
        float, typer.Option(min=1e-6, max=100, help="Largest temperature of the uncertainty.")
    ] = 2.0,
    eos: Annotated[
        Literal["stop", "ignore"], typer.Option(help="What the end-of-sequence token does.")
    ] = "stop",
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"], typer.Option(help="Of both models.")
    ] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.")] = "cpu",
    chat: Annotated[
        bool, typer.Option("--chat", help="Put prompts into the tokenizer's chat template.")
    ] = False,
    system: Annotated[
        str | None, typer.Option(help="System prompt of the chats; default: the template's own.")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=4, max=4096, help="Rows of each forward pass; part of what repeats exactly.")
    ] = 32,
    threads: Annotated[
        int, typer.Option(min=1, help="Processor threads of each forward pass; part of what repeats exactly.")
    ] = 1,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Forward passes side by side; default: as many as the processor has cores, at most 8."
        ),
    ] = None,
    profile_share: Annotated[
        float,
        typer.Option(
            min=0,
            max=10,
            help="Time for measuring latencies, as a share of the recording's; 0 leaves them out.",
        ),
    ] = PROFILE_SHARE,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
) -> None:
    """Record a trace; the same command resumes an interrupted one.

    Example: netsim record --pair tiny --prompts models/tiny/prompts-evaluation.jsonl --policy hlm
    --policy all-counts --temperature 0.8 --top-p 0.97 --out traces/mine
    """
    _check(policy, measure, system, teacher_forced=teacher_forced, chat=chat)
    if (pair is None) != (slm is not None and llm is not None) or (pair and (slm or llm)):
        raise bad_input("--pair", "give --pair, or both --slm and --llm")
    try:
        from models.batches import default_workers
        from models.pair import PairError, PairSource, pair_folders
        from models.plan import Plan
        from models.profile import profile_recording
        from models.prompts import PromptError, load_prompts
        from models.record import record as record_trace
    except ModuleNotFoundError as error:
        raise bad_input("record", f"needs {error.name}: pip install -e '.[models]'") from None
    from netsim.cli.bad_prompts import left_out
    from netsim.scenario.assembly import build_policy
    from netsim.scenario.policy_context import PolicyContext
    from netsim.scenario.policy_spec import policy_spec
    from traces.format.manifest import TraceError
    from traces.format.nodes import Sampler
    from traces.speculative.walk import Measure

    try:
        # What is wrong with the files and the policies is said before gigabytes are loaded.
        own_score = None if score is None else _score(score)
        settings, (texts, bad) = _settings(policy, samples), load_prompts(prompts)
        left_out(bad, len(texts), skip_bad=skip_bad, quiet=quiet)
        folders = pair_folders(pair) if pair else (slm or "", llm or "")
        loaded = PairSource(folders[0], folders[1], dtype, device, threads).load()
        stops = loaded.stops_for(eos)
        encoding = _Encoding(chat, system, tokens, teacher_forced, stops)
        fit, bad = encoding.fitting(texts[:num_prompts], loaded)
        left_out(bad, len(fit), skip_bad=skip_bad, quiet=quiet)
        around = PolicyContext(
            loaded.vocabulary_size, top_p == 1, _line(calibration), scored=score is not None
        )
        plan = Plan(
            name=out.resolve().name,
            prompts=fit,
            num_tokens=tokens,
            token_seeds=range(1 if teacher_forced else seeds),
            sampler=Sampler(temperature, top_p),
            measure=Measure(samples if measure == "temperature" else None, theta_max, measure),
            policies={policy_spec(own): build_policy(own, around) for own in settings},
            eos=stops,
            batch=batch,
            chat=encoding.spec(loaded),
            score=own_score,
        )
        workers = jobs or default_workers(device)
        with (
            keeping(f"finished groups are kept in {out}"),
            recording_progress(profile_share, quiet=quiet) as progress,
        ):
            record_trace(loaded, plan, out, progress.recorded, extending=extend, workers=workers)
            if profile_share:
                profile_recording(loaded, plan, out, progress.profile_budget_s, progress.profiled)
    except (PairError, PromptError, TraceError) as error:
        raise bad_input("", str(error)) from None
    if not quiet:
        print(f"trace: {out}")


def _check(policy: list[str], measure: str, system: str | None, *, teacher_forced: bool, chat: bool) -> None:
    """Refuse options that contradict each other."""
    if teacher_forced == bool(policy):
        raise bad_input("--policy", "give at least one policy, or --teacher-forced instead")
    if ALL_COUNTS in policy and measure != "temperature":
        raise bad_input("--policy", f"{ALL_COUNTS} needs the measure that counts, given --measure {measure}")
    if system is not None and not chat:
        raise bad_input("--system", "needs --chat: without it a prompt is no chat")


@dataclass(frozen=True)
class _Encoding:
    """How prompts become tokens."""

    chat: bool
    system: str | None
    num_tokens: int
    teacher_forced: bool
    stops: tuple[int, ...] | None

    def spec(self, pair: Pair) -> ChatSpec | None:
        """The chat template; None without ``--chat``."""
        from models.encode import chat_spec

        return chat_spec(pair.tokenizer, self.system) if self.chat else None

    def fitting(
        self, prompts: Sequence[PromptText], pair: Pair
    ) -> tuple[tuple[RecordedPrompt, ...], list[str]]:
        """Prompts that the pair can take, and a line for each other."""
        from models.encode import prompts_to_record
        from models.prompts import fitting

        end = self.stops[0] if self.stops else None
        follow, template = self.num_tokens if self.teacher_forced else 0, self.spec(pair)
        return fitting(
            prompts,
            lambda own: prompts_to_record([own], pair.tokenizer, follow, end, template)[0],
            self.num_tokens,
            pair.max_positions,
        )


def _score(name: str) -> tuple[ScoreSpec, Score]:
    """A function of the user's own, and what a trace says of it."""
    from netsim.scenario.plugins import load_function, source_file
    from traces.format.manifest import ScoreSpec

    function, file = load_function(name), source_file(name)
    code = file.read_bytes() if file else b""
    return ScoreSpec(function=name, digest=hashlib.sha256(code).hexdigest()), function


def _line(folder: Path | None) -> RejectionLine | None:
    """RejectionLine of a trace's calibration."""
    from netsim.scenario.policy_context import line_of
    from traces.format.manifest import read_manifest

    if folder is None:
        return None
    fitted = read_manifest(folder).calibration
    if fitted is None:
        raise bad_input("--calibration", f"{folder} is not calibrated (netsim calibrate --store-in)")
    return line_of(fitted)


def _settings(specs: list[str], samples: int) -> list[PolicyKind]:
    """Settings of policies, in the order given."""
    from netsim.scenario.policies.published import UHlmSettings
    from netsim.scenario.policy_spec import parse_policy

    settings: list[PolicyKind] = []
    for spec in specs:
        if spec == ALL_COUNTS:
            counts = range(samples + 1)
            settings += [UHlmSettings(name="u-hlm", threshold=count / samples) for count in counts]
        else:
            settings.append(parse_policy(spec))
    return settings
