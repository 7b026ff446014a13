"""The command ``record``: run a pair of models on prompts and store what they thought."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.common import AllowPlugins, bad_input
from traces.uncertainty import MeasureName

if TYPE_CHECKING:
    from netsim.deciding.thresholds import Line
    from netsim.scenario.families import PolicyKind

ALL_COUNTS = "all-counts"


def record(
    out: Annotated[Path, typer.Option(help="Folder of the trace; an interrupted recording goes on there.")],
    prompts: Annotated[
        Path, typer.Option(help="Prompts: text, or JSONL (prompt, reference; Alpaca's fields).")
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
        str | None, typer.Option(help="Small model: a folder, or a name of the hub (or of its cache).")
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
    jobs: Annotated[int, typer.Option(min=1, help="Processes, each with its own copy of both models.")] = 1,
    threads: Annotated[
        int, typer.Option(min=1, help="Processor threads of each process; part of what repeats exactly.")
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
) -> None:
    """Record a trace; the same command resumes an interrupted one.

    Example: netsim record --pair tiny --prompts models/tiny/prompts-evaluation.jsonl --policy hlm
    --policy all-counts --temperature 0.8 --top-p 0.97 --out traces/mine
    """
    try:
        from models.encode import prompts_to_record
        from models.pair import PairError, pair_folders
        from models.plan import Plan
        from models.processes import PairSource, run_in_processes
        from models.profile import profile_recording
        from models.prompts import PromptError, read_prompts
        from models.record import record as record_trace
    except ModuleNotFoundError as error:
        raise bad_input("record", f"needs {error.name}: pip install -e '.[models]'") from None
    from netsim.cli.record_progress import recording_progress
    from netsim.scenario.assembly import build_policy
    from netsim.scenario.policy_context import PolicyContext
    from netsim.scenario.policy_spec import policy_spec
    from traces.format.manifest import TraceError
    from traces.format.nodes import Sampler
    from traces.speculative.walk import Measure

    if teacher_forced == bool(policy):
        raise bad_input("--policy", "give at least one policy, or --teacher-forced instead")
    if ALL_COUNTS in policy and measure != "temperature":
        raise bad_input("--policy", f"{ALL_COUNTS} needs the measure that counts, given --measure {measure}")
    try:
        if (pair is None) != (slm is not None and llm is not None) or (pair and (slm or llm)):
            raise bad_input("--pair", "give --pair, or both --slm and --llm")
        # What is wrong with the files and the policies is said before gigabytes are loaded.
        settings, texts = _settings(policy, samples), read_prompts(prompts)[:num_prompts]
        folders = pair_folders(pair) if pair else (slm or "", llm or "")
        source = PairSource(folders[0], folders[1], dtype, device, threads)
        loaded = source.load()
        end = loaded.end if eos == "stop" else None
        around = PolicyContext(loaded.vocabulary_size, top_p == 1, _line(calibration))
        plan = Plan(
            name=out.resolve().name,
            prompts=prompts_to_record(texts, loaded.tokenizer, tokens if teacher_forced else 0, end),
            num_tokens=tokens,
            token_seeds=range(1 if teacher_forced else seeds),
            sampler=Sampler(temperature, top_p),
            measure=Measure(samples if measure == "temperature" else None, theta_max, measure),
            policies={policy_spec(own): build_policy(own, around) for own in settings},
            eos=end,
        )
        run = run_in_processes(source, jobs) if jobs > 1 else None
        with recording_progress(quiet=quiet) as progress:
            record_trace(loaded, plan, out, progress, run, extending=extend)
        profile_recording(loaded, plan, out)
    except (PairError, PromptError, TraceError) as error:
        raise bad_input("", str(error)) from None
    if not quiet:
        print(f"trace: {out}")


def _line(folder: Path | None) -> Line | None:
    """Line of a trace's calibration."""
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
