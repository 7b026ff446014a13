"""Names of swept keys, of columns and of policies, as a figure or a table prints them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import pandas as pd

from netsim.results.columns import BY_NAME

UNITS = {"_s": "s", "_hz": "Hz", "_db": "dB", "_bps": "bit/s", "_w": "W", "_m": "m", "_mps": "m/s"}
#: Units that take a prefix: what a phone's radio calls 10 MHz is not 10000000 Hz.
SCALABLE = ("Hz", "bit/s", "bit", "s", "J", "W")
PREFIXES = {-9: "n", -6: "\N{GREEK SMALL LETTER MU}", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
MINUS = "\N{MINUS SIGN}"
#: Names that are not their key with spaces.
NAMES = {"snr": "SNR", "k": "k", "rtt": "RTT", "threshold": "uncertainty threshold", "name": "kind"}
#: Digits of a number, unless two that differ would read the same.
DIGITS = 3


def key_label(key: str) -> tuple[str, str]:
    """Name and unit of a swept key; the unit is empty where the key's name ends in none.

    >>> key_label("channel.coherence_time_s")
    ('coherence time', 's')
    >>> key_label("channel.snr_db")
    ('SNR', 'dB')
    >>> key_label("policy.name"), key_label("latency.slm")
    (('policy', ''), ('SLM', 's'))
    """
    block, _, name = key.rpartition(".")
    if block == "latency" and name in ("slm", "llm"):
        return name.upper(), "s"
    if name == "name":
        return block.rpartition(".")[2], ""
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            return NAMES.get(stem, stem.replace("_", " ")), unit
    return NAMES.get(name, name.replace("_", " ")), ""


def title_and_unit(name: str) -> tuple[str, str]:
    """Of a result column, or of a swept key.

    >>> title_and_unit("throughput_tok_s"), title_and_unit("channel.snr_db")
    (('throughput', 'tokens/s'), ('SNR', 'dB'))
    """
    column = BY_NAME.get(name)
    return (column.title, column.unit) if column else key_label(name)


def axis_label(key: str) -> str:
    """Label of a figure's axis, for a column or a swept key.

    >>> axis_label("channel.snr_db")
    'SNR (dB)'
    """
    name, unit = title_and_unit(key)
    return f"{name} ({unit})" if unit else name


def scaled_unit(unit: str, largest: float) -> tuple[float, str]:
    """The unit with the prefix under which ``largest`` has one to three digits before the point, and its factor.

    >>> scaled_unit("s/token", 0.004), scaled_unit("Hz", 2e7), scaled_unit("dB", 2e7)
    ((0.001, 'ms/token'), (1000000.0, 'MHz'), (1.0, 'dB'))
    """
    if unit.partition("/")[0] not in SCALABLE and unit not in SCALABLE:
        return 1.0, unit
    for exponent in sorted(PREFIXES, reverse=True):
        if abs(largest) >= 0.999 * 10.0**exponent:
            return 10.0**exponent, f"{PREFIXES[exponent]}{unit}"
    return 1.0, unit


def value_text(value: object, digits: int = DIGITS) -> str:
    """A value as text; what is set by name (``auto``) stays as it is.

    >>> value_text(0.1 + 0.2), value_text(-10), value_text("auto"), value_text(12500.0), value_text(1213.4), value_text(2e7)
    ('0.3', '\u221210', 'auto', '12500', '1210', '2e+07')
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        return str(value)
    number = float(value)
    if number.is_integer() and abs(number) < 1e6:
        return f"{number:.0f}".replace("-", MINUS)
    text = f"{number:.{digits}g}"
    # No power of ten for what has few digits before its point.
    return (f"{float(text):.0f}" if "e+" in text and abs(number) < 1e6 else text).replace("-", MINUS)


def quantity_text(value: object, unit: str, digits: int = DIGITS) -> str:
    """A value with its unit.

    >>> quantity_text(1e7, "Hz"), quantity_text(0.01, "s"), quantity_text(5, "dB"), quantity_text(0.0, "s")
    ('10 MHz', '10 ms', '5 dB', '0 s')

    A column that also holds words has its numbers as text.

    >>> quantity_text("0.18", "s"), quantity_text("llama-2-7b", "s")
    ('180 ms', 'llama-2-7b')
    """
    if unit and isinstance(value, str):
        try:
            return quantity_text(float(value), unit, digits)
        except ValueError:
            return value
    if not isinstance(value, Real) or isinstance(value, bool):
        return str(value)
    factor, scaled = scaled_unit(unit, float(value)) if unit else (1.0, "")
    return f"{value_text(float(value) / factor, digits)} {scaled}".rstrip()


def value_label(key: str, value: object, digits: int = DIGITS) -> str:
    """A swept key with its value; a policy is its name alone.

    >>> value_label("channel.coherence_time_s", 0.01)
    'coherence time 10 ms'
    >>> value_label("policy.name", "u-hlm"), value_label("devices", 1), value_label("devices", 20)
    ('u-hlm', '1 device', '20 devices')
    """
    name, unit = key_label(key)
    if key == "policy.name":
        return str(value)
    if key == "devices" and isinstance(value, Real):
        return f"{value_text(value, digits)} device{'' if value == 1 else 's'}"
    if key == "policy.threshold":
        name = "threshold"
    return f"{name} {quantity_text(value, unit, digits)}"


def point_label(point: Mapping[Hashable, Any], digits: int = DIGITS) -> str:
    """Label of a curve or bar, from the swept keys that tell it from the others. Empty keys are left out.

    >>> point_label({"policy.name": "u-hlm", "policy.threshold": 0.3, "policy.k": None})
    'u-hlm, threshold 0.3'
    >>> point_label({"channel.fading.name": "rician", "channel.fading.k_db": 6, "channel.bandwidth_hz": 1e7})
    'Rician fading (6 dB), bandwidth 10 MHz'
    """
    known = {str(key): value for key, value in point.items() if not pd.isna(value)}
    blocks = [key.removesuffix(".name") for key in known if key.endswith(".name") and key != "policy.name"]
    parts = []
    for key, value in known.items():
        block = next((own for own in blocks if key.startswith(f"{own}.")), None)
        if block is None:
            parts.append(value_label(key, value, digits))
        elif key == f"{block}.name":
            parts.append(_block_label(block, str(value), known, digits))
    return ", ".join(parts)


def _block_label(block: str, kind: str, point: Mapping[str, Any], digits: int) -> str:
    """A kind with its settings: ``Rician fading (6 dB)``."""
    settings = [
        quantity_text(value, key_label(key)[1], digits)
        for key, value in point.items()
        if key.startswith(f"{block}.") and key != f"{block}.name"
    ]
    what = block.rpartition(".")[2]
    name = f"no {what}" if kind == "none" else f"{kind.capitalize() if what == 'fading' else kind} {what}"
    return f"{name} ({', '.join(settings)})" if settings else name
