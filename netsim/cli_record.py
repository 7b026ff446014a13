"""The command ``record``: run a pair of models on prompts and store what they thought."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from netsim.cli_common import bad_input

ALL_COUNTS = "all-counts"


def record(
    out: Annotated[Path, typer.Option(help="Folder of the trace; an interrupted recording goes on there.")],
    prompts: Annotated[
        Path, typer.Option(help="Prompts: text, or JSONL (prompt, reference; Alpaca's fields).")
    ],
    policy: Annotated[
        list[str],
        typer.Option(
            help="Repeatable: hlm, u-hlm:threshold=0.3; all-counts is u-hlm at every count of disagreement."
        ),
    ],
    pair: Annotated[str | None, typer.Option(help="A pair that ships with the project: tiny.")] = None,
    slm: Annotated[
        str | None, typer.Option(help="Small model: a folder, or a name in the hub's cache.")
    ] = None,
    llm: Annotated[str | None, typer.Option(help="Large model.")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens per prompt.")] = 48,
    seeds: Annotated[int, typer.Option(min=1, help="Token seeds 0, 1, …")] = 8,
    count: Annotated[
        int | None, typer.Option("--num-prompts", min=1, help="Only the first prompts of the file.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=1e-6, help="Sampling temperature of both models.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(min=1e-6, max=1.0, help="Nucleus; 1 stores the full vocabulary.")
    ] = 1.0,
    samples: Annotated[int, typer.Option(min=1, help="Temperature samples of the uncertainty.")] = 20,
    theta_max: Annotated[float, typer.Option(min=1e-6, help="Largest temperature of the uncertainty.")] = 2.0,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
) -> None:
    """Record a trace; the same command resumes an interrupted one.

    Example: netsim record --pair tiny --prompts models/tiny/prompts-evaluation.jsonl --policy hlm
    --policy all-counts --temperature 0.8 --top-p 0.97 --out traces/mine
    """
    raise NotImplementedError
