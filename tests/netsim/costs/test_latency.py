"""Latency profiles: interpolation against its definition and a closed form, ranges, damaged files."""

from __future__ import annotations

import itertools
import json
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.costs import latency
from netsim.costs.latency import (
    ConstantLatency,
    LatencyExtrapolated,
    LatencyOutOfRange,
    LatencyProfile,
    load_latency,
)
from netsim.costs.latency_file import LatencyError, ProfileFile, Role, read_profile
from netsim.errors import InputError
from netsim.scenario.network import ServerSettings

CONTEXTS, POSITIONS, BATCHES = [0, 16, 64, 100], [1, 2, 8, 32], [1, 4]


def content(limit: int = 10**9, seed: int = 0) -> dict[str, Any]:
    """A profile with arbitrary positive medians; cells beyond `limit` are null."""
    rng = np.random.default_rng(seed)
    median = rng.uniform(0.001, 0.1, (len(CONTEXTS), len(POSITIONS), len(BATCHES))).tolist()
    quartiles = np.array(median)[..., None] * [0.9, 1.1]
    spread: Any = quartiles.tolist()
    for (i, context), (j, positions) in itertools.product(enumerate(CONTEXTS), enumerate(POSITIONS)):
        if context + positions > limit:
            median[i][j] = [None] * len(BATCHES)
            spread[i][j] = [None] * len(BATCHES)
    return {
        "format": "netsim-latency",
        "version": 1,
        "model": "some",
        "parameters": 10,
        "dtype": "float32",
        "device": "cpu",
        "hardware": "a processor",
        "threads": 1,
        "versions": {"torch": "2"},
        "contexts": CONTEXTS,
        "positions": POSITIONS,
        "batches": BATCHES,
        "median_s": median,
        "quartiles_s": spread,
        "repeats": 5,
    }


def additive(limit: int) -> dict[str, Any]:
    """A profile of 0.01 + 0.001 context + 0.002 positions + 0.003 batch seconds."""
    made = content(limit)
    for i, j, k in itertools.product(range(4), range(4), range(2)):
        if made["median_s"][i][j][k] is not None:
            made["median_s"][i][j][k] = line(CONTEXTS[i], POSITIONS[j], BATCHES[k])
    return made


def line(context: Any, positions: Any, batch: Any) -> Any:
    return 0.01 + 0.001 * context + 0.002 * positions + 0.003 * batch


def profile(made: dict[str, Any], extrapolate: bool = False) -> LatencyProfile:
    return LatencyProfile(ProfileFile.model_validate(made), extrapolate)


def test_grid_points_are_exact() -> None:
    made = content()
    grid = np.meshgrid(CONTEXTS, POSITIONS, BATCHES, indexing="ij")
    assert np.array_equal(profile(made).seconds(*grid), np.array(made["median_s"]))


def corners(median_s: NDArray[np.float64], query: Sequence[float]) -> float:
    """Multilinear interpolation by its definition: each corner of the cell by the volume opposite to it."""
    total = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        weight, cell = 1.0, []
        for side, grid, value in zip(corner, (CONTEXTS, POSITIONS, BATCHES), query, strict=True):
            low = max(index for index in range(len(grid) - 1) if grid[index] <= value)
            share = (value - grid[low]) / (grid[low + 1] - grid[low])
            weight *= share if side else 1 - share
            cell.append(low + side)
        total += weight * float(median_s[tuple(cell)])
    return total


def test_interpolation_is_the_sum_over_the_corners() -> None:
    made = content()
    median_s = np.array(made["median_s"])
    rng = np.random.default_rng(1)
    query = [rng.uniform(low, high, (50, 7)) for low, high in ((0, 100), (1, 32), (1, 4))]
    seconds = profile(made).seconds(*query)
    for at in np.ndindex(50, 7):
        # Eight terms of at most 0.1 in float64: rounding stays far below 1e-15.
        assert abs(seconds[at] - corners(median_s, [float(values[at]) for values in query])) < 1e-15


def test_a_line_is_reproduced_and_arguments_broadcast() -> None:
    context, positions = np.arange(0, 100)[:, None], np.arange(1, 32)
    seconds = profile(additive(10**9)).seconds(context, positions, 2)
    assert seconds.shape == (100, 31)
    np.testing.assert_allclose(seconds, line(context, positions, 2), rtol=1e-13)
    assert profile(additive(10**9)).seconds(3, 5).shape == ()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ((101, 1, 1), "context 101 is outside what was measured (0 to 100)"),
        (([5, 120], 1, 1), "context 120 is outside"),
        ((0, 33, 1), "positions 33 is outside what was measured (1 to 32)"),
        ((0, 1, 5), "batch 5 is outside what was measured (1 to 4)"),
        ((-1, 1, 1), "context must be at least 0, given -1"),
        ((0, 0, 1), "positions must be at least 1, given 0"),
        ((0, float("nan"), 1), "positions must be at least 1, given nan"),
    ],
)
def test_outside_the_grid_is_refused(query: tuple[Any, Any, Any], message: str) -> None:
    with pytest.raises(LatencyOutOfRange, match=re.escape(message)):
        profile(content()).seconds(*query)


def test_cells_that_were_not_measured_are_refused() -> None:
    cut = profile(content(limit=104))
    assert np.isfinite(cut.seconds(100, 2, [1, 4])).all()
    assert np.isfinite(cut.seconds(64, 32))
    message = "context 90, positions 8, batch 1 is outside what was measured (a cell of the grid"
    with pytest.raises(LatencyOutOfRange, match=re.escape(message)):
        cut.seconds([70, 90], [2, 8])


@pytest.mark.parametrize("limit", [10**9, 101])
def test_extrapolation_goes_on_along_the_line_with_a_warning(limit: int) -> None:
    far = profile(additive(limit), extrapolate=True)
    context, positions = np.array([200, 50, 90, 100]), np.array([1, 100, 20, 32])
    with pytest.warns(LatencyExtrapolated, match="latency of some: extrapolated"):
        seconds = far.seconds(context, positions, 8)
    np.testing.assert_allclose(seconds, line(context, positions, 8), rtol=1e-13)


def test_inside_the_grid_extrapolation_changes_nothing_and_does_not_warn() -> None:
    made = content()
    query = ([3, 99], [2, 31], [1, 3])
    assert np.array_equal(profile(made, extrapolate=True).seconds(*query), profile(made).seconds(*query))


def test_extrapolation_below_zero_is_refused() -> None:
    made = content()
    made["median_s"] = [[[0.1 - 0.0005 * c] * 2 for _ in POSITIONS] for c in CONTEXTS]
    with pytest.raises(LatencyOutOfRange, match="less than 0 seconds"):
        profile(made, extrapolate=True).seconds(1000, 1)


def test_an_axis_of_one_point_is_not_extrapolated() -> None:
    made = content()
    made["batches"] = [1]
    for name in ("median_s", "quartiles_s"):
        made[name] = [[cell[:1] for cell in row] for row in made[name]]
    assert float(profile(made).seconds(16, 2)) == made["median_s"][1][1][0]
    with pytest.raises(LatencyOutOfRange, match=re.escape("batch 2 is outside what was measured (1 to 1)")):
        profile(made, extrapolate=True).seconds(16, 2, 2)


def test_a_constant_is_the_same_everywhere() -> None:
    seconds = ConstantLatency(0.02).seconds(np.arange(5)[:, None], [1, 2, 3])
    assert np.array_equal(seconds, np.full((5, 3), 0.02))
    for bad in (-0.1, float("nan"), float("inf")):
        with pytest.raises(LatencyError, match="must be a number of seconds >= 0"):
            ConstantLatency(bad)


def write(path: Path, made: Any) -> Path:
    path.write_text(made if isinstance(made, str) else json.dumps(made))
    return path


def pair_of(slm: dict[str, Any], llm: dict[str, Any]) -> dict[str, Any]:
    return {"format": "netsim-latency-pair", "version": 1, "slm": slm, "llm": llm}


def test_recorded_takes_the_role_from_the_trace(tmp_path: Path) -> None:
    slm, llm = content(seed=1), content(seed=2)
    write(tmp_path / "latency.json", pair_of(slm, llm))
    for role, made in (("slm", slm), ("llm", llm)):
        loaded = load_latency("recorded", role, tmp_path)  # type: ignore[arg-type]
        assert float(loaded.seconds(16, 8)) == made["median_s"][1][2][0]


def test_recorded_without_a_trace_is_refused() -> None:
    with pytest.raises(LatencyError, match="needs a recorded trace"):
        load_latency("recorded", "slm", None)


def test_numbers_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "PROFILES", tmp_path)
    made = content()
    write(tmp_path / "laptop.json", made)
    assert float(load_latency(0.5, "slm", None).seconds(1, 1)) == 0.5
    expected = made["median_s"][0][0][0]
    assert float(load_latency("laptop", "slm", None).seconds(0, 1)) == expected
    assert float(load_latency("laptop.json", "slm", None, base=tmp_path).seconds(0, 1)) == expected
    with pytest.raises(
        LatencyError, match="no latency profile 'labtop'; there are: laptop; did you mean 'laptop'"
    ):
        load_latency("labtop", "slm", None)


def test_the_digest_follows_the_content_not_the_layout(tmp_path: Path) -> None:
    made = content()
    plain = read_profile(write(tmp_path / "a.json", made), "slm")
    shuffled = dict(reversed(list(made.items())))
    spaced = read_profile(write(tmp_path / "b.json", json.dumps(shuffled, indent=3)), "slm")
    made["median_s"][0][0][0] *= 1 + 1e-15
    changed = read_profile(write(tmp_path / "c.json", made), "slm")
    digests = [LatencyProfile(file).digest for file in (plain, spaced, changed)]
    assert digests[0] == digests[1] != digests[2]


def test_a_profile_survives_pickling() -> None:
    before = profile(content())
    after = pickle.loads(pickle.dumps(before))  # noqa: S301 - our own bytes
    assert after.digest == before.digest
    assert np.array_equal(after.seconds(5, 3), before.seconds(5, 3))


def changed(**values: Any) -> dict[str, Any]:
    return content() | values


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([1], "a latency profile is a JSON object, given a list"),
        (changed(version=2), "version: Input should be 1"),
        (changed(format="other"), "format: Input should be 'netsim-latency'"),
        (changed(threads="1"), "threads: Input should be a valid integer"),
        (changed(surplus=1), "surplus: Extra inputs are not permitted"),
        (changed(contexts=[0, 64, 16, 100]), "contexts [0, 64, 16, 100] must increase"),
        (changed(contexts=[0, 16, 64]), "median_s does not have the grid's shape (3, 4, 2)"),
        (changed(median_s=[[[1.0, 1.0]] * 4] * 3 + [[[1.0]] * 4]), "median_s does not have the grid's shape"),
        (changed(median_s=[[[0.0, 1.0]] * 4] * 4), "median_s.0.0.0: Input should be greater than 0"),
        (json.dumps(changed(parameters=float("nan"))), "parameters: Input should be a valid integer"),
        (changed(median_s=[[[1e999, 1.0]] * 4] * 4), "median_s.0.0.0: Input should be a finite number"),
        (changed(median_s=[[[None, 1.0]] * 4] * 4), "median_s and quartiles_s differ in what was measured"),
        (content(limit=20), "median_s is null at [0, 3, 0]"),
        (pair_of(content(), {}), "llm.format: Field required"),
    ],
)
def test_damaged_profiles_are_refused(tmp_path: Path, made: Any, message: str) -> None:
    path = write(tmp_path / "profile.json", made)
    with pytest.raises(LatencyError, match=re.escape(message)) as caught:
        read_profile(path, "slm")
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(LatencyError, match=r"latency\.json: can't be read: No such file"):
        load_latency("recorded", "slm", tmp_path)


@pytest.mark.parametrize("name", ["tiny", "tinyllama-1.1b", "llama-2-7b"])
def test_shipped_profiles_cover_a_prompt_and_an_answer(name: str) -> None:
    """The prefill of 96 tokens with up to 48 skipped ones behind, and a single token after all of them."""
    roles: tuple[Role, ...] = ("slm", "llm")
    for role in roles:
        profile = load_latency(name, role, None)
        first, last = profile.seconds([0, 144], [144, 1])
        assert first > last > 0


@pytest.mark.parametrize("max_batch", [2, 8, 32])
def test_the_tiny_profile_serves_batches(max_batch: int) -> None:
    """Whole prompts and single tokens, in every batch of up to 32 that 40 devices could fill."""
    llm = load_latency("tiny", "llm", None)
    assert isinstance(llm, LatencyProfile)
    assert llm.file.batches == [1, 2, 4, 8, 16, 32]
    ServerSettings(max_batch=max_batch).build(llm, 40, (128, 120))


@pytest.mark.parametrize("name", ["tinyllama-1.1b", "llama-2-7b"])
def test_a_profile_of_single_requests_is_refused_for_batches(name: str) -> None:
    with pytest.raises(
        InputError, match=r"max_batch: batches of up to 8: .* batch 2 is outside what was measured"
    ):
        ServerSettings(max_batch=8).build(load_latency(name, "llm", None), 40, (150, 10))
