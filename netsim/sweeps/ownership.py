"""Whose results a folder holds: a sweep may grow there, another scenario may not take its place unasked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from netsim.errors import Fault, InputError, quote
from netsim.scenario import Scenario, load_scenario
from netsim.scenario.sweep import flatten
from netsim.sweeps.products import read_manifest
from traces.format.sealed import canonical

#: Keys that may differ; of the other two, what was there has to stay.
FREE, GROWING = frozenset({"name"}), frozenset({"seeds", "sweep"})
_ALLOWED = "allowed: another folder (--out), or --fresh to replace them"


def check_grows(folder: Path, earlier_file: Path, now: Scenario) -> None:
    """Refuse a scenario that would lose what a folder holds.

    Parameters
    ----------
    folder : Path. The results folder, for messages.
    earlier_file : Path. The resolved scenario of what it holds.
    now : Scenario. The one to be swept: the same, with more seeds or more values on its axes if you like.

    Raises
    ------
    InputError
        A fault for every key in which the two differ.
    """
    if earlier_file.is_file() and earlier_file.read_bytes() == now.resolved_yaml().encode():
        return
    try:
        earlier = load_scenario(earlier_file)
    except InputError as error:
        text = (
            f"holds results that netsim {_writer(folder)} wrote, whose scenario this version can't compare: "
        )
        text += f"{error.faults[0]}; {_ALLOWED}"
        raise InputError([Fault(str(folder), "", text)]) from None
    faults = [Fault(str(folder), key, f"{text}, {_ALLOWED}") for key, text in _differences(earlier, now)]
    if faults:
        raise InputError(faults)


def _writer(folder: Path) -> str:
    """Version of netsim that wrote the results, as their manifest says."""
    try:
        return str(read_manifest(folder)["versions"]["netsim"])
    except (InputError, KeyError, TypeError):
        return "of unknown version"


def _differences(earlier: Scenario, now: Scenario) -> Iterator[tuple[str, str]]:
    """Keys in which a scenario does more than grow, each with what was and what is."""
    axes = [set(scenario.sweep) for scenario in (earlier, now)]
    before, after = (_leaves(scenario, axes[0] & axes[1]) for scenario in (earlier, now))
    for key in dict.fromkeys([*before, *after]):
        if canonical(before.get(key)) != canonical(after.get(key)):
            yield key, f"the results there are of {quote(before.get(key))}, given {quote(after.get(key))}"
    for axis in sorted(axes[0] ^ axes[1]):
        yield f"sweep.{axis}", f"an axis of {'the results there' if axis in axes[0] else 'this sweep'} alone"
    for axis in sorted(axes[0] & axes[1]):
        lost = _lost(earlier.sweep[axis], now.sweep[axis])
        if lost:
            yield f"sweep.{axis}", f"the results there have {lost}, which this sweep lacks"
    lost = _lost(earlier.seed_values(), now.seed_values())
    if lost:
        yield "seeds", f"the results there have {lost}, which this sweep lacks"


def _leaves(scenario: Scenario, axes: set[str]) -> dict[str, Any]:
    """Scalars of a scenario by their full paths, without those that an axis sets anyway."""
    content = scenario.model_dump(mode="json", exclude={*FREE, *GROWING})
    leaves = {path: leaf for key in content for path, leaf in flatten(content[key], key).items()}
    return {
        path: leaf
        for path, leaf in leaves.items()
        if not any(f"{path}.".startswith(f"{axis}.") for axis in axes)
    }


def _lost(before: Any, after: Any) -> str:
    """Values that are no longer there; the first few of many."""
    lost: Sequence[Any]
    if isinstance(before, range) and isinstance(after, range):
        lost = range(len(after), len(before))
    else:
        kept = {canonical(value) for value in after}
        lost = [value for value in before if canonical(value) not in kept]
    shown = ", ".join(quote(value) for value in lost[:3])
    return shown + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
