"""A user's own channel, policy or scheduler: ``module:Class`` in a scenario."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from netsim.errors import Fault, InputError, did_you_mean


def make(name: str, path: str, keys: Mapping[str, Any] | None = None) -> Any:
    """Make an object of a user's own class.

    Parameters
    ----------
    name : str. ``module:Class``; the module is imported as any other (``PYTHONPATH``).
    path : str. The scenario's key, for messages.
    keys : mapping, optional. The block's other keys, handed to the class.

    Raises
    ------
    InputError
        If there is no such class, or it refuses the keys.

    Examples
    --------
    >>> make("netsim.engines.schedulers:ProportionalFair", "uplink.scheduler", {"window_slots": 50.0}).window_slots
    50.0
    """
    module_name, _, class_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _fault(path, f"{name}: {error}, allowed: a module that Python finds (PYTHONPATH)") from None
    if not hasattr(module, class_name):
        hint = did_you_mean(class_name, vars(module))
        raise _fault(path, f"{name}: {module_name} has no {class_name}{hint}")
    try:
        return getattr(module, class_name)(**(keys or {}))
    except (TypeError, ValueError) as error:
        raise _fault(path, f"{name}: {error}") from None


def source_file(name: str) -> str | None:
    """File of the module of ``module:Class``; None for a name that is no plug-in, or a module without a file.

    Examples
    --------
    >>> source_file("fifo") is None, str(source_file("netsim.engines.slots:SlottedUplink")).endswith("slots.py")
    (True, True)
    """
    module_name, colon, _ = name.partition(":")
    spec = importlib.util.find_spec(module_name) if colon else None
    return spec.origin if spec is not None and spec.has_location else None


def _fault(path: str, text: str) -> InputError:
    return InputError([Fault("", path, text)])
