"""The command ``list``: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from netsim.cli.common import bad_input, print_json, print_table
from netsim.errors import did_you_mean, quote

Rows = list[dict[str, Any]]


def list_kinds(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="policies, fadings, schedulers, …; without it, what there is."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what a scenario can choose: names, keys with units and defaults, a sentence, the source.

    Example: netsim list fadings
    """
    listers = _listers()
    if not kind:
        print("\n".join(listers))
        return
    if kind not in listers:
        hint = did_you_mean(kind, listers)
        raise bad_input("KIND", f"unknown, given {quote(kind)}, allowed: {', '.join(listers)}{hint}")
    rows = listers[kind]()
    if as_json:
        print_json(rows)
    elif rows and "parameters" in rows[0]:
        for row in rows:
            _print_kind(row)
    elif rows:
        print_table(rows, kind)


def _listers() -> dict[str, Callable[[], Rows]]:
    """What makes the rows of each list; families of kinds come from the scenario's own declaration."""
    from functools import partial

    from netsim.scenario.catalogue import families, kind_rows

    return {
        **{name: partial(kind_rows, family) for name, family in families().items()},
        "traces": _traces,
        "profiles": _profiles,
    }


def _traces() -> Rows:
    """The project's recorded traces."""
    from netsim.scenario.paths import PROJECT_TRACES
    from traces.format.manifest import MANIFEST, TraceError, read_manifest

    rows: Rows = []
    for folder in sorted(path.parent for path in PROJECT_TRACES.glob(f"*/{MANIFEST}")):
        try:
            manifest = read_manifest(folder)
        except TraceError as error:
            raise bad_input("", str(error)) from None
        rows.append(
            {
                "name": folder.name,
                "slm": manifest.slm.name,
                "llm": manifest.llm.name,
                "prompts": len(manifest.prompts),
                "token_seeds": len(manifest.token_seeds),
                "tokens": manifest.num_tokens,
                "vocabulary": manifest.vocabulary_size,
                "top_p": manifest.sampler.top_p,
                "measure": manifest.measure.name,
                "calibrated": manifest.calibration is not None,
            }
        )
    return rows


def _profiles() -> Rows:
    """The project's latency profiles: what each one's forward passes were measured on."""
    import json

    from netsim.costs.latency import PROFILES

    rows: Rows = []
    for path in sorted(PROFILES.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        models = {role: content[role] for role in ("slm", "llm") if role in content} or {"": content}
        rows += [
            {
                "name": path.stem,
                "role": role or "either",
                "model": model["model"],
                "hardware": model["hardware"],
                "dtype": model["dtype"],
                "contexts": f"{min(model['contexts'])} to {max(model['contexts'])} tokens",
                "positions": f"{min(model['positions'])} to {max(model['positions'])}",
                "batches": f"{min(model['batches'])} to {max(model['batches'])}",
            }
            for role, model in models.items()
        ]
    return rows


def _print_kind(row: Mapping[str, Any]) -> None:
    """A kind as text: whatever the terminal's width, no number is cut."""
    print(f"{row['name']}: {row['description']}")
    for parameter in row["parameters"]:
        print(
            f"    {parameter['name']} ({_presence(parameter)}): {parameter['meaning']}; {parameter['allowed']}"
        )
    if row["source"]:
        print(f"    source: {row['source']}")


def _presence(parameter: Mapping[str, Any]) -> str:
    """Whether a key has to be there, and what it is if not."""
    if parameter["required"]:
        return "required"
    if parameter["default"] is None:
        return "optional"
    return f"default {quote_default(parameter['default'])} {parameter['unit']}".rstrip()


def quote_default(default: object) -> str:
    """A default as a scenario file would write it.

    >>> quote_default(0.0005), quote_default(True), quote_default("x")
    ('0.0005', 'true', 'x')
    """
    return default if isinstance(default, str) else quote(default)
