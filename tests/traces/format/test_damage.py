"""Damaged and hostile traces: named and refused, never a crash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.trace_factory import make_trace
from traces.format.manifest import LATENCY, MANIFEST, TraceError
from traces.format.trace import Trace

SHARD = "p00001-s00000.safetensors"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("whole") / "trace").folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("other") / "trace", seed=1).folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "trace"))


def read_all(folder: Path) -> None:
    trace = Trace.open(folder)
    for shard in trace.manifest.shards:
        trace.forest([(shard.prompt, shard.token_seed)])


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    # What a faulty writer would seal, not what a fault of the disk leaves.
    content.pop("digest", None)
    change(content)
    (folder / MANIFEST).write_text(json.dumps(content))


def change_tensors(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a shard, and the digest that the manifest has of it, as a faulty writer would."""
    tensors = load_file(folder / SHARD)
    change(tensors)
    save_file(tensors, folder / SHARD)
    digest = hashlib.sha256((folder / SHARD).read_bytes()).hexdigest()

    def enter(content: dict[str, Any]) -> None:
        next(shard for shard in content["shards"] if shard["file"] == SHARD)["sha256"] = digest

    change_manifest(folder, enter)


def test_an_undamaged_trace_is_read(folder: Path) -> None:
    read_all(folder)


def test_the_smallest_recording_is_read(tmp_path: Path) -> None:
    """One token, so one node a group; and a nucleus of one token, in which both models may agree."""
    trace = make_trace(tmp_path / "short", num_tokens=1, prompts=8, vocabulary_size=2, top_p=1e-3)
    groups = [(shard.prompt, shard.token_seed) for shard in trace.manifest.shards]
    assert {shard.num_entries for shard in trace.manifest.shards} == {1, 2}
    assert trace.forest(groups).table.num_nodes == len(groups)


def truncated(folder: Path) -> None:
    os.truncate(folder / SHARD, (folder / SHARD).stat().st_size // 2)


def flipped(folder: Path) -> None:
    content = bytearray((folder / SHARD).read_bytes())
    content[-5] ^= 1
    (folder / SHARD).write_bytes(content)


def grown(folder: Path) -> None:
    os.truncate(folder / SHARD, 2**40)  # sparse: takes no room on the disk


def pipe(folder: Path) -> None:
    (folder / SHARD).unlink()
    os.mkfifo(folder / SHARD)


def endless(folder: Path) -> None:
    (folder / SHARD).unlink()
    (folder / SHARD).symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (truncated, "damaged or of another recording"),
        (flipped, "damaged or of another recording"),
        (grown, "damaged: 1099511627776 bytes"),
        (lambda folder: (folder / SHARD).unlink(), "missing"),
        (pipe, "not a file"),
        (endless, "not a file"),
    ],
)
def test_a_damaged_shard_is_named(folder: Path, damage: Callable[[Path], None], fault: str) -> None:
    damage(folder)
    with pytest.raises(TraceError, match=f"{SHARD}: .*{fault}"):
        read_all(folder)


def test_a_shard_of_another_recording_is_named(folder: Path, other: Path) -> None:
    shutil.copy(other / SHARD, folder / SHARD)
    with pytest.raises(TraceError, match=f"{SHARD}: damaged or of another recording"):
        read_all(folder)


def test_a_manifest_of_another_recording_is_refused(folder: Path, other: Path) -> None:
    shutil.copy(other / MANIFEST, folder / MANIFEST)
    with pytest.raises(TraceError, match="of another recording"):
        read_all(folder)


def put(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda tensors: tensors.update({name: value})


def spoil(name: str, index: int, value: float) -> Callable[[dict[str, Any]], None]:
    def change(tensors: dict[str, Any]) -> None:
        tensors[name].flat[index] = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.pop("llm_unit"), "tensors missing or unknown: llm_unit"),
        (put("extra", np.zeros(3)), "tensors missing or unknown: extra"),
        (lambda t: t.update(slm_unit=t["slm_unit"][:-1].copy()), r"slm_unit: float32 \[\d+\], expected"),
        (lambda t: t.update(llm_unit=t["llm_unit"].astype(np.float64)), "llm_unit: float64"),
        (
            lambda t: t.update(slm_log_partition=t["slm_log_partition"][:, :4].copy()),
            r"slm_log_partition: .*, 4\], expected",
        ),
        (spoil("slm_logit", 3, np.nan), "slm_logit: a value is not finite"),
        (spoil("llm_entropy", 0, np.inf), "llm_entropy: a value is not finite"),
        (spoil("llm_logit", 3, 0.5), "llm_logit: a node's largest shifted logit is not 0"),
        (spoil("count", 0, 10**6), "count: does not add up"),
        (spoil("count", 0, 0), "count: does not add up"),
        (spoil("ids", 0, 65535), "ids: not ascending"),
        (spoil("parent", 1, 5), "parent: not a tree"),
        (spoil("parent", 1, -1), "parent: not a tree"),
        (spoil("token", 1, 10**6), "token: outside the vocabulary"),
    ],
)
def test_a_tensor_that_makes_no_sense_is_named(
    folder: Path, change: Callable[[dict[str, Any]], None], fault: str
) -> None:
    change_tensors(folder, change)
    with pytest.raises(TraceError, match=f"{SHARD}: .*{fault}"):
        read_all(folder)


def shard_field(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["shards"][0].update({name: value})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c.update(version=3), "format version 3, this netsim reads 1 and 2"),
        (lambda c: c.update(version=True), "format version True"),
        (lambda c: c.update(format="other"), "its format is not"),
        (lambda c: c.pop("sampler"), "sampler: Field required"),
        (lambda c: c.update(surprise=1), "surprise"),
        (lambda c: c.update(vocabulary_size=10**30), "vocabulary_size"),
        (lambda c: c.update(num_tokens=10**9), "num_tokens"),
        (lambda c: c.update(token_seeds=[0, 0]), "token_seeds repeats"),
        (lambda c: c.update(policies=[]), "either policies are recorded"),
        (lambda c: c["measure"].update(theta_points=10**6), "measure.theta_points"),
        (lambda c: c["sampler"].update(temperature=float("nan")), "sampler.temperature"),
        (lambda c: c["prompts"][0].update(tokens=[10**6]), "a token outside the vocabulary"),
        (lambda c: c["prompts"][0].update(tokens=[]), "prompts.0.tokens"),
        (lambda c: c["shards"].append(c["shards"][0]), "two shards of the same prompt"),
        (shard_field("file", "../secret.safetensors"), "shards.0.file"),
        (shard_field("file", "/etc/passwd"), "shards.0.file"),
        (shard_field("file", "..\\secret.safetensors"), "shards.0.file"),
        (shard_field("file", "a" * 5000 + ".safetensors"), "shards.0.file"),
        (shard_field("num_nodes", 2**60), "shards.0.num_nodes"),
        (shard_field("num_nodes", -1), "shards.0.num_nodes"),
        (shard_field("prompt", 99), "not listed"),
        (shard_field("sha256", "0"), "shards.0.sha256"),
    ],
)
def test_a_hostile_manifest_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], fault: str
) -> None:
    change_manifest(folder, change)
    with pytest.raises(TraceError, match=f"{MANIFEST}: .*{fault}"):
        read_all(folder)


def test_sizes_beyond_memory_are_refused_before_anything_is_allocated(folder: Path) -> None:
    def absurd(content: dict[str, Any]) -> None:
        content["shards"][0].update(num_nodes=2**31 - 1, num_entries=2**40 - 1)

    change_manifest(folder, absurd)
    with pytest.raises(TraceError, match=r"p00000-s00000\.safetensors: .*expected"):
        read_all(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"format": "netsim-trace", "version": 1}',
        b'{"a": 1e999',
        b"\x00" * 9,
    ],
    ids=["empty", "list", "no-text", "deep", "bare", "cut", "zeros"],
)
def test_a_manifest_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(TraceError, match=MANIFEST):
        Trace.open(folder)


def test_a_manifest_nested_inside_its_fields_is_refused(folder: Path) -> None:
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(
        text.replace('"hardware": {', '"hardware": {"x": ' + "[" * 900 + "]" * 900 + ",", 1)
    )
    with pytest.raises(TraceError, match=MANIFEST):
        Trace.open(folder)


def test_a_huge_manifest_is_not_read(folder: Path) -> None:
    os.truncate(folder / MANIFEST, 2**40)
    with pytest.raises(TraceError, match="bytes, at most"):
        Trace.open(folder)


def test_the_command_says_each_fault_in_one_line(whole: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(whole, tmp_path / name))

    truncated(copy("truncated"))
    change_manifest(copy("hostile"), shard_field("file", "../secret.safetensors"))
    (copy("slow") / LATENCY).write_text("{")
    names = ["truncated", "hostile", "slow", "missing"]
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "validate", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert all(any(str(tmp_path / name) in line for line in lines) for name in names)
    assert "Traceback" not in done.stderr
    # Both models' profiles are in the one broken file.
    assert len(lines) <= len(names) + 1
