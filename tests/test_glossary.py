"""One word for one thing: names of classes against each other, and against the glossary."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from netsim.startup import ROOT

PACKAGES = ("analysis", "channels", "models", "netsim", "traces")
#: Words that stand in the last column for one thing and are the right ones for another.
RIGHT_ELSEWHERE = {
    "batch": "several requests in one pass of the server",
    "cell": "one point under one seed",
    "channel": "what fading acts on",
    "job": "what one device has to do in the event engine",
    "line": "the line that predicts rejection from uncertainty",
    "live": "the word of scenario files for models in the loop",
    "log": "what one run writes down: tokens, a time line",
    "message": "one turn of a chat",
    "record": "to record a trace",
    "run": "one simulation of a point under a seed",
    "slot": "a scheduler's",
    "state": "what is kept of a walk's exchanges from position to position",
    "step": "one position of a walk",
}


def glossary() -> dict[str, str]:
    """Words not to write, each with the one to write."""
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| ([^|]*)\|$",
        (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 30
    words: dict[str, str] = {}
    for right, wrong in rows[1:]:
        for word in re.sub(r"\([^)]*\)", "", wrong).split(","):
            if word.strip() and "`" not in word:
                words[word.strip().lower()] = right
    return words


def classes() -> dict[str, list[str]]:
    """Public classes of the packages, by name: where each is defined."""
    found = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path.relative_to(ROOT)))
    return found


def parts(name: str) -> list[str]:
    """Words of a name in camel case.

    >>> parts("FifoQueue")
    ['fifo', 'queue']
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)]


def test_no_two_classes_have_one_name() -> None:
    assert {name: where for name, where in classes().items() if len(where) > 1} == {}


def test_no_class_is_called_by_a_word_that_the_glossary_replaces() -> None:
    replaced = {word: right for word, right in glossary().items() if word not in RIGHT_ELSEWHERE}
    ours = {right.lower() for right in glossary().values()}
    wrong = {
        name: (word, replaced[word], where)
        for name, where in classes().items()
        for word in parts(name)
        if word in replaced and " ".join(parts(name)) not in ours
    }
    assert wrong == {}


def test_every_exception_is_one() -> None:
    assert set(RIGHT_ELSEWHERE) <= set(glossary())
