"""Names of swept keys and of policies, as a figure prints them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import pandas as pd

UNITS = {"_s": "s", "_hz": "Hz", "_db": "dB", "_bps": "bit/s", "_w": "W", "_m": "m", "_mps": "m/s"}
MINUS = "\N{MINUS SIGN}"
#: Names that are not their key with spaces.
NAMES = {"snr": "SNR"}


def key_label(key: str) -> tuple[str, str]:
    """Name and unit of a swept key; the unit is empty where the key's name ends in none.

    >>> key_label("channel.coherence_time_s")
    ('coherence time', 's')
    >>> key_label("channel.snr_db")
    ('SNR', 'dB')
    >>> key_label("policy.threshold")
    ('threshold', '')
    """
    name = key.rpartition(".")[2]
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            return NAMES.get(stem, stem.replace("_", " ")), unit
    return NAMES.get(name, name.replace("_", " ")), ""


def axis_label(key: str) -> str:
    """Label of a figure's axis.

    >>> axis_label("channel.snr_db")
    'SNR (dB)'
    """
    name, unit = key_label(key)
    return f"{name} ({unit})" if unit else name


def value_text(value: object) -> str:
    """A swept value as text; what is set by name (``auto``) stays as it is.

    >>> value_text(0.1 + 0.2), value_text(-10), value_text("auto")
    ('0.3', '\u221210', 'auto')
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return f"{value:.10g}".replace("-", MINUS) if is_number else str(value)


def value_label(key: str, value: object) -> str:
    """A swept key with its value; a policy is its name alone.

    >>> value_label("channel.coherence_time_s", 0.01)
    'coherence time 0.01 s'
    >>> value_label("policy.name", "u-hlm")
    'u-hlm'
    """
    if key == "policy.name":
        return value_text(value)
    name, unit = key_label(key)
    return " ".join(filter(None, (name, value_text(value), unit)))


def point_label(point: Mapping[Hashable, Any]) -> str:
    """Label of a curve or bar, from the swept keys that tell it from the others. Empty keys are left out.

    >>> point_label({"policy.name": "u-hlm", "policy.threshold": 0.3, "policy.k": None})
    'u-hlm, threshold 0.3'
    """
    return ", ".join(value_label(str(key), value) for key, value in point.items() if not pd.isna(value))
