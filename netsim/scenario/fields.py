"""A key of a scenario file: what it means, its unit and range, said once; blocks of such keys.

From one `Key` follow the check, the words of a message, the JSON Schema and the tables of ``netsim list``.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema
from typing_extensions import Self

LARGEST_INT = 2**63 - 1
"""Whole numbers go into 64-bit arrays and into random keys."""

_RANGE_ERRORS = {"out_of_range", "greater_than_equal", "less_than_equal", "finite_number"}


@dataclass(frozen=True)
class Key:
    """What a key means and what it takes; stands last in its ``Annotated``.

    Parameters
    ----------
    meaning : str
        One phrase, for editors and tables.
    unit : str
        Of a number: ``s``, ``dB``, ``Hz``. Empty for counts and ratios.
    at_least, above, at_most, below : float, optional
        Range of a number. Infinity is allowed only as a stated ``at_most``.
    allowed : str
        What is allowed, in words; made from type, range and words if empty.
    """

    meaning: str
    unit: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    allowed: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: object, validate: Callable[[object], object]) -> object:
            try:
                checked = validate(value)
                self._check_range(checked)
            except ValidationError as error:
                kinds = {str(part["type"]) for part in error.errors(include_url=False)}
                raise self._fault(value, kinds, source) from None
            except _OutOfRange:
                raise self._fault(value, {"out_of_range"}, source) from None
            return checked

        return core_schema.no_info_wrap_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        bounds = {
            "minimum": self.at_least,
            "exclusiveMinimum": self.above,
            "maximum": self.at_most,
            "exclusiveMaximum": self.below,
        }
        stated = {name: bound for name, bound in bounds.items() if bound is not None and math.isfinite(bound)}
        # `minimum` and its like say nothing about words and lists, so that they may stand beside a union.
        unit = {"x-unit": self.unit} if self.unit else {}
        return {**handler(schema), **stated, **unit, "description": self.described()}

    def described(self) -> str:
        """The meaning, with the unit."""
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning

    def allows(self, annotation: Any) -> str:
        """What a field of that type allows, in words.

        Examples
        --------
        >>> Key("a share", at_least=0, at_most=1).allows(float)
        'a number from 0 to 1'
        >>> Key("a time", "s", above=0, at_most=1e6).allows(float | Literal["recorded"])
        'a number above 0, at most 1000000 s, or recorded'
        """
        if self.allowed:
            return self.allowed
        kinds = set(_leaves(annotation))
        parts = []
        if kinds & {int, float}:
            parts.append(self._numbers(whole=float not in kinds))
        if bool in kinds:
            parts.append("true or false")
        words = literals(annotation)
        if words and parts:
            return f"{parts[0]}, or {_either(words)}" if "," in parts[0] else _either([*parts, *words])
        return _either(words) if words else " or ".join(parts) or "a value"

    def _numbers(self, *, whole: bool) -> str:
        noun = "a whole number" if whole else "a number"
        low = self.at_least if self.above is None else self.above
        high = self.at_most if self.below is None else self.below
        unit = f" {self.unit}" if self.unit else ""
        ends = ["" if end is None else f"{end:.15g}".replace("inf", ".inf") for end in (low, high)]
        if self.above is None and self.below is None and all(ends):
            return f"{noun} from {ends[0]} to {ends[1]}{unit}"
        lower = f" {'above' if self.above is not None else 'of at least'} {ends[0]}" if ends[0] else ""
        upper = f"{'below' if self.below is not None else 'at most'} {ends[1]}" if ends[1] else ""
        return noun + lower + (", " if lower and upper else " " if upper else "") + upper + unit

    def _check_range(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return
        # Each as "not inside", so that NaN is outside.
        if (
            (self.at_least is not None and not value >= self.at_least)
            or (self.above is not None and not value > self.above)
            or (self.at_most is not None and not value <= self.at_most)
            or (self.below is not None and not value < self.below)
            or (isinstance(value, int) and abs(value) > LARGEST_INT)
        ):
            raise _OutOfRange

    def _fault(self, value: object, kinds: set[str], annotation: Any) -> PydanticCustomError:
        context = {
            "wrong": _what_is_wrong(value, kinds),
            "allowed": self.allows(annotation),
            "words": literals(annotation),
            "unit": self.unit,
        }
        return PydanticCustomError("expected", "{wrong}", context)


class _OutOfRange(Exception):  # noqa: N818  (says what is wrong)
    """A number outside its key's range."""


def _either(words: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _leaves(annotation: Any) -> list[Any]:
    """The types of a union, nested ones included."""
    if get_origin(annotation) is Annotated:
        return _leaves(get_args(annotation)[0])
    if get_origin(annotation) is Literal or not get_args(annotation) or get_origin(annotation) is tuple:
        return [annotation]
    return [leaf for part in get_args(annotation) for leaf in _leaves(part) if leaf is not NoneType]


def literals(annotation: Any) -> tuple[str, ...]:
    """The words that a type allows.

    >>> literals(float | Literal["risk-averse", "risk-prone"])
    ('risk-averse', 'risk-prone')
    """
    leaves = [leaf for leaf in _leaves(annotation) if get_origin(leaf) is Literal]
    return tuple(str(word) for leaf in leaves for word in get_args(leaf))


def takes_list(annotation: Any) -> bool:
    """Whether a list is a value of that type."""
    return any(get_origin(leaf) in (tuple, list) or leaf is Any for leaf in _leaves(annotation))


def _what_is_wrong(value: object, errors: set[str]) -> str:
    if errors & _RANGE_ERRORS and not isinstance(value, str):
        return "out of range"
    if isinstance(value, str) and errors & {"literal_error"}:
        return "unknown value"
    if isinstance(value, str) and errors & {"string_pattern_mismatch", "string_too_short", "string_too_long"}:
        return "malformed"
    return "wrong value" if isinstance(value, list) else "wrong type"


@dataclass(frozen=True)
class ReadFile:
    """Marks a field that names a file whose content decides results; see `Block.files`."""


class Block(BaseModel):
    """A block of a scenario: frozen, no unknown keys, no text taken for a number, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """Files that this block names itself and that decide results; by default its `ReadFile` fields.

        Parameters
        ----------
        trace_folder : Path, optional
            Folder of the scenario's recorded trace.
        """
        values = [getattr(self, name) for name in _file_fields(type(self))]
        return tuple(Path(value) for value in values if value is not None)

    @classmethod
    def sentence(cls) -> str:
        """What it is: the first paragraph of its docstring."""
        return re.split(r"\n\s*\n", inspect.cleandoc(cls.__doc__ or ""), maxsplit=1)[0].replace("\n", " ")

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Give each unknown or missing key of this block the words that explain it."""
        try:
            return handler(cls._with_default_kinds(value))
        except ValidationError as error:
            details = [cls._explain(dict(part)) for part in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, details) from None

    @classmethod
    def _with_default_kinds(cls, value: Any) -> Any:
        """Let a block without the name of its kind be one of the default kind: ``rate: {gap_db: 3}``."""
        if not isinstance(value, dict):
            return value
        named = dict(value)
        for name, field in cls.model_fields.items():
            key, given = getattr(field.default, "key", ""), value.get(name)
            if key and isinstance(given, dict) and key not in given:
                named[name] = {key: getattr(field.default, key), **given}
        return named

    @classmethod
    def _explain(cls, part: dict[str, Any]) -> InitErrorDetails:
        kind, location, context = part["type"], part["loc"], part.get("ctx", {})
        if kind == "extra_forbidden" and len(location) == 1:
            kind, context = "unknown_key", {"keys": tuple(cls.model_fields), "block": cls}
        elif kind == "missing" and len(location) == 1:
            context = {"allowed": allowed_at(cls.model_fields[location[0]])}
        elif kind in ("model_type", "model_attributes_type") and not location:
            kind, context = "not_a_block", {"keys": tuple(cls.model_fields)}
        error = PydanticCustomError(kind, "{message}", {"message": part["msg"], **context})
        return InitErrorDetails(type=error, loc=location, input=part["input"])


def files_of(block: Block, trace_folder: Path | None) -> list[Path]:
    """Files that decide results, of a block and of every block in it; each as often as it is named."""
    found = list(block.files(trace_folder))
    for name in type(block).model_fields:
        value = getattr(block, name)
        inside = value if isinstance(value, tuple) else (value,)
        for part in inside:
            if isinstance(part, Block):
                found += files_of(part, trace_folder)
    return found


@cache
def _file_fields(block: type[Block]) -> tuple[str, ...]:
    """Names of the `ReadFile` fields of a class; every point of a sweep asks for those of all its blocks."""
    return tuple(name for name, field in block.model_fields.items() if _is_file(field))


def _is_file(field: FieldInfo) -> bool:
    return any(isinstance(item, ReadFile) for item in field.metadata)


def _marks(field: FieldInfo) -> Iterator[tuple[Any, Any]]:
    """What is said of a field, the last first, each with the type it is said of; then of the members of a union."""
    yield from ((item, field.annotation) for item in reversed(field.metadata))
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            yield from ((item, get_args(part)[0]) for item in reversed(part.__metadata__))


def key_of(field: FieldInfo) -> Key | None:
    """The `Key` of a field; None for a block."""
    return next((item for item, _ in _marks(field) if isinstance(item, Key)), None)


def allowed_at(field: FieldInfo) -> str:
    """What a field allows, in words; empty where nothing says it."""
    for item, annotation in _marks(field):
        if hasattr(item, "allows"):
            return str(item.allows(annotation))
    return ""


def said(text: str, *path: str | int) -> PydanticCustomError:
    """A fault that a block finds in how its keys fit together, at ``path`` below it."""
    return PydanticCustomError("said", "{text}", {"text": text, "path": path})
