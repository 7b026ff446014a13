"""Texts of tokens beside a trace: read as they were written, refused where they are something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from traces.format.sealed import sealed
from traces.format.texts import TEXTS, token_texts, write_token_texts


def test_texts_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert token_texts(tmp_path) == {}
    texts = {7: " a", 3: "\n", 151_935: "é"}
    write_token_texts(tmp_path, texts)
    assert token_texts(tmp_path) == texts


@pytest.mark.parametrize(
    "content",
    [{"3": 4}, {"3": "a", "4": None}, {"three": "a"}, ["a", "b"], "a"],
    ids=["number", "null", "word", "list", "text"],
)
def test_what_is_no_table_of_texts_is_refused(tmp_path: Path, content: Any) -> None:
    whole = sealed(content) if isinstance(content, dict) else content
    (tmp_path / TEXTS).write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(ValueError, match="not a table of token texts"):
        token_texts(tmp_path)


def test_a_changed_text_is_noticed(tmp_path: Path) -> None:
    write_token_texts(tmp_path, {3: "yes"})
    path = tmp_path / TEXTS
    path.write_text(path.read_text(encoding="utf-8").replace("yes", "no"), encoding="utf-8")
    with pytest.raises(ValueError, match="damaged"):
        token_texts(tmp_path)
