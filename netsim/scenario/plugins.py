"""Classes of a user's own: when they may be loaded, where they are found, and what they must be.

A scenario file is data from anywhere, and a plug-in is code. So a class named ``module:Class`` is imported only where
the user has said so (``--allow-plugins``, or the environment variable below for workers of a cluster); a plug-in that
was installed as an entry point of the group ``netsim.plugins`` goes by its own name and is trusted as any package is.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from netsim.errors import Fault, InputError, did_you_mean

ALLOW = "NETSIM_ALLOW_PLUGINS"
GROUP = "netsim.plugins"
PLUGIN_NAME = r"^[A-Za-z_][A-Za-z0-9_.]{0,200}:[A-Za-z_][A-Za-z0-9_]{0,100}$"


def allowed() -> bool:
    """Whether ``module:Class`` may be imported."""
    return os.environ.get(ALLOW, "") not in ("", "0")


@contextmanager
def none_loaded() -> Iterator[None]:
    """Import none of them in the body, whatever is allowed: for looking at a file."""
    given = os.environ.pop(ALLOW, None)
    try:
        yield
    finally:
        if given is not None:
            os.environ[ALLOW] = given


@lru_cache(maxsize=1)
def _installed() -> dict[str, EntryPoint]:
    """Entry points by name; installed packages don't change while a process runs."""
    return {point.name: point for point in entry_points(group=GROUP)}


def installed() -> tuple[str, ...]:
    """Names of installed plug-ins; none is imported."""
    return tuple(sorted(_installed()))


def load_class(name: str, base: type, family: str) -> Any:
    """Import a user's own class.

    Parameters
    ----------
    name : str. ``module:Class``, or the name of an installed plug-in.
    base : class. What it must derive from.
    family : str. The base in words, for messages.

    Raises
    ------
    InputError
        It may not be imported, is not there, or is not declared as one of the family.
    """
    loaded = _entry_point(name) if ":" not in name else _from_module(name)
    if not (isinstance(loaded, type) and issubclass(loaded, base) and loaded is not base):
        text = f"{name}: not declared as a {family}, allowed: a class that derives from netsim.extend.{base.__name__}"
        raise _fault(text)
    return loaded


def _entry_point(name: str) -> Any:
    try:
        return _installed()[name].load()
    except KeyError:
        raise _fault(f"{name}: no such plug-in is installed here") from None
    except (ImportError, AttributeError) as error:
        raise _fault(f"{name}: the installed plug-in can't be loaded: {error}") from None


def _from_module(name: str) -> Any:
    if not allowed():
        text = f"{name}: code of your own is not loaded unless you say so, allowed: --allow-plugins, or {ALLOW}=1"
        raise _fault(text)
    module_name, _, class_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _fault(f"{name}: {error}, allowed: a module that Python finds (PYTHONPATH)") from None
    except Exception as error:  # noqa: BLE001  (whatever the module does when it is imported)
        raise _fault(f"{name}: fails when imported: {type(error).__name__}: {error}") from None
    if not hasattr(module, class_name):
        hint = did_you_mean(class_name, vars(module))
        raise _fault(f"{name}: {module_name} has no {class_name}{hint}")
    return getattr(module, class_name)


def load_function(name: str) -> Any:
    """Import a function of a user's own, ``module:function``; errors as for `load_class`."""
    if not re.match(PLUGIN_NAME, name):
        raise _fault(f"not the name of a function, given {name!r}, allowed: module:function")
    loaded = _from_module(name)
    if not callable(loaded) or isinstance(loaded, type):
        raise _fault(f"{name}: not a function")
    return loaded


def source_file(name: str) -> Path | None:
    """File of the module that a plug-in is in; None for a module without one.

    Called once the plug-in is loaded: looking for a module can import the packages around it.
    """
    module_name = name.partition(":")[0] if ":" in name else _installed()[name].module
    try:
        spec = importlib.util.find_spec(module_name)
    except ValueError:  # of the program itself, such as a notebook
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _fault(text: str) -> InputError:
    return InputError([Fault("", "", text)])
