"""Policies on the command line: ``hlm``, ``u-hlm:threshold=0.3``, ``cu-hlm:threshold=0.3,k=30``."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from netsim.errors import Fault, InputError
from netsim.scenario.families import PolicyKind
from netsim.scenario.faults import explain
from netsim.scenario.policies import Policy

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
    """
    # A user's own policy is module:Class, so the parameters begin after the last colon that an = follows.
    name, colon, rest = spec.rpartition(":")
    if not colon or "=" not in rest:
        name, rest = spec, ""
    block: dict[str, Any] = {"name": name}
    for item in filter(None, rest.split(",")):
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
        faults = [
            Fault(f"--policy {spec}", ".".join(map(str, found.path)), found.text)
            for found in explain(error, block)
        ]
        raise InputError(faults) from None


def _fault(spec: str, key: str, text: str) -> InputError:
    return InputError([Fault(f"--policy {spec}", key, text)])


def policy_spec(settings: PolicyKind) -> str:
    """Spec of a policy's settings; the inverse of ``parse_policy``.

    Examples
    --------
    >>> policy_spec(parse_policy("rand-hlm:skip_probability=0.45"))
    'rand-hlm:skip_probability=0.45'
    """
    block = settings.model_dump(exclude_defaults=True)
    rest = ",".join(f"{key}={_exact(value)}" for key, value in block.items() if key != "name")
    return f"{settings.name}:{rest}" if rest else settings.name


def _exact(value: Any) -> str:
    """Shortest text that reads back as the same value: a threshold of 1/7 must keep its digits."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)
