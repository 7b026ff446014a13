"""Rows as prompts: what is taken from the fields of data sets that people have."""

from __future__ import annotations

from typing import Any

import pytest

from models.prompts import Message, PromptError, PromptText
from models.prompts.shapes import prompt_of

USER = "user"
HEAD = "Below is an instruction that describes a task."
SENTENCE = "Write a response that appropriately completes the request.\n\n### Instruction:\n"
WITH = f"{HEAD[:-1]}, paired with an input that provides further context. {SENTENCE}"
WITHOUT = f"{HEAD} {SENTENCE}"


def chat(*contents: str) -> tuple[Message, ...]:
    return tuple(Message(USER, content) for content in contents)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Sing.", PromptText("7", "Sing.")),
        ({"Prompt ": "Sing.", "Reference": "La"}, PromptText("7", "Sing.", "La")),
        (
            {
                "task_id": "HumanEval/0",
                "prompt": "def f():\n",
                "canonical_solution": "    pass\n",
                "test": "assert",
            },
            PromptText("HumanEval/0", "def f():\n", "    pass\n"),
        ),
        ({"prompt": "Sing.", "completion": "La", "input": ""}, PromptText("7", "Sing.", "La")),
        (
            {"instruction": "Add.", "input": "1 {2}", "output": "3"},
            PromptText(
                "7",
                f"{WITH}Add.\n\n### Input:\n1 {{2}}\n\n### Response:",
                "3",
                messages=chat("Add.\n\n1 {2}"),
            ),
        ),
        (
            {"instruction": "Sing.", "input": float("nan"), "output": None},
            PromptText("7", f"{WITHOUT}Sing.\n\n### Response:", messages=chat("Sing.")),
        ),
        (
            {"instruction": "Who?", "context": "Ada wrote it.", "response": "Ada", "category": "closed_qa"},
            PromptText(
                "7",
                f"{WITH}Who?\n\n### Input:\nAda wrote it.\n\n### Response:",
                "Ada",
                messages=chat("Who?\n\nAda wrote it."),
            ),
        ),
        (
            {
                "id": "seed_task_3",
                "name": "sum",
                "instruction": "Add.",
                "is_classification": False,
                "instances": [{"input": "1 2", "output": "3"}, {"input": "3 4", "output": "7"}],
            },
            PromptText(
                "seed_task_3",
                f"{WITH}Add.\n\n### Input:\n1 2\n\n### Response:",
                "3",
                messages=chat("Add.\n\n1 2"),
            ),
        ),
        (
            {"instruction": "Sing.", "instances": [{"input": "", "output": "La"}]},
            PromptText("7", f"{WITHOUT}Sing.\n\n### Response:", "La", messages=chat("Sing.")),
        ),
        (
            {"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"},
            PromptText("7", "How many?", "2 + 3 = <<2+3=5>>5\n#### 5"),
        ),
        ({"context": "Ada.", "question": "Who?", "answers": {"text": []}}, PromptText("7", "Ada.\n\nWho?")),
        (
            {
                "question_id": 81,
                "category": "writing",
                "turns": ["Compose.", "Again."],
                "reference": ["a", "b"],
            },
            PromptText("81", "Compose.", "a"),
        ),
        ({"question_id": 82, "turns": ["Compose."], "reference": []}, PromptText("82", "Compose.")),
        (
            {"id": "x1", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]},
            PromptText("x1", "hi", "yo", messages=chat("hi")),
        ),
        (
            {
                "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
                "reference": "c",
            },
            PromptText("7", "a\n\nb", "c", messages=chat("a", "b")),
        ),
        (
            {
                "prompt": "hi",
                "prompt_id": "f0",
                "messages": [
                    {"role": "system", "content": ""},
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": "yo"},
                    {"role": "user", "content": "bye"},
                    {"role": "assistant", "content": "ciao"},
                ],
            },
            PromptText("f0", "hi", "yo", messages=chat("hi")),
        ),
        (
            {"system_prompt": "Be brief.", "question": "Why?", "response": "So."},
            PromptText(
                "7", "Be brief.\n\nWhy?", "So.", messages=(Message("system", "Be brief."), *chat("Why?"))
            ),
        ),
    ],
)
def test_a_row_becomes_a_prompt(row: Any, expected: PromptText) -> None:
    assert prompt_of(row, "7") == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (5, "expected an object or text, given a int"),
        (" ", "its prompt is empty, given ' '"),
        ({}, "no prompt in it, given no field, looked for prompt, instruction, question, messages"),
        ({"text": "a", "label": 1}, "no prompt in it, given 'text', 'label', looked for prompt"),
        ({"prompt": "a", "Prompt": "b"}, "differ only in upper and lower case"),
        ({"prompt": None}, "its prompt is empty, given None"),
        ({"prompt": 5}, "prompt must be text, given 5"),
        ({"prompt": "a", "reference": ["b"]}, r"reference must be text, given \['b'\]"),
        ({"prompt": "a", "prompt_ids": [1, -1]}, "prompt_ids must be a list of token ids >= 0"),
        ({"prompt": "a", "context": "long"}, "its context would be left out of the prompt"),
        ({"question": "Which?", "choices": ["a", "b"]}, "its choices would be left out of the prompt"),
        ({"question": "Was it?", "answer": True}, "answer must be text, given True"),
        ({"instruction": ["Add", "two"], "input": {"a": 1}}, r"instruction must be text, given \['Add', 'two'\]"),
        ({"instruction": "Add", "input": 7}, "input must be text, given 7"),
        ({"instruction": "Add", "input": float("inf")}, "input must be text, given inf"),
        ({"instruction": float("nan"), "output": "x"}, "its instruction is empty, given nan"),
        ({"instruction": "Add", "instances": ["1 2"]}, "instances must hold objects, given '1 2'"),
        ({"instruction": "Add", "instances": {"input": "1"}}, "instances must be a list"),
        ({"turns": "Compose."}, "turns must be a list, given 'Compose.'"),
        ({"turns": [None]}, "its turns is empty, given None"),
        ({"id": 1.5, "prompt": "a"}, "id must be text or a whole number, given 1.5"),
        ({"id": True, "prompt": "a"}, "id must be text or a whole number, given True"),
        ({"messages": ["hi"]}, "messages must hold objects with role and content, given 'hi'"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "the role 'tool', allowed: system, user"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "must begin with what a user says"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "content of user in messages must be text"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
            "a system message that is not the only one and the first",
        ),
    ],
)  # fmt: skip
def test_a_row_that_is_none_says_why(row: Any, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        prompt_of(row, "7")


def test_a_long_value_is_shortened_and_stays_one_line() -> None:
    with pytest.raises(PromptError) as caught:
        prompt_of({"prompt": ["x\n\x1b[31m"] * 1000}, "0")
    assert len(str(caught.value)) < 100
    assert str(caught.value).isprintable()
    with pytest.raises(PromptError) as caught:
        prompt_of({"\x1b[31m\n": 1}, "0")
    assert str(caught.value).isprintable()
