"""How similar texts are: a table beside a trace, from which rows of results take their columns.

Computing a similarity needs a tokenizer and perhaps a sentence encoder; a simulation needs neither. So ``netsim score``
computes each pair of texts once and stores it in `FILE`, and a row looks its texts up. A text is known by the digest of
its token ids, a reference by that of its characters: nothing in the table depends on policies, and it stays right when
the trace is extended or calibrated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from cachetools import LRUCache, cachedmethod

from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

FILE = "scores.parquet"
VERSION = 1
#: Similarities that a table may have: ROUGE-L's F1, and the cosine of sentence embeddings.
MEASURES = ("rouge_l", "cosine")
#: What outputs are compared with, by the suffix of the column: the reference, and what ``llm`` wrote.
SUFFIXES = ("", "_llm")
#: Outputs whose similarities are kept.
MOST_KNOWN = 2**16
_KEYS = ["output", "against"]

FloatArray = npt.NDArray[np.float64]


def output_digest(tokens: npt.ArrayLike) -> str:
    """Digest of an output: [num_tokens], token ids."""
    return hashlib.sha256(np.asarray(tokens, dtype="<i8").tobytes()).hexdigest()[:16]


def text_digest(text: str) -> str:
    """Digest of a reference, apart from those of outputs."""
    return hashlib.sha256(b"text " + text.encode()).hexdigest()[:16]


def output_digests(rounds: Rounds) -> list[str]:
    """Digest of each prompt's output; empty where it was not recorded in full."""
    recorded = np.asarray((rounds.on_tree | ~rounds.valid).all(axis=1))
    outputs = zip(rounds.token, rounds.length, recorded, strict=True)
    return [output_digest(tokens[:length]) if exact else "" for tokens, length, exact in outputs]


@dataclass(frozen=True)
class SimilarityTable:
    """Similarities of pairs of texts.

    Attributes
    ----------
    tokenizer : str
        Digest of the tokenizer that made texts of tokens, as the trace's manifest has it.
    encoder : str
        Name and digest of the sentence encoder; empty without one.
    llm : mapping of token seed to mapping of prompt to str
        Digest of what ``llm`` wrote, by the prompts' numbers.
    table : DataFrame
        ``output`` and ``against`` (digests), and those of `MEASURES` that were computed, NaN where one is undefined.
    """

    tokenizer: str
    encoder: str
    llm: Mapping[int, Mapping[int, str]]
    table: pd.DataFrame

    @property
    def measures(self) -> list[str]:
        """The measures that the table has."""
        return [name for name in MEASURES if name in self.table]

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], FloatArray]:
        pairs = zip(self.table["output"], self.table["against"], strict=True)
        return dict(zip(pairs, self.table[self.measures].to_numpy(np.float64), strict=True))

    def has(self, output: str, against: Sequence[str]) -> bool:
        """Whether an output was compared with all of some texts."""
        return all((output, other) in self._values for other in against)

    def of(self, output: str, against: Sequence[str]) -> FloatArray:
        """Mean similarity of an output to some texts: [num_measures], float; NaN if one is not in the table."""
        unknown = np.full(len(self.measures), np.nan)
        found = [self._values.get((output, other), unknown) for other in against]
        return np.mean(found, axis=0) if found else unknown


@dataclass(frozen=True)
class Counterparts:
    """What the outputs of a trace are compared with.

    Attributes
    ----------
    prompts : sequence of int
        Numbers of the complete prompts.
    references : sequence of str
        Digest of each one's reference; empty without one.
    llm : mapping of token seed to mapping of prompt to str
        Digest of the ``llm`` policy's output, where it was recorded in full.
    """

    prompts: Sequence[int]
    references: Sequence[str]
    llm: Mapping[int, Mapping[int, str]]

    @classmethod
    def of(cls, trace: Trace, llm: Mapping[int, Mapping[int, str]]) -> Counterparts:
        """Those of a trace, given what ``llm`` wrote."""
        texts = [trace.prompt(number).reference for number in trace.prompts]
        return cls(trace.prompts, [text_digest(text) if text else "" for text in texts], llm)

    def against(self, place: int, token_seed: int) -> dict[str, list[str]]:
        """What the output of one prompt is compared with.

        An output of ``llm`` is compared with those of the other token seeds, drawn from the same distribution, not
        with itself, and so are those of every policy. So ``hlm``, which has the LLM's distribution, has the same
        similarity as ``llm`` in the mean, the most that sampling allows.

        Parameters
        ----------
        place : int
            Of the prompt, among the complete ones.
        token_seed : int
            Under which the output was drawn.

        Returns
        -------
        dict of each of `SUFFIXES` to list of digest
        """
        reference, prompt = self.references[place], self.prompts[place]
        others = [own[prompt] for seed, own in self.llm.items() if seed != token_seed and prompt in own]
        return {"": [reference] if reference else [], "_llm": others}


def similarity_columns(
    similarities: SimilarityTable, counterparts: Counterparts, outputs: Sequence[str], token_seed: int
) -> dict[str, FloatArray]:
    """Similarity of each prompt's output to its reference and to the LLM's outputs.

    Parameters
    ----------
    outputs : sequence of str
        As `output_digests` gives them.
    token_seed : int
        Under which they were drawn.

    Returns
    -------
    dict of column to [num_prompts], float
        ``rouge_l`` and ``cosine`` to the reference, ``rouge_l_llm`` and ``cosine_llm`` to what ``llm`` wrote under the
        other token seeds. NaN where the output is not in the table.
    """
    rows = [
        np.concatenate(
            [similarities.of(output, counterparts.against(place, token_seed)[s]) for s in SUFFIXES]
        )
        for place, output in enumerate(outputs)
    ]
    names = [f"{name}{suffix}" for suffix in SUFFIXES for name in similarities.measures]
    return dict(zip(names, np.array(rows).T, strict=True))


@dataclass(frozen=True)
class StoredSimilarities:
    """The table beside a trace, from which rows take their columns.

    Attributes
    ----------
    digest : str. SHA-256 of the file: rows depend on it.
    """

    table: SimilarityTable
    counterparts: Counterparts
    digest: str
    _known: LRUCache[tuple[int, int, str], dict[str, float]] = field(
        default_factory=partial(LRUCache, MOST_KNOWN), repr=False, compare=False
    )

    @classmethod
    def of(cls, trace: Trace) -> StoredSimilarities | None:
        """Those of a trace; None if there are none. Raises as `read_similarities` does."""
        table = read_similarities(trace)
        if table is None:
            return None
        digest = hashlib.sha256((trace.folder / FILE).read_bytes()).hexdigest()
        return cls(table, Counterparts.of(trace, table.llm), digest)

    def means(self, rounds: Rounds, token_seed: int) -> dict[str, float]:
        """Similarities of the outputs of all complete prompts, each the mean over prompts.

        Returns
        -------
        dict of column to float
            As `similarity_columns` names them; without those for which an output is not recorded in full or was not
            compared. Prompts for which a similarity is undefined (no reference) are left out of its mean.
        """
        outputs = output_digests(rounds)
        rows = [self._of_prompt(place, token_seed, output) for place, output in enumerate(outputs)]
        means = {}
        for suffix in SUFFIXES:
            for name in (f"{measure}{suffix}" for measure in self.table.measures):
                found = [row[name] for row in rows if name in row]
                defined = [value for value in found if value == value]  # noqa: PLR0124  (NaN)
                if len(found) == len(rows) and defined:
                    means[name] = float(np.mean(defined))
        return means

    @cachedmethod(lambda self: self._known)
    def _of_prompt(self, place: int, token_seed: int, output: str) -> dict[str, float]:
        """Similarities of one output, NaN where there is nothing to compare it with; without what is not known."""
        row: dict[str, float] = {}
        for suffix, others in self.counterparts.against(place, token_seed).items():
            if self.table.has(output, others):
                values = self.table.of(output, others).tolist()
                names = [f"{name}{suffix}" for name in self.table.measures]
                row |= dict(zip(names, values, strict=True))
        return row


def write_similarities(similarities: SimilarityTable, folder: Path) -> Path:
    """Write the table beside a trace; what is there is replaced in one step."""
    facts = {
        "version": VERSION,
        "tokenizer": similarities.tokenizer,
        "encoder": similarities.encoder,
        "llm": similarities.llm,
    }
    ordered = similarities.table.sort_values(_KEYS, ignore_index=True)
    table = pa.Table.from_pandas(ordered, preserve_index=False).replace_schema_metadata(
        {"netsim": json.dumps(facts)}
    )
    path, partial = folder / FILE, folder / f"{FILE}.partial"
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)
    return path


def read_similarities(trace: Trace) -> SimilarityTable | None:
    """The table beside a trace; None if there is none.

    Raises
    ------
    TraceError
        If it is damaged, of another version, or was made with another tokenizer than the trace.
    """
    path = trace.folder / FILE
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        facts = json.loads((table.schema.metadata or {})[b"netsim"])
        llm = {
            int(seed): {int(prompt): str(digest) for prompt, digest in own.items()}
            for seed, own in facts["llm"].items()
        }
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise TraceError(f"{path}: damaged, or not a table of scores: {error}") from None
    if facts.get("version") != VERSION:
        raise TraceError(
            f"{path}: version {facts.get('version')!r}, this netsim reads {VERSION}: score again"
        )
    if facts.get("tokenizer") != trace.manifest.tokenizer:
        raise TraceError(f"{path}: made with another tokenizer than the trace's: score again")
    frame = table.to_pandas()
    if not set(_KEYS) <= set(frame) or not set(frame) <= {*_KEYS, *MEASURES}:
        raise TraceError(f"{path}: not a table of scores: its columns are {', '.join(frame)}")
    return SimilarityTable(str(facts["tokenizer"]), str(facts.get("encoder", "")), llm, frame)
