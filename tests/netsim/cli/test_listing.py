"""``netsim list``: what there is, from the declarations themselves."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from typer.testing import CliRunner

from netsim.cli import app, register
from netsim.deciding.policies import UHlm
from netsim.errors import InputError
from netsim.scenario import plugins
from netsim.scenario.catalogue import families, kind_rows, parameter_rows
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import Key
from netsim.scenario.policy_context import PolicyContext
from traces.speculative.rounds import Policy


@pytest.fixture(scope="module", autouse=True)
def commands() -> None:
    if not app.registered_commands:
        register()


def listed(kind: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["list", kind, "--json"])
    assert result.exit_code == 0
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_what_there_is_without_a_kind() -> None:
    names = CliRunner().invoke(app, ["list"]).stdout.split()
    of_kinds = {
        "policies",
        "payloads",
        "stops",
        "jitters",
        "fadings",
        "rates",
        "schedulers",
        "arrivals",
        "sources",
    }
    assert of_kinds | {"traces", "profiles", "columns", "figures"} == set(names)
    for name in names:
        assert listed(name), name


@pytest.mark.parametrize("kind", ["policies", "fadings", "rates", "schedulers", "arrivals", "sources"])
def test_every_kind_says_what_it_is_and_what_it_takes(kind: str) -> None:
    rows = listed(kind)
    assert [row["name"] for row in rows] == list(families()[kind].words)
    for row in rows:
        assert row["description"].endswith("."), row
        for parameter in row["parameters"]:
            assert parameter["meaning"], (row["name"], parameter["name"])
            assert parameter["allowed"], (row["name"], parameter["name"])
    text = CliRunner().invoke(app, ["list", kind]).stdout
    assert all(row["name"] in text and row["description"] in text for row in rows)


def test_keys_come_with_range_unit_and_default() -> None:
    [rician] = [row for row in listed("fadings") if row["name"] == "rician"]
    assert rician["parameters"][0] == {
        "name": "k_db",
        "required": True,
        "default": None,
        "unit": "dB",
        "allowed": "a number from -60 to 60 dB",
        "meaning": "power of the line of sight over that of the scatter",
    }
    assert "slot_s (default 0.0005 s)" in CliRunner().invoke(app, ["list", "schedulers"]).stdout


def test_traces_and_profiles_are_those_of_the_project() -> None:
    assert {"tiny", "tiny-full"} <= {row["name"] for row in listed("traces")}
    assert {"llama-2-7b", "tinyllama-1.1b"} <= {row["name"] for row in listed("profiles")}


def test_an_unknown_list_names_what_there_is() -> None:
    result = CliRunner().invoke(app, ["list", "fading"])
    assert isinstance(result.exception, InputError)
    assert "did you mean 'fadings'?" in str(result.exception)


class HalfSure(PolicyKind):
    """Skips below one half."""

    share: Annotated[float, Key("share", at_least=0, at_most=1)] = 0.5

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return UHlm(self.share)


class Installed:
    """An entry point of an installed package."""

    name = "half-sure"
    module = __name__

    def load(self) -> type[PolicyKind]:
        return HalfSure


def test_installed_plugins_are_listed_in_their_family_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_installed", lambda: {"half-sure": Installed()})
    policies, fadings = (kind_rows(families()[name]) for name in ("policies", "fadings"))
    assert policies[-1]["name"] == "half-sure"
    assert policies[-1]["parameters"] == parameter_rows(HalfSure)
    assert "half-sure" not in {row["name"] for row in fadings}
