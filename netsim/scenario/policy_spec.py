"""Policies on the command line: ``hlm``, ``u-hlm:threshold=0.3``, ``cu-hlm:threshold=0.3,k=30``."""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from netsim.errors import Fault, InputError
from netsim.scenario.families import PolicyKind
from netsim.scenario.faults import explain
from netsim.scenario.kinds import Kind
from netsim.scenario.policies import POLICIES, Policy

_ADAPTER: TypeAdapter[PolicyKind] = TypeAdapter(Policy)


def parse_policy(spec: str) -> PolicyKind:
    """Settings of a policy from its spec.

    Raises
    ------
    InputError
        With every fault of the spec.

    Examples
    --------
    >>> parse_policy("u-hlm:threshold=0.3")
    UHlmSettings(name='u-hlm', threshold=0.3)
    >>> parse_policy("spec:gamma=4,payload={name: lattice, levels: 100}").payload
    LatticeSettings(name='lattice', levels=100)
    """
    # A user's own policy is module:Class, so the parameters begin after the first colon that a key and an = follow.
    found = re.fullmatch(r"(.+?):([^:={]+=.*)", spec)
    name, rest = found.groups() if found else (spec, "")
    block: dict[str, Any] = {"name": name}
    # Commas within braces are those of a block: payload={name: lattice, levels: 100}.
    for item in filter(None, re.split(r",(?![^{]*\})", rest)):
        key, equals, text = item.partition("=")
        if not equals:
            raise _fault(spec, key, "no value, allowed: key=value")
        try:
            block[key] = YAML(typ="safe").load(text)
        except YAMLError:
            raise _fault(spec, key, f"not a value, given '{text}'") from None
    try:
        return _ADAPTER.validate_python(block)
    except ValidationError as error:
        if hint := _short_for(name):
            raise _fault(
                spec, "", f"no key, allowed: a key and its value after a colon; did you mean '{hint}'?"
            ) from None
        faults = [
            Fault(f"--policy {spec}", ".".join(map(str, found.path)), found.text)
            for found in explain(error, block)
        ]
        raise InputError(faults) from None


def _short_for(name: str) -> str:
    """What ``u-hlm=0.3`` and ``u-hlm:0.3`` are likely to mean: a policy with one required key, and its value."""
    word, _, value = re.sub("[=:]", " ", name, count=1).partition(" ")
    kind = POLICIES.kind(word) if value else None
    keys = [] if kind is None else [key for key, field in kind.model_fields.items() if field.is_required()]
    return f"{word}:{keys[0]}={value}" if len(keys) == 1 else ""


def _fault(spec: str, key: str, text: str) -> InputError:
    return InputError([Fault(f"--policy {spec}", key, text)])


def policy_spec(settings: PolicyKind) -> str:
    """Spec of a policy's settings; the inverse of ``parse_policy``.

    Examples
    --------
    >>> policy_spec(parse_policy("rand-hlm:skip_probability=0.45"))
    'rand-hlm:skip_probability=0.45'
    >>> spec = policy_spec(parse_policy("spec:gamma=4,payload={name: lattice, levels: 100},stop={name: product, at_least: 0.5}"))
    >>> spec
    'spec:gamma=4,payload={name: lattice, levels: 100},stop={name: product, at_least: 0.5}'
    >>> policy_spec(parse_policy(spec)) == spec
    True
    """
    block = _chosen(settings)
    rest = ",".join(f"{key}={_exact(value)}" for key, value in block.items() if key != "name")
    return f"{settings.name}:{rest}" if rest else settings.name


def _chosen(block: Kind) -> dict[str, Any]:
    """The keys of a block that differ from their defaults, and the names of kinds."""
    chosen = dict(block.model_extra or {})
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        if name == block.key or value != field.get_default(call_default_factory=True):
            chosen[name] = _chosen(value) if isinstance(value, Kind) else value
    return chosen


def _exact(value: Any) -> str:
    """Shortest text that reads back as the same value: a threshold of 1/7 must keep its digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_exact(one)}" for key, one in value.items()) + "}"
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
