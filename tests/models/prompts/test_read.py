"""Files of prompts: the format is told from the content, and what can't be used is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.prompts import Message, PromptError, PromptText, load_prompts, read_prompts

ROWS = [{"prompt": 'Sing, "please"', "reference": "La"}, {"prompt": "Add\n1;\t2", "reference": "3"}]
EXPECTED = [PromptText("0", 'Sing, "please"', "La"), PromptText("1", "Add\n1;\t2", "3")]
TABLE = 'prompt{0}reference\n"Sing, ""please"""{0}La\n"Add\n1;\t2"{0}3\n'
FORMS = {
    "list": json.dumps(ROWS),
    "indented list": json.dumps(ROWS, indent=4),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines with empty ones": "\n\n" + "\n \n".join(map(json.dumps, ROWS)) + "\n\n",
    "comma": TABLE.format(","),
    "semicolon": TABLE.format(";"),
    "tab": TABLE.format("\t"),
    "index column": ',Prompt,Reference\n0,"Sing, ""please""",La\n1,"Add\n1;\t2",3\n',
}


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["p.txt", "p.jsonl", "p.JSON", "p.csv", "p"])
@pytest.mark.parametrize("form", FORMS)
def test_the_content_decides_whatever_the_name(tmp_path: Path, form: str, name: str, encoding: str) -> None:
    assert read_prompts(written(tmp_path / name, FORMS[form], encoding)) == EXPECTED


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_of_other_systems(tmp_path: Path, form: str) -> None:
    assert read_prompts(written(tmp_path / "p", FORMS[form].replace("\n", "\r\n"))) == EXPECTED


def test_text_is_one_prompt_a_line(tmp_path: Path) -> None:
    path = written(tmp_path / "prompts.txt", 'first\n\n  second one \r\n"quoted", and 5; more\n')
    assert [prompt.prompt for prompt in read_prompts(path)] == [
        "first",
        "  second one ",
        '"quoted", and 5; more',
    ]


def test_a_line_of_text_with_the_word_prompt_is_no_header(tmp_path: Path) -> None:
    path = written(tmp_path / "prompts.txt", "Write me a good story, prompt\nName two rivers, please\n")
    assert len(read_prompts(path)) == 2


def test_one_column_of_prompts_keeps_its_commas(tmp_path: Path) -> None:
    path = written(tmp_path / "p.csv", 'prompt\nAdd 1, 2\n"Add 3, 4"\n')
    assert [prompt.prompt for prompt in read_prompts(path)] == ["Add 1, 2", "Add 3, 4"]


def test_a_list_of_texts_and_a_single_object(tmp_path: Path) -> None:
    assert read_prompts(written(tmp_path / "p", '["a", "b"]')) == [PromptText("0", "a"), PromptText("1", "b")]
    assert read_prompts(written(tmp_path / "p", '{\n"prompt": "a"\n}')) == [PromptText("0", "a")]


def test_a_json_string_may_hold_a_line_separator(tmp_path: Path) -> None:
    rows = '{"id": "a", "prompt": "x\u2028y", "reference": "z"}\n{"prompt": "w", "other": 1}\n'
    assert read_prompts(written(tmp_path / "p.jsonl", rows)) == [
        PromptText("a", "x\u2028y", "z"),
        PromptText("1", "w"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p", "", "p: holds no prompt$"),
        ("p.txt", "\n \n", "p.txt: holds no prompt$"),
        ("p.json", "[]", "p.json: holds no prompt$"),
        ("p.json", '[{"prompt": "a"},\n {"prompt": "b"}', r"p\.json:2: not JSON: Expecting ',' delimiter"),
        ("p.txt", "[INST] Sing. [/INST]\nDance.\n", r"p\.txt:1: not JSON.*has to come as a JSON list"),
        ("p.jsonl", '# mine\n{"prompt": "a"}\n', r"p\.jsonl:2: an object of JSON in a file whose first line"),
        ("p.csv", "text,label\na,b\n", r"p\.csv:1: the first line must name the columns, given 'text,label'"),
        ("p.csv", 'prompt,reference\na,b\n"c,d\n', r"p\.csv:3: not a table: .* quotation mark unclosed"),
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": \n', r"p\.jsonl:2: not JSON"),
        ("p.jsonl", '{"prompt": "a"\n{"prompt": "b"}\n', r"p\.jsonl:1: not JSON"),
        ("p.jsonl", '{"prompt": "a"}\n\n["b"]\n', r"p\.jsonl:3: expected an object or text, given a list"),
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": "b", "prompt": "c"}\n', r":2: .*'prompt' stands twice"),
        ("p.csv", "prompt,reference\na,b\n\nc\n", r"p\.csv:4: has 1 cells, the first line names 2 columns"),
        ("p.csv", "prompt,reference\na,b\n,d\n", r"p\.csv:3: its prompt is empty, given ''"),
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": "\\ud83d"}\n', r":2: prompt holds half of a pair"),
        ("p.json", '["a", "b", 3]', r"p\.json: row 3: expected an object or text, given a int"),
        (
            "p.jsonl",
            '{"id": 1, "prompt": "a"}\n{"prompt": "b"}\n',
            r":2: its id '1' \(its number.*p\.jsonl:1",
        ),
        (
            "p.jsonl",
            '{"id": "x", "prompt": "a"}\n{"id": "x", "prompt": "b"}\n',
            r":2: its id 'x' is also that",
        ),
    ],
)
def test_bad_files_and_rows_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        read_prompts(written(tmp_path / name, text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80 caf\xe9", r"not UTF-8 text \(byte 0\)"),
        (b"a\0b", "holds a zero byte"),
        (b"[" * 200_000, "not JSON"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(PromptError, match=message):
        read_prompts(tmp_path / "p")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"none\.txt: can't be read"):
        read_prompts(tmp_path / "none.txt")
    with pytest.raises(PromptError, match="can't be read"):
        read_prompts(tmp_path)


def test_bad_rows_are_left_out_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    lines = ['{"prompt": "a"}', '{"prompt": ""}', "{broken", '{"id": "0", "prompt": "c"}', '{"prompt": "d"}']
    path = written(tmp_path / "p.jsonl", "\n".join(lines))
    prompts, faults = load_prompts(path)
    assert prompts == [PromptText("0", "a"), PromptText("4", "d")]
    assert [fault.split(": ")[0] for fault in faults] == [f"{path}:{line}" for line in (2, 3, 4)]
    with pytest.raises(PromptError, match=r"p\.jsonl:2: .* \(and 2 more rows\)"):
        read_prompts(path)


def test_a_file_without_a_good_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"holds no prompt; 2 rows can't be used, the first: .*p\.jsonl:1"):
        load_prompts(written(tmp_path / "p.jsonl", '{"a": 1}\n{"b": 2}\n'))


def test_messages_survive_a_table_only_as_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path / "p.csv", 'prompt,messages\na,"[{""role"": ""user""}]"\nb,\n')
    prompts, faults = load_prompts(path)
    assert [prompt.prompt for prompt in prompts] == ["b"]
    assert "messages must be a list" in faults[0]


def test_a_chat_takes_the_given_system_message_unless_it_has_its_own() -> None:
    plain = PromptText("0", "Sing.")
    own = PromptText("0", "…", messages=(Message("system", "Loudly."), Message("user", "Sing.")))
    user = {"role": "user", "content": "Sing."}
    assert plain.chat() == [user]
    assert plain.chat("Softly.") == [{"role": "system", "content": "Softly."}, user]
    assert own.chat("Softly.") == own.chat() == [{"role": "system", "content": "Loudly."}, user]
