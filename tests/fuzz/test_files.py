"""Damaged and mutated traces, chunks, profiles and CSV: right numbers or a refusal."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from channels.recorded import load_recorded
from netsim.costs.latency import LatencyOutOfRange, load_latency
from netsim.costs.latency_file import LatencyError
from netsim.engines.arrivals import load_arrivals
from netsim.scenario import Scenario
from netsim.sweeps.chunk_files import ChunkWarning
from netsim.sweeps.products import RESULTS
from netsim.sweeps.run import run_sweep
from tests.fuzz.budget import examples
from tests.fuzz.commands import command, judge
from tests.fuzz.hostile import NUMBERS, damaged, mutated
from tests.trace_factory import make_trace
from traces.format.manifest import LATENCY, MANIFEST
from traces.format.sealed import digest_of, sealed

CORPUS = Path(__file__).parent / "corpus" / "series"
NUMBER_TEXTS = st.sampled_from(
    [*map(repr, NUMBERS), "", "1,5", '"', '"2"', "0x1", "1_0", " 3 ", "\x00", "#", ";"]
)
forks = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="forks, and bounds memory as Linux does"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("files") / "trace", num_tokens=4).folder


def replayed(folder: Path, scratch: Path) -> tuple[int, str]:
    ended = command(scratch, "replay", folder, "--policy", "u-hlm:threshold=0.3", "--json")
    judge(ended)
    return ended.status, ended.stdout


@forks
@examples(40)
@given(data=st.data())
def test_a_damaged_trace_gives_the_right_numbers_or_none(
    data: st.DataObject, whole: Path, tmp_path: Path
) -> None:
    right = replayed(whole, tmp_path)
    assert right[0] == 0
    folder = Path(shutil.copytree(whole, tmp_path / "trace", dirs_exist_ok=True))
    path = folder / data.draw(st.sampled_from(sorted(path.name for path in whole.iterdir())))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    status, output = replayed(folder, tmp_path)
    assert status == 2 or (status, output) == right


@forks
@examples(40)
@given(data=st.data())
def test_a_mutated_trace_with_the_right_digests_is_replayed_or_refused(
    data: st.DataObject, whole: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "trace", dirs_exist_ok=True))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest.pop("digest")
    if data.draw(st.booleans()):
        spoil_tensor(data, folder, manifest)
    else:
        manifest = data.draw(mutated(manifest))
    (folder / MANIFEST).write_text(json.dumps(sealed(manifest)))
    replayed(folder, tmp_path)


def spoil_tensor(data: st.DataObject, folder: Path, manifest: dict[str, Any]) -> None:
    """Change one value of a shard, and its digest, as a faulty or hostile writer would."""
    shard = data.draw(st.sampled_from(manifest["shards"]))
    tensors = load_file(folder / shard["file"])
    tensor = tensors[data.draw(st.sampled_from(sorted(tensors)))]
    value = data.draw(st.sampled_from([number for number in NUMBERS if isinstance(number, (int, float))]))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor.flat[data.draw(st.integers(0, tensor.size - 1))] = np.float64(value).astype(tensor.dtype)
    save_file(tensors, folder / shard["file"])
    shard["sha256"] = hashlib.sha256((folder / shard["file"]).read_bytes()).hexdigest()


@examples(40)
@given(data=st.data())
def test_a_damaged_chunk_gives_the_right_rows(data: st.DataObject, whole: Path, tmp_path: Path) -> None:
    content = {"name": "s", "trace": str(whole), "policy": {"name": "hlm"}, "tokens": 4, "seeds": 3}
    scenario = Scenario.model_validate(content)
    out = tmp_path / "out"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChunkWarning)
        run_sweep(scenario, out, fresh=True)
        right = (out / RESULTS).read_bytes()
        chunk = data.draw(st.sampled_from(sorted((out / "chunks").glob("*.parquet"))))
        chunk.write_bytes(data.draw(damaged(chunk.read_bytes())))
        run_sweep(scenario, out)
    assert (out / RESULTS).read_bytes() == right


@examples(150)
@given(data=st.data(), seal=st.booleans())
def test_a_mutated_profile_gives_seconds_or_is_refused(
    data: st.DataObject, seal: bool, whole: Path, tmp_path: Path
) -> None:
    content = data.draw(mutated(json.loads((whole / LATENCY).read_text())))
    (tmp_path / LATENCY).write_text(
        json.dumps(sealed(content) if seal and isinstance(content, dict) else content)
    )
    try:
        seconds = load_latency("recorded", "slm", tmp_path).seconds(context=5, positions=2, batch=1)
    except (LatencyError, LatencyOutOfRange):
        return  # not a profile, or one whose grid does not reach what is asked: the command line says either in a line
    assert math.isfinite(seconds)
    assert seconds > 0


@examples(300)
@given(rows=st.lists(st.tuples(NUMBER_TEXTS, NUMBER_TEXTS), max_size=4), header=st.sampled_from(["time_s,snr_db", "device,time_s", "x"]))  # fmt: skip
def test_mutated_csv_is_read_or_refused_with_its_place(
    rows: list[tuple[str, str]], header: str, tmp_path: Path
) -> None:
    path = tmp_path / "series.csv"
    path.write_text("\n".join([header, "0,1", *(",".join(row) for row in rows)]), encoding="utf-8")
    for load in (load_recorded, lambda path: load_arrivals(path, 3)):
        said = str(path)
        try:
            load(path)
        except ValueError as error:
            said = str(error)
        assert said.startswith(str(path))


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.stem)
def test_series_of_the_corpus(path: Path) -> None:
    refused = {"unclosed-quote": "csv:3: not CSV", "semicolons": "needs commas"}
    if path.stem in refused:
        with pytest.raises(ValueError, match=refused[path.stem]):
            load_recorded(path)
    else:
        assert load_recorded(path).times_s[0] == 0


def test_the_digest_is_that_of_the_content(whole: Path) -> None:
    content = json.loads((whole / MANIFEST).read_text())
    assert content.pop("digest") == digest_of(content)
