"""The kinds of value a scenario file holds, each with the words that say what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema
from typing_extensions import Self

_RANGE_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"}


@dataclass(frozen=True)
class Expect:
    """Says what a field allows, in messages and in the JSON Schema; stands last in an ``Annotated``.

    Parameters
    ----------
    allowed : str
        What is allowed, in words.
    words : tuple of str
        Words that are allowed, for "did you mean".
    """

    allowed: str
    words: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "description": self.allowed}

    def _check(self, value: object, validate: Callable[[object], object]) -> object:
        try:
            return validate(value)
        except ValidationError as error:
            wrong = _what_is_wrong(value, {str(part["type"]) for part in error.errors()})
            raise PydanticCustomError("expected", "{wrong}", {"wrong": wrong, "expect": self}) from None


def _what_is_wrong(value: object, errors: set[str]) -> str:
    if errors & _RANGE_ERRORS and not isinstance(value, str):
        return "out of range"
    if isinstance(value, str) and "literal_error" in errors:
        return "unknown value"
    if isinstance(value, str) and errors & {"string_pattern_mismatch", "string_too_short"}:
        return "malformed"
    return "wrong value" if isinstance(value, list) else "wrong type"


@dataclass(frozen=True)
class Choice(Expect):
    """Says which kinds of a block there are; stands after the ``Discriminator`` of the union.

    Parameters
    ----------
    key : str
        The key that names the kind.
    form : str
        What may stand there at all, in words.
    """

    key: str = "name"
    form: str = "a block with a name"

    def _check(self, value: object, validate: Callable[[object], object]) -> object:
        try:
            return validate(value)
        except ValidationError as error:
            if any(part["type"].startswith("union_tag") and not part["loc"] for part in error.errors()):
                raise PydanticCustomError("choice", "{expect}", {"expect": self}) from None
            raise


def tag_by(key: str, words: tuple[str, ...]) -> Callable[[Any], str | None]:
    """Tag of a block that is chosen by one of ``words`` or by a user's own ``module:Class``."""

    def tag(value: Any) -> str | None:
        word = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        return word if word in words else "module:Class" if isinstance(word, str) and ":" in word else None

    return tag


class Block(BaseModel):
    """A block of a scenario: frozen, no unknown keys, no text taken for a number, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Give each unknown or missing key of this block the words that explain it."""
        try:
            return handler(value)
        except ValidationError as error:
            details = [cls._explain(dict(part)) for part in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, details) from None

    @classmethod
    def _explain(cls, part: dict[str, Any]) -> InitErrorDetails:
        kind, location, context = part["type"], part["loc"], part.get("ctx", {})
        if kind == "extra_forbidden" and len(location) == 1:
            kind, context = "unknown_key", {"keys": tuple(cls.model_fields)}
        elif kind == "missing" and len(location) == 1:
            metadata = cls.model_fields[location[0]].metadata
            context = {"expect": next((item for item in metadata if isinstance(item, Expect)), None)}
        elif kind in ("model_type", "model_attributes_type") and not location:
            kind, context = "not_a_block", {"keys": tuple(cls.model_fields)}
        error = PydanticCustomError(kind, "{message}", {"message": part["msg"], **context})
        return InitErrorDetails(type=error, loc=location, input=part["input"])


def _folders(info: ValidationInfo) -> list[Path]:
    """Where a relative path may start: the folder of the scenario file, then the current one."""
    beside: list[Path] = [info.context["folder"]] if info.context else []
    return [*beside, Path.cwd()]


def _find(text: str, info: ValidationInfo) -> Path | None:
    return next((path.resolve() for folder in _folders(info) if exists(path := folder / text)), None)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; a name too long to be one is none."""
    try:
        return path.exists()
    except OSError:
        return False


def path_if_there(text: str, info: ValidationInfo) -> str:
    """Make a name absolute where a file of that name exists: otherwise it is a name to look up later."""
    return str(_find(text, info) or text)


def absolute_path(text: str, info: ValidationInfo) -> str:
    """Make a path absolute: the file beside the scenario, else that in the current folder."""
    return str(_find(text, info) or (_folders(info)[0] / text).resolve())


Flag = Annotated[bool, Expect("true or false")]
Finite = Annotated[float, Expect("a finite number")]
Positive = Annotated[float, Field(gt=0), Expect("a finite number above 0")]
NonNegative = Annotated[float, Field(ge=0), Expect("a finite number of at least 0")]
Share = Annotated[float, Field(ge=0, le=1), Expect("a number in [0, 1]")]
Count = Annotated[int, Field(ge=1), Expect("a whole number of at least 1")]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(absolute_path), Expect("the path of a file")]
FolderOrName = Annotated[
    str, Field(min_length=1), AfterValidator(path_if_there), Expect("a folder, or the name of a model")
]
PluginName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"), Expect("module:Class, a class of your own")
]
