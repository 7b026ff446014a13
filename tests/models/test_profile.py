"""Profiles of forward passes: what they measure, what they hold, and that the simulator reads them."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OpenAIGPTConfig,
    OpenAIGPTLMHeadModel,
    PreTrainedModel,
)

from models.grid import Effort, ProfileError, ProfileGrid, default_grid
from models.profile import Subject, measure, pair_profile, write_profile
from models.timing import fit_to_budget, profile_model
from netsim.cli.profile import profile
from netsim.costs.latency import LatencyProfile
from netsim.costs.latency_file import read_profile
from netsim.errors import InputError

GRID = ProfileGrid((0, 8, 40), (1, 4, 32), (1, 2))
CELLS = list(itertools.product(*map(enumerate, (GRID.contexts, GRID.positions, GRID.batches))))


def llama(longest: int = 64, hidden: int = 32) -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=longest,
    )
    model = LlamaForCausalLM(config)
    model.train(mode=False)
    return model


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=64)
    model = GPT2LMHeadModel(config)
    model.train(mode=False)
    return model


@pytest.mark.parametrize("model", [llama(), gpt2()], ids=["llama", "gpt2"])
def test_every_cell_that_fits_is_measured(model: PreTrainedModel, tmp_path: Path) -> None:
    made = profile_model(model, "small", GRID, Effort(3, 1))
    for (i, context), (j, positions), (k, _) in CELLS:
        median, quartiles = made["median_s"][i][j][k], made["quartiles_s"][i][j][k]
        if context + positions > 64:
            assert median is None
            assert quartiles is None
        else:
            assert 0 < quartiles[0] <= median <= quartiles[1]
    assert made["parameters"] == model.num_parameters()
    assert (made["dtype"], made["device"], made["repeats"]) == ("float32", "cpu", 3)
    assert made["threads"] == torch.get_num_threads()
    write_profile(made, tmp_path / "small.json")
    loaded = LatencyProfile(read_profile(tmp_path / "small.json", "slm"))
    assert loaded.file.model_dump() == made
    for (i, context), (j, positions), (k, batch) in CELLS:
        if made["median_s"][i][j][k] is not None:
            assert float(loaded.seconds(context, positions, batch)) == made["median_s"][i][j][k]


@pytest.mark.parametrize("model", [llama(), gpt2()], ids=["llama", "gpt2"])
def test_each_pass_sees_the_context_of_its_cell(model: PreTrainedModel) -> None:
    passes: list[tuple[int, int, int]] = []

    def note(_: torch.nn.Module, __: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        batch, positions = keywords["input_ids"].shape
        passes.append((keywords["past_key_values"].get_seq_length(), positions, batch))

    with model.register_forward_pre_hook(note, with_kwargs=True):
        profile_model(model, "small", GRID, Effort(2, 1))
    expected = []
    for batch in GRID.batches:
        filled = 0
        for context in GRID.contexts:
            if context > filled:
                expected.append((filled, context - filled, batch))
                filled = context
            fitting = [positions for positions in GRID.positions if context + positions <= 64]
            expected += [(context, positions, batch) for positions in fitting for _ in range(3)]
    assert passes == expected


def test_longer_passes_take_longer() -> None:
    # 256 times the work in one pass: far more than what scheduling on a busy machine may add.
    made = profile_model(llama(longest=256, hidden=256), "small", ProfileGrid((0,), (1, 256)), Effort(5))
    assert made["median_s"][0][1][0] > made["median_s"][0][0][0]


def test_default_grids_fit_the_model() -> None:
    for longest in (40, 256, 4096):
        grid = default_grid(llama(longest))
        assert grid.contexts[-1] + 1 <= longest
        assert grid.positions[-1] <= longest
        assert grid.contexts[0] == 0
        assert {1, 2, 4, 8, 16, 32} <= set(grid.positions)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (((0, 0), (1,)), r"contexts must be increasing integers >= 0, given \[0, 0\]"),
        (((0,), (2, 1)), r"positions must be increasing integers >= 1, given \[2, 1\]"),
        (((0,), (1,), ()), r"batches must be increasing integers >= 1, given \[\]"),
        (((0,), (0, 1)), r"positions must be increasing integers >= 1, given \[0, 1\]"),
    ],
)
def test_grids_without_order_are_refused(axes: Any, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        ProfileGrid(*axes)


@pytest.mark.parametrize("grid", [ProfileGrid((0, 64), (1,)), ProfileGrid((0,), (1, 65))])
def test_grids_beyond_the_model_are_refused(grid: ProfileGrid) -> None:
    with pytest.raises(ProfileError, match="small takes at most 64 positions"):
        profile_model(llama(), "small", grid)


def test_a_budget_thins_the_grid_before_it_leaves_the_ends_out() -> None:
    full = default_grid(llama(256))
    assert fit_to_budget(llama(256), full, 1e9) == (full, Effort())
    coarse, effort = fit_to_budget(llama(256), full, 0.0)
    assert effort == Effort(1, 0)
    assert coarse.contexts == (full.contexts[0], full.contexts[-1])
    assert coarse.positions == (1, 2, 4, full.positions[-1])
    # A model whose passes take a tenth of a second: seven repeats of 90 cells are more than half a minute.
    slow = llama(256)
    slow.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    grid, effort = fit_to_budget(slow, full, 8.0)
    cells = len(grid.contexts) * len(grid.positions)
    assert cells * (effort.repeats + effort.warm_up) * 0.05 < 8.0


def test_a_model_that_takes_no_cache_is_measured_over_the_whole_prefix() -> None:
    model = OpenAIGPTLMHeadModel(
        OpenAIGPTConfig(vocab_size=300, n_positions=64, n_embd=16, n_layer=1, n_head=2)
    )
    model.train(mode=False)
    lengths: list[int] = []
    model.register_forward_pre_hook(
        lambda _module, _given, keywords: lengths.append(keywords["input_ids"].shape[1]), with_kwargs=True
    )
    profile_model(model, "whole", ProfileGrid((0, 8), (1, 4)), Effort(1, 0))
    assert lengths == [1, 4, 9, 12]


def test_a_slow_cell_is_measured_once() -> None:
    model, passes = llama(), list[int]()

    def slow(_module: object, _given: object, keywords: dict[str, torch.Tensor]) -> None:
        passes.append(keywords["input_ids"].shape[1])
        time.sleep(0.1 if passes[-1] > 1 else 0.0)

    model.register_forward_pre_hook(slow, with_kwargs=True)
    profile_model(model, "slow", ProfileGrid((0,), (1, 4)), Effort(3, 1, cell_s=0.05))
    assert passes == [1, 1, 1, 1, 4]


def test_no_repeats_are_refused() -> None:
    with pytest.raises(ProfileError, match="repeats must be >= 1"):
        Effort(0)


def test_a_pair_profile_gives_each_role_its_own(tmp_path: Path) -> None:
    grid = ProfileGrid((0,), (1,))
    slm, llm = (
        profile_model(model, name, grid, Effort(1)) for model, name in ((llama(), "a"), (gpt2(), "b"))
    )
    write_profile(pair_profile(slm, llm), tmp_path / "latency.json")
    assert read_profile(tmp_path / "latency.json", "slm").model_dump() == slm
    assert read_profile(tmp_path / "latency.json", "llm").model_dump() == llm


def test_an_architecture_is_measured_from_its_configuration(tmp_path: Path) -> None:
    llama().config.save_pretrained(tmp_path)
    lines: list[str] = []
    made = measure(
        Subject("architecture", (str(tmp_path / "config.json"),)),
        {"contexts": [0], "positions": [1, 2]},
        Effort(1),
        lambda line, _share: lines.append(line),
    )
    assert (made["dtype"], made["model"]) == ("bfloat16", "config, random weights")
    assert len(lines) == 2
    assert lines[0].startswith("config, random weights: context 0, positions 1, batch 1: ")


def test_a_model_with_a_sliding_window_is_measured_beyond_it() -> None:
    config = MistralConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        sliding_window=16,
    )
    model = MistralForCausalLM(config)
    model.train(mode=False)
    contexts: list[int] = []

    def note(_: torch.nn.Module, __: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        contexts.append(keywords["past_key_values"].get_seq_length())

    with model.register_forward_pre_hook(note, with_kwargs=True):
        profile_model(model, "window", ProfileGrid((0, 8, 32), (1, 4)), Effort(1, 1))
    # Four passes at each context, and between them the two that extend the cache.
    assert contexts == [0] * 5 + [8] * 5 + [32] * 4


def test_the_command_writes_a_profile(tmp_path: Path) -> None:
    llama().save_pretrained(tmp_path / "model")
    out = tmp_path / "new" / "profile.json"
    profile(out, model=str(tmp_path / "model"), contexts=[0, 8], positions=[1], repeats=1, quiet=True)
    made = json.loads(out.read_text())
    assert (made["model"], made["contexts"], made["positions"]) == ("model", [0, 8], [1])
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"pair": "huge"}, "pair 'huge': there is no model in"),
        (
            {"pair": "tiny", "model": "gpt2"},
            "give one of --pair, --slm with --llm, --model and --architecture",
        ),
        ({"architecture": "llama-9"}, "architecture 'llama-9' is not one of"),
    ],
)
def test_the_command_names_what_is_wrong(tmp_path: Path, given: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        profile(tmp_path / "profile.json", **given)
    assert not (tmp_path / "profile.json").exists()
