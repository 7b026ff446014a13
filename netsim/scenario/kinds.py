"""A kind of something, declared once: its name, its keys, what it builds, and the files it reads.

A family (fading models, policies, …) has a base class in `netsim.scenario.families` and a folder beside this module;
every class in that folder that derives from the base is one of its kinds. Nothing else lists them: the tag in a
scenario, the JSON Schema, "did you mean", the object that is built, the key of a sweep's cells and ``netsim list``
follow from the class. A class of a user's own is declared in the same way and named ``module:Class``.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from netsim.errors import Fault, InputError
from netsim.scenario.faults import explain
from netsim.scenario.fields import Block, Key, files_of, literals
from netsim.scenario.plugins import PLUGIN_NAME, installed, load_class, source_file

OWN = "module:Class"
#: The name of a user's own kind; a `Family` has seen to it that there can be such a one.
PluginName = Annotated[str, Key("module:Class, or the name of an installed plug-in")]


class Kind(Block):
    """Base of everything that a scenario chooses by a word. Derive from the base of a family, not from this.

    Attributes
    ----------
    family, plural : str. What a kind is one of, in words; ``netsim list`` takes the plural.
    key : str. The key that names the kind.
    source : str. Where the formula or rule is published.
    word_means : str. What a plain word in the place of a block is, for messages.
    makes : str. Name of the method that makes what a kind describes; set by a base, and defined by each kind.
    """

    family: ClassVar[str] = ""
    plural: ClassVar[str] = ""
    key: ClassVar[str] = "name"
    source: ClassVar[str] = ""
    makes: ClassVar[str]
    word_means: ClassVar[str] = "a word"

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuse, where it is written, a kind that lacks what follows from its declaration."""
        super().__pydantic_init_subclass__(**options)
        abstract = next((one for one in cls.__mro__ if "makes" in vars(one)), None)
        if abstract is None or not (cls.family and cls.plural):
            raise TypeError(f"{cls.__name__}: a family needs family, plural and makes")
        if abstract is cls:
            return
        if getattr(cls, cls.makes, None) is getattr(abstract, cls.makes):
            raise TypeError(
                f"{cls.__name__}: a {cls.family} needs {cls.makes}(), which makes what it describes"
            )
        if not (vars(cls).get("__doc__") or "").strip():
            raise TypeError(
                f"{cls.__name__}: a {cls.family} needs a docstring: its first sentence is shown to users"
            )

    @classmethod
    def base(cls) -> type[Kind]:
        """Base class of the family."""
        return next(one for one in cls.__mro__ if Kind in one.__bases__)

    @classmethod
    def word(cls) -> str:
        """The name of this kind; empty for a base, and for a user's own that declares none."""
        return _word(cls)

    @classmethod
    def of_word(cls, word: str) -> dict[str, Any]:
        """The block that a plain word stands for."""
        return {cls.key: word}


@cache
def _word(kind: type[Kind]) -> str:
    """The name of a kind, found once: every point of a sweep asks for those of all families."""
    field = kind.model_fields.get(kind.key)
    words = () if field is None else literals(field.annotation)
    return words[0] if len(words) == 1 else ""


class Own(Block):
    """Mixed into the kind of each family that stands for a user's own class; every other key is handed to it."""

    def declared(self) -> Kind:
        """The user's own kind with its keys checked.

        Raises
        ------
        InputError
            There is no such class, plug-ins are not allowed, it is not declared as one of this family, or it refuses
            a key.
        """
        base, name = self._base(), self.own_name()
        declared = load_class(name, base, base.family)
        keys = dict(self.model_extra or {})
        if base.key in declared.model_fields:
            keys = {base.key: declared.word() or name, **keys}
        try:
            kind: Kind = declared.model_validate(keys)
        except ValidationError as error:
            raise InputError(
                Fault("", ".".join(map(str, found.path)), f"{name}: {found.text}")
                for found in explain(error, keys)
            ) from None
        return kind

    def own_name(self) -> str:
        """The user's own class, as the scenario names it."""
        return str(getattr(self, self._base().key))

    def _base(self) -> type[Kind]:
        """Base of the family; this is mixed into a kind."""
        own: type[Any] = type(self)
        base: type[Kind] = own.base()
        return base

    def build(self, *handed: Any) -> Any:
        """Build what the user's own kind describes."""
        declared: Any = self.declared()
        return declared.build(*handed)

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """The code of the plug-in, and the files it names."""
        name = self.own_name()
        declared = self.declared()
        source = source_file(name)
        return (*((source,) if source else ()), *files_of(declared, trace_folder))


def own_names(block: Block) -> set[str]:
    """Users' own classes that are named anywhere in a block; what they name themselves is not looked at."""
    values = [getattr(block, name) for name in type(block).model_fields]
    inside = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    below = [own_names(part) for part in inside if isinstance(part, Block)]
    return set().union(*below, {block.own_name()} if isinstance(block, Own) else ())


def names_own(block: Block) -> bool:
    """Whether a user's own class is named anywhere in a block."""
    return bool(own_names(block))


@dataclass(frozen=True)
class Family:
    """All kinds of a family; stands last in the ``Annotated`` of a key that chooses one.

    Attributes
    ----------
    base : class. Base of the kinds.
    kinds : tuple of class. The built-in ones.
    own : class. Stands for a user's own; None where there can be none.
    """

    base: type[Kind]
    kinds: tuple[type[Kind], ...]
    own: type[Kind] | None

    @property
    def words(self) -> tuple[str, ...]:
        """Names of the built-in kinds."""
        return tuple(kind.word() for kind in self.kinds)

    @property
    def own_words(self) -> tuple[str, ...]:
        """Names of installed plug-ins; of which family each is shows when it is loaded."""
        return installed() if self.own else ()

    @property
    def allowed(self) -> str:
        """What may stand at the key, in words."""
        words = (*self.words, OWN) if self.own else self.words
        return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]

    def allows(self, _annotation: Any = None) -> str:
        """What may stand there at all, in words."""
        return f"{self.base.word_means}, or a block with a {self.base.key}: {self.allowed}"

    def kind(self, word: object) -> type[Kind] | None:
        """The kind of that name; the one that stands for plug-ins where it names a user's own."""
        if not isinstance(word, str):
            return None
        found = next((kind for kind in self.kinds if kind.word() == word), None)
        is_own = re.fullmatch(PLUGIN_NAME, word) or word in self.own_words
        return found or (self.own if is_own else None)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        every = [*self.kinds, *([self.own] if self.own else [])]
        choices = {kind.word() or OWN: handler.generate_schema(kind) for kind in every}
        union = core_schema.tagged_union_schema(choices, self._tag)
        checked = core_schema.no_info_wrap_validator_function(self._check, union)
        return core_schema.no_info_before_validator_function(self._block, checked)

    def _tag(self, value: Any) -> str | None:
        word = value.get(self.base.key) if isinstance(value, dict) else getattr(value, self.base.key, None)
        kind = self.kind(word)
        return None if kind is None else kind.word() or OWN

    def _block(self, value: Any) -> Any:
        return self.base.of_word(value) if isinstance(value, str) else value

    def _check(self, value: object, validate: Callable[[object], object]) -> object:
        try:
            return validate(value)
        except ValidationError as error:
            if any(part["type"].startswith("union_tag") and not part["loc"] for part in error.errors()):
                context = {
                    "key": self.base.key,
                    "allowed": self.allowed,
                    "words": (*self.words, *self.own_words),
                    "form": self.allows(),
                }
                raise PydanticCustomError("choice", "{allowed}", context) from None
            raise

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # The schema of the union puts every kind among the definitions; what stands here names them by their word,
        # so that a validator can say which word or key is wrong.
        references = handler(schema).get("oneOf", [])
        of_word = {
            kind.word() or OWN: reference for kind, reference in zip(self._every(), references, strict=True)
        }
        return choice_schema(self, of_word)

    def _every(self) -> list[type[Kind]]:
        return [*self.kinds, *([self.own] if self.own else [])]


def choice_schema(family: Family, of_word: dict[str, JsonSchemaValue]) -> JsonSchemaValue:
    """JSON Schema of a choice: a word, or a block whose other keys follow from its name."""
    name: JsonSchemaValue = {"enum": list(family.words)}
    key = family.base.key
    word: JsonSchemaValue = {"enum": list(family.words)}
    branches = [
        {"if": {"properties": {key: {"const": one}}, "required": [key]}, "then": of_word[one]}
        for one in family.words
    ]
    if family.own:
        names = "|".join([PLUGIN_NAME, *(f"^{re.escape(word)}$" for word in family.own_words)])
        own = {"type": "string", "pattern": names}
        name = {"if": own, "then": {}, "else": name}
        word = {"if": own, "then": {}, "else": word}
        branches.append({"if": {"properties": {key: own}, "required": [key]}, "then": of_word[OWN]})
    block = {"type": "object", "required": [key], "properties": {key: name}, "allOf": branches}
    text = f"{family.base.family}: {family.allowed}"
    if family.base.of_word("a") != {key: "a"}:
        word = {}  # a plain word is not the name of a kind but, say, that of a folder
    return {"description": text, "if": {"type": "string"}, "then": word, "else": block}


def family_of(base: type[Kind], package: str) -> Family:
    """The family whose kinds are declared in the modules of a package.

    Parameters
    ----------
    base : class
        From `netsim.scenario.families`.
    package : str
        Name of the package; its modules are looked at in alphabetical order.
    """
    path = importlib.import_module(package).__path__
    modules = [
        importlib.import_module(f"{package}.{found.name}")
        for found in sorted(pkgutil.iter_modules(path), key=lambda found: found.name)
    ]
    declared = [
        one
        for module in modules
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, base) and one.__module__ == module.__name__
    ]
    own = next((one for one in declared if issubclass(one, Own)), None)
    return Family(base, tuple(one for one in declared if one is not own and one.word()), own)
