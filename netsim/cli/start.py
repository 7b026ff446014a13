"""Commands for a first day: ``new`` writes a scenario to start from, ``demo`` does the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import bad_input


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
    text = (folder / f"{template}.yaml").read_text(encoding="utf-8")
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

    sweep(ROOT / "scenarios" / "quickstart.yaml")
    print("look closer: netsim report results/quickstart")
