"""The reference page of a scenario's keys, ``docs/scenario.md``: ``python -m netsim.scenario.reference > docs/scenario.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from netsim.scenario.axes import block_class, family_of_field
from netsim.scenario.catalogue import families, parameter_rows
from netsim.scenario.fields import Block
from netsim.scenario.kinds import OWN, Family
from netsim.scenario.model import Scenario
from netsim.scenario.network import DeviceSettings
from netsim.scenario.sweep import RangeSettings
from netsim.scenario.yaml_file import dump_yaml
from netsim.startup import ROOT

HEAD = """\
# Keys of a scenario

Written by `python -m netsim.scenario.reference`; do not edit. What a YAML file may say, with units, ranges and defaults. A key
without a default is required, unless the sweep sets it; *none* means that it may be left out. A word stands for a kind without required
keys: `fading: rayleigh` is `fading: {name: rayleigh}`. The same for programs: `netsim schema`, and `netsim list KIND --json`.
"""
SWEEP = """\
## sweep

The product of its axes. An axis is the path of any key above with its values: a list (`channel.snr_db: [0, 10]`) or a range. A whole block can
be an axis (`policy: [slm, hlm, {name: u-hlm, threshold: 0.3}]`); a range or a list inside one of its entries expands there. A range:
"""
#: Keys that hold more than one block or value, in words.
BY_HAND = {
    "devices": (
        "a count from 1 to 10000, or a list of [devices](#devices)",
        "devices, all alike or one by one",
    ),
    "sweep": ("a block of axes, see [sweep](#sweep)", "what is varied"),
}


def scenario_page() -> str:
    """The reference page of all keys and kinds, as Markdown."""
    lines = [HEAD, *_table(Scenario)]
    for path, block in _blocks(Scenario):
        lines += [f"## {path}", "", _prose(block.sentence()), "", *_table(block)]
    lines += ["## devices", "", "Of a list, each entry:", "", *_table(DeviceSettings)]
    lines += [SWEEP, *_table(RangeSettings)]
    for plural, family in families().items():
        lines += [f"## Kinds: {plural}", "", family.base.sentence(), "", *_kinds(family)]
    return "\n".join(lines)


def _blocks(block: type[Block], above: str = "") -> Iterator[tuple[str, type[Block]]]:
    """Blocks of one kind alone, each with its path, where it stands in a file."""
    for name, field in block.model_fields.items():
        below = block_class(field, {})
        if family_of_field(field) is None and below is not None and name not in BY_HAND:
            yield above + name, below
            yield from _blocks(below, f"{above}{name}.")


def _kinds(family: Family) -> Iterator[str]:
    for kind in family.kinds:
        yield f"**`{kind.word()}`**: {kind.sentence()}{f' Source: {kind.source}.' if kind.source else ''}\n"
        if parameter_rows(kind):
            yield from _table(kind)
            for path, block in _blocks(kind):
                yield f"`{path}` of `{kind.word()}`: {block.sentence()}\n"
                yield from _table(block)
    if family.own:
        yield f"**`{OWN}`**: a class of your own, see [extending](extending.md).\n"


def _table(block: type[Block]) -> Iterator[str]:
    """The keys of a block as a table."""
    yield "| key | default | allowed | meaning |\n| --- | --- | --- | --- |"
    for row in parameter_rows(block):
        allowed, meaning = BY_HAND.get(row["name"], (row["allowed"], row["meaning"]))
        if row["allowed"] == "a block" and row["name"] not in BY_HAND:
            allowed = f"a block, see [{row['name']}](#{row['name']})" if block is Scenario else "a block"
        cells = (f"`{row['name']}`", _default(row), allowed, _prose(meaning))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _prose(text: str) -> str:
    """A docstring's code marks as Markdown has them."""
    return text.replace("``", "`")


def _default(row: dict[str, Any]) -> str:
    """A default as a file would write it; that of a block follows from its own keys."""
    default = row["default"]
    if row["required"]:
        return ""
    if default is None:
        return "*none*"
    if isinstance(default, dict):
        named = default.get("name")
        return f"`{named}`" if named else ""
    if isinstance(default, str):
        default = default.removeprefix(f"{ROOT}/")
    text = dump_yaml({"value": default}).removeprefix("value:").strip()
    unit = f" {row['unit']}" if row["unit"] and isinstance(default, float) else ""
    return f"`{text}`{unit}"


if __name__ == "__main__":
    sys.stdout.write(scenario_page())
