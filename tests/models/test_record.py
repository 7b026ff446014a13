"""Recording: the same bytes again, resumed, extended, in processes; and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.pair import Pair, PairSource
from models.plan import Plan, RecordingStopped
from models.record import Done, record
from netsim.deciding.policies import Hlm, Llm, RandHlm, UHlm
from netsim.deciding.recorded import Decider
from tests.random_pair import save_random_pair
from traces.format.manifest import EXTENSION, Prompt, TraceError, read_manifest
from traces.format.nodes import Sampler
from traces.format.trace import Trace
from traces.speculative.draws import token_draws
from traces.speculative.walk import Measure, Policy, Rounds, walk

PROMPTS = tuple(Prompt(id=str(n), tokens=(5 + n, 40, 7 * n + 60)) for n in range(3))
FEW: dict[str, Policy] = {"hlm": Hlm(), "u-hlm:threshold=0.9": UHlm(0.9)}
MORE: dict[str, Policy] = {"llm": Llm(), "rand-hlm:skip_probability=0.5": RandHlm(0.5)}
PLAN = Plan("random", PROMPTS, 10, (0, 1), Sampler(1.0, 0.9), Measure(20, 2.0), FEW, eos=None)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    return PairSource(*save_random_pair(tmp_path_factory.mktemp("pair")))


@pytest.fixture(scope="module")
def pair(source: PairSource) -> Pair:
    return source.load()


@pytest.fixture
def make(pair: Pair, tmp_path: Path) -> Callable[..., Path]:
    def recorded(name: str, plan: Plan = PLAN, *, extending: bool = False) -> Path:
        record(pair, plan, tmp_path / name, lambda *_: None, extending=extending)
        return tmp_path / name

    return recorded


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def replayed(folder: Path, policies: dict[str, Policy]) -> list[Rounds]:
    trace = Trace.open(folder)
    groups = [(p, s) for p in trace.prompts for s in trace.manifest.token_seeds]
    forest = trace.forest(groups)
    draws = token_draws(groups, trace.manifest.num_tokens, 20)
    return walk(
        forest, forest.roots, list(policies.values()), draws, trace.manifest.num_tokens, Measure(20, 2.0)
    )


def test_recording_twice_gives_the_same_bytes(make: Callable[..., Path]) -> None:
    assert files(make("first")) == files(make("second"))


@pytest.mark.parametrize("workers", [2, 3])
def test_passes_side_by_side_write_the_bytes_of_one(
    make: Callable[..., Path], pair: Pair, tmp_path: Path, workers: int
) -> None:
    record(pair, replace(PLAN, batch=4), tmp_path / "many", lambda _: None, workers=workers)
    assert files(tmp_path / "many") == files(make("one", replace(PLAN, batch=4)))


def test_the_batch_does_not_change_what_is_recorded(make: Callable[..., Path]) -> None:
    """Not of the format, but of this machine's arithmetic: what makes rows of any pass alike."""
    one, other = (Trace.open(make(str(batch), replace(PLAN, batch=batch))) for batch in (4, 32))
    for group in ((0, 0), (2, 1)):
        tables = [own.forest([group]).table for own in (one, other)]
        np.testing.assert_array_equal(tables[0].token, tables[1].token)
        np.testing.assert_allclose(tables[0].llm_unit, tables[1].llm_unit, rtol=1e-5)


def test_every_recorded_policy_replays_on_the_tree(make: Callable[..., Path]) -> None:
    rounds = replayed(make("trace", replace(PLAN, policies=FEW | MORE)), FEW | MORE)
    assert all(own.on_tree.all() and (own.length == 10).all() for own in rounds)
    # The paths differ, or the check above would say nothing about branches.
    assert (rounds[0].token != rounds[1].token).any()


@pytest.mark.parametrize("done", [1, 4])
def test_an_interrupted_recording_goes_on(
    make: Callable[..., Path], pair: Pair, tmp_path: Path, done: int
) -> None:
    def interrupt(state: Done) -> None:
        if state.groups == done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(pair, PLAN, tmp_path / "cut", interrupt)
    (tmp_path / "cut" / "p00002-s00000-2.safetensors.123.partial").write_bytes(b"half")
    assert len(read_manifest(tmp_path / "cut").shards) == done
    assert files(make("cut")) == files(make("whole"))


def test_an_extension_by_seeds_and_prompts_equals_one_recording(make: Callable[..., Path]) -> None:
    make("grown", replace(PLAN, prompts=PROMPTS[:2]))
    plan = replace(PLAN, token_seeds=(0, 1, 2, 3))
    assert files(make("grown", plan, extending=True)) == files(make("whole", plan))


@pytest.mark.parametrize("batch", [4, 32])
def test_an_extension_by_policies_equals_one_recording(make: Callable[..., Path], batch: int) -> None:
    """Also where prompts and seeds come at the same time, and the tree grows in another order."""
    policies = MORE | FEW
    make("grown", replace(PLAN, prompts=PROMPTS[:2], token_seeds=(0,), batch=batch))
    make("grown", replace(PLAN, policies=policies, batch=batch), extending=True)
    grown = files(make("grown", replace(PLAN, policies=policies, batch=batch), extending=True))
    assert grown == files(make("whole", replace(PLAN, policies=policies, batch=batch)))


def test_a_new_branch_is_what_the_models_say_of_its_prefix(make: Callable[..., Path], pair: Pair) -> None:
    """A branch added later, after a pass over its whole prefix, against a plain forward pass without a cache."""
    extended = make("trace")
    policies = FEW | MORE
    make("trace", replace(PLAN, policies=policies), extending=True)
    table = Trace.open(extended).forest([(0, 0)]).table
    node, path = table.num_nodes - 1, list[int]()
    at = node
    while table.parent[at] >= 0:
        path.insert(0, int(table.token[at]))
        at = int(table.parent[at])
    entries = slice(table.offsets[node], table.offsets[node + 1])
    for model, stored in ((pair.slm, table.slm_logit), (pair.llm, table.llm_logit)):
        with torch.inference_mode():
            logits = model(torch.tensor([[*PROMPTS[0].tokens, *path]])).logits[0, -1].numpy()
        # Stored as float16: eleven bits, of logits that lie within 16 of the maximum.
        expected = (logits - logits.max())[table.ids[entries]]
        np.testing.assert_allclose(stored[entries], expected, atol=16 * 2.0**-11)


def test_an_extension_in_progress_leaves_the_trace_as_it_was(
    make: Callable[..., Path], pair: Pair, tmp_path: Path
) -> None:
    before = files(make("trace"))

    def interrupt(_: Done) -> None:
        raise KeyboardInterrupt

    plan = replace(PLAN, policies=FEW | MORE)
    with pytest.raises(KeyboardInterrupt):
        record(pair, plan, tmp_path / "trace", interrupt, extending=True)
    during = files(tmp_path / "trace")
    assert EXTENSION in during
    assert {name: during[name] for name in before} == before
    assert Trace.open(tmp_path / "trace").is_complete
    make("other")
    make("other", plan, extending=True)
    assert files(make("trace", plan, extending=True)) == files(tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"num_tokens": 9}, "differs in num_tokens"),
        ({"sampler": Sampler(0.5, 0.9)}, "differs in sampler"),
        ({"token_seeds": (0,)}, "recorded token seeds again: 1"),
        ({"policies": {"hlm": Hlm()}}, "recorded policies again: u-hlm:threshold=0.9"),
        ({"prompts": PROMPTS[1:]}, "must begin with the 3 prompts"),
    ],
)
def test_an_extension_only_adds(make: Callable[..., Path], change: dict[str, object], fault: str) -> None:
    before = files(make("trace"))
    with pytest.raises(TraceError, match=fault):
        make("trace", replace(PLAN, **change), extending=True)  # type: ignore[arg-type]
    assert files(make("trace")) == before


def test_another_recording_is_refused(make: Callable[..., Path]) -> None:
    make("trace")
    with pytest.raises(TraceError, match="differs in token_seeds; --extend adds to it"):
        make("trace", replace(PLAN, token_seeds=(0, 1, 2)))


def test_a_full_disk_is_one_line_and_keeps_what_was_complete(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "trace"
    folder.mkdir()
    # The device that is always full stands in for the file of the last prompt's first group.
    (folder / f"p00002-s00000-2.safetensors.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(
        RecordingStopped,
        match=r"^[^\n]*No space left on device; 4 of 6 groups are kept, 2 prompts are[^\n]*$",
    ):
        make("trace")
    assert Trace.open(folder).prompts == [0, 1]
    assert all(own.on_tree.all() for own in replayed(folder, FEW))
    assert files(make("trace")) == files(make("whole"))


def test_teacher_forcing_follows_the_text(make: Callable[..., Path], pair: Pair) -> None:
    text = (250, 1, 2, 3, 250)
    plan = replace(
        PLAN,
        prompts=tuple(prompt.model_copy(update={"continuation": text}) for prompt in PROMPTS),
        policies={},
        token_seeds=(0,),
        sampler=Sampler(1.0, 0.05),
    )
    trace = Trace.open(make("forced", plan))
    assert trace.manifest.teacher_forced
    table = trace.forest([(1, 0)]).table
    assert table.parent.tolist() == [-1, 0, 1, 2, 3]
    assert table.token.tolist() == [-1, *text[:-1]]
    with torch.inference_mode():
        logits = pair.llm(torch.tensor([[*PROMPTS[1].tokens, *text]])).logits[0]
    expected = torch.log_softmax(logits, -1)
    for node, token in enumerate(text):
        entries = slice(table.offsets[node], table.offsets[node + 1])
        # Stored although a nucleus of 0.05 holds few of the 300 tokens.
        own = table.llm_logit[entries][table.ids[entries] == token]
        assert len(own) == 1
        recorded = own[0] - table.llm_unit[node]
        assert recorded == pytest.approx(float(expected[2 + node, token]), abs=16 * 2.0**-11)


def test_a_prompt_too_long_for_the_models_is_named(make: Callable[..., Path]) -> None:
    long = Prompt(id="long one", tokens=tuple(range(190)))
    with pytest.raises(TraceError, match="prompt 'long one' and 10 tokens take 200 positions"):
        make("trace", replace(PLAN, prompts=(*PROMPTS, long)))


def test_an_end_of_sequence_ends_the_paths(make: Callable[..., Path]) -> None:
    whole = Trace.open(make("free")).forest([(0, 0)]).table
    third = int(replayed(make("free"), FEW)[0].token[0, 2])
    cut = Trace.open(make("trace", replace(PLAN, eos=(third,)))).forest([(0, 0)]).table
    assert whole.num_nodes > cut.num_nodes
    assert third not in cut.token


def test_replay_follows_the_text_of_a_teacher_forced_trace(make: Callable[..., Path]) -> None:
    texts = (250, 1, 2, 3, 250, 77), (9, 8, 7)
    prompts = tuple(p.model_copy(update={"continuation": t}) for p, t in zip(PROMPTS, texts, strict=False))
    plan = replace(PLAN, prompts=prompts, policies={}, token_seeds=(0,))
    rounds = Decider(Trace.open(make("forced", plan)), Measure(20, 2.0), 10).rounds(Hlm(), 0)
    assert rounds.length.tolist() == [6, 3]
    assert rounds.node.tolist()[0][:6] == [0, 1, 2, 3, 4, 5]
    assert rounds.node.tolist()[1][:3] == [6, 7, 8]
    assert not rounds.on_tree[0, 5]
