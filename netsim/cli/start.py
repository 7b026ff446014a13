"""Commands for a first day: ``new`` writes a scenario to start from, ``demo`` does the main job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import bad_input

#: Traces that only the repository holds, each with an excerpt of it that is installed.
EXCERPTS = {"tiny": "tiny-demo"}


def _excerpts() -> dict[str, str]:
    """Those of `EXCERPTS` that have to stand in here for the trace that they are of."""
    from netsim.scenario.paths import PROJECT_TRACES

    return {whole: part for whole, part in EXCERPTS.items() if not (PROJECT_TRACES / whole).is_dir()}


def _template(path: Path) -> str:
    """A shipped scenario for any folder: an editor finds the schema, and where only an excerpt of the trace is here, it names that."""
    text = path.read_text(encoding="utf-8")
    first, schema, rest = text.partition("$schema=")
    relative, end, rest = rest.partition("\n")
    text = f"{first}{schema}{(path.parent / relative).resolve()}{end}{rest}"
    for whole, part in _excerpts().items():
        said = f"trace: {part}   # the first prompts of {whole}, which the repository holds whole"
        text = re.sub(rf"^trace: {re.escape(whole)}$", said, text, flags=re.MULTILINE)
    return text


def new(
    template: Annotated[
        str, typer.Argument(help="A shipped scenario, e.g. quickstart, network, papers/u-hlm-throughput.")
    ] = "quickstart",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Default: the template's name in this folder.")
    ] = None,
) -> None:
    """Write a commented scenario to start from.

    Example: netsim new network --out mine.yaml
    """
    from netsim.errors import did_you_mean
    from netsim.startup import ROOT

    folder = ROOT / "scenarios"
    known = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))
    if template not in known:
        raise bad_input(
            "new", f"no template '{template}', allowed: {', '.join(known)}{did_you_mean(template, known)}"
        )
    path = out or Path(f"{Path(template).name}.yaml")
    text = _template(folder / f"{template}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise bad_input(str(path), "is there already, allowed: another name with --out") from None
    except OSError as error:
        raise bad_input(str(path), f"can't be written: {error.strerror}") from None
    print(f"{path}: edit it, then netsim validate {path} and netsim sweep {path}")


def demo() -> None:
    """Do the main job: sweep the quickstart scenario and draw its figure, here in results/quickstart.

    Example: netsim demo
    """
    from netsim.cli.simulate import sweep
    from netsim.startup import ROOT

    overrides = []
    for whole, part in _excerpts().items():
        print(f"trace: {part}, the first prompts of {whole}, which the repository holds whole")
        overrides.append(f"trace={part}")
    sweep(ROOT / "scenarios" / "quickstart.yaml", overrides=overrides)
    print("look closer: netsim report results/quickstart")
