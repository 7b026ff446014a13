"""A small recording without torch: the real walk over two models that are tables of random logits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.deciding.policies import Hlm, Llm, UHlm
from traces.format.forest import Forest
from traces.format.manifest import (
    Manifest,
    MeasureSpec,
    ModelSpec,
    Prompt,
    SamplerSpec,
    ScoreSpec,
    write_manifest,
)
from traces.format.nodes import NodeTable, Sampler, compress
from traces.format.shards import write_shard
from traces.format.trace import Trace
from traces.speculative.draws import TokenDraws, token_draws
from traces.speculative.walk import Measure, Policy, walk
from traces.uncertainty import theta_rule

SAMPLES, THETA_MAX, THETA_POINTS = 20, 2.0, 32
NO_DIGEST = "0" * 64
SCORES = 5
"""The score of a prefix is its last token modulo this."""


class TablePair:
    """Two models whose logits depend on the last token alone; the LLM's are the SLM's, sharpened and stirred."""

    def __init__(self, vocabulary_size: int, seed: int, *, spread: float = 2.0, stir: float = 1.0) -> None:
        self.scored = False
        rng = np.random.default_rng(seed)
        shape = vocabulary_size, vocabulary_size
        self.slm = (spread * rng.standard_normal(shape)).astype(np.float32)
        self.llm = (1.5 * self.slm + stir * rng.standard_normal(shape)).astype(np.float32)
        self.theta, _ = theta_rule(THETA_MAX, THETA_POINTS)

    def nodes(
        self, parents: NDArray[np.int64], tokens: NDArray[np.int64], last: object, sampler: Sampler
    ) -> NodeTable:
        rows = np.asarray(last)
        stored = parents.astype(np.int32), tokens.astype(np.int32)
        score = (rows % SCORES).astype(np.float32) if self.scored else None
        return compress(self.slm[rows], self.llm[rows], *stored, sampler, self.theta, score=score)

    def root(self, last: int, sampler: Sampler) -> NodeTable:
        nowhere = np.array([-1])
        return self.nodes(nowhere, nowhere, [last], sampler)


def all_counts() -> dict[str, Policy]:
    """hlm, llm, and u-hlm at every count of disagreement, as the built-in trace records them."""
    counts = {f"u-hlm:threshold={count / SAMPLES:g}": UHlm(count / SAMPLES) for count in range(SAMPLES + 1)}
    return {"hlm": Hlm(), "llm": Llm(), **counts}


def make_trace(
    folder: Path,
    *,
    prompts: int = 2,
    token_seeds: Sequence[int] = (0, 1),
    num_tokens: int = 8,
    vocabulary_size: int = 16,
    top_p: float = 1.0,
    temperature: float = 1.0,
    seed: int = 0,
    policies: dict[str, Policy] | None = None,
    eos: int | None = None,
    scored: bool = False,
) -> Trace:
    """Record a trace of table models into ``folder``, with a latency profile of 20 and 50 ms a pass."""
    folder.mkdir(parents=True, exist_ok=True)
    pair, sampler = TablePair(vocabulary_size, seed), Sampler(temperature, top_p)
    pair.scored = scored
    policies = all_counts() if policies is None else policies
    rng = np.random.default_rng([seed, 1])
    texts = [tuple(rng.integers(0, vocabulary_size, 3 + number).tolist()) for number in range(prompts)]
    shards = []
    for prompt, tokens in enumerate(texts):
        for token_seed in token_seeds:
            forest = Forest([pair.root(tokens[-1], sampler)], sampler, vocabulary_size)
            draws = token_draws([(prompt, token_seed)], num_tokens, SAMPLES)
            _grow(forest, pair, list(policies.values()), draws, num_tokens, eos)
            shards.append(write_shard(folder, prompt, token_seed, forest.table, vocabulary_size))
    model = ModelSpec(name="table", parameters=vocabulary_size**2, digest=NO_DIGEST)
    manifest = Manifest(
        name=folder.name,
        slm=model,
        llm=model,
        tokenizer=NO_DIGEST,
        vocabulary_size=vocabulary_size,
        eos=eos,
        sampler=SamplerSpec(temperature=temperature, top_p=top_p),
        measure=MeasureSpec(samples=SAMPLES, theta_max=THETA_MAX, theta_points=THETA_POINTS),
        num_tokens=num_tokens,
        token_seeds=tuple(token_seeds),
        policies=tuple(policies),
        batch=len(policies),
        prompts=tuple(Prompt(id=str(number), tokens=tokens) for number, tokens in enumerate(texts)),
        hardware={},
        versions={},
        shards=tuple(shards),
        score=ScoreSpec(function="table:score", digest=NO_DIGEST) if scored else None,
    )
    write_manifest(folder, manifest)
    (folder / "latency.json").write_text(json.dumps(_latency()))
    return Trace.open(folder)


def _grow(
    forest: Forest,
    pair: TablePair,
    policies: list[Policy],
    draws: TokenDraws,
    num_tokens: int,
    eos: int | None,
) -> None:
    """Walk the policies over a tree that grows where they need it."""

    def expand(parents: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.int64]:
        return forest.append(pair.nodes(parents, new, new, forest.sampler))

    measure = Measure(SAMPLES, THETA_MAX)
    walk(forest, forest.roots, policies, draws, num_tokens, measure, eos=eos, expand=expand)


def _latency() -> dict[str, object]:
    return {"format": "netsim-latency-pair", "version": 1, "slm": _profile(0.02), "llm": _profile(0.05)}


def _profile(seconds: float) -> dict[str, object]:
    """A profile whose pass takes ``seconds``, and a hundredth more for every further position."""
    contexts, positions = [0, 4096], [1, 4097]
    cells = [[[seconds * (1 + (count - 1) / 100)] for count in positions] for _ in contexts]
    return {
        "format": "netsim-latency",
        "version": 1,
        "model": "table",
        "parameters": 1,
        "dtype": "float32",
        "device": "cpu",
        "hardware": "none",
        "threads": 1,
        "versions": {},
        "contexts": contexts,
        "positions": positions,
        "batches": [1],
        "median_s": cells,
        "quartiles_s": [[[[value, value] for value in cell] for cell in row] for row in cells],
        "repeats": 1,
    }
