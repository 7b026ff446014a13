"""How like texts are: a table of similarities beside a trace, from which rows of results take their columns.

Computing a similarity needs a tokenizer and perhaps a sentence encoder; a simulation needs neither. So ``netsim score``
computes each pair of texts once and stores it in `FILE`, and a row looks its texts up. A text is known by the digest of
its token ids, a reference by that of its characters: nothing in the table depends on policies, and it stays right when
the trace is extended or calibrated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

FILE = "scores.parquet"
VERSION = 1
#: SimilarityTable that a table may have: ROUGE-L's F1, and the cosine of sentence embeddings.
MEASURES = ("rouge_l", "cosine")
_KEYS = ["output", "against"]

FloatArray = npt.NDArray[np.float64]


def output_digest(tokens: npt.ArrayLike) -> str:
    """Digest of an output: [num_tokens], token ids."""
    return hashlib.sha256(np.asarray(tokens, dtype="<i8").tobytes()).hexdigest()[:16]


def text_digest(text: str) -> str:
    """Digest of a reference, apart from those of outputs."""
    return hashlib.sha256(b"text " + text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class SimilarityTable:
    """SimilarityTable of pairs of texts.

    Attributes
    ----------
    tokenizer : str
        Digest of the tokenizer that made texts of tokens, as the trace's manifest has it.
    encoder : str
        Name and digest of the sentence encoder; empty without one.
    table : DataFrame
        ``output`` and ``against`` (digests), and those of `MEASURES` that were computed, NaN where one is undefined.
    """

    tokenizer: str
    encoder: str
    table: pd.DataFrame

    @property
    def measures(self) -> list[str]:
        """The measures that the table has."""
        return [name for name in MEASURES if name in self.table]

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], FloatArray]:
        pairs = zip(self.table["output"], self.table["against"], strict=True)
        return dict(zip(pairs, self.table[self.measures].to_numpy(np.float64), strict=True))

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
    references : sequence of str
        Digest of each complete prompt's reference; empty without one.
    llm : mapping of token seed to sequence of str
        Digest of the ``llm`` policy's output for each complete prompt.
    """

    references: Sequence[str]
    llm: Mapping[int, Sequence[str]]

    @classmethod
    def of(cls, trace: Trace, llm_rounds: Mapping[int, Rounds]) -> Counterparts:
        """Those of a trace, given the rounds of ``llm`` under every recorded token seed."""
        texts = [trace.prompt(number).reference for number in trace.prompts]
        outputs = {seed: output_digests(rounds) for seed, rounds in llm_rounds.items()}
        return cls([text_digest(text) if text else "" for text in texts], outputs)

    def against_llm(self, prompt: int, token_seed: int) -> list[str]:
        """Outputs of ``llm`` to which one of a token seed is compared: those of the other token seeds.

        An output of ``llm`` itself is then compared with others drawn from the same distribution, not with itself,
        and so are those of ``hlm``, which has that distribution: both have the same similarity in the mean, the most
        that sampling allows.

        Parameters
        ----------
        prompt : int
            Its place among the complete prompts.
        """
        return [outputs[prompt] for seed, outputs in self.llm.items() if seed != token_seed]


def output_digests(rounds: Rounds) -> list[str]:
    """Digest of each prompt's output; empty where it was not recorded in full."""
    recorded = np.asarray((rounds.on_tree | ~rounds.valid).all(axis=1))
    outputs = zip(rounds.token, rounds.length, recorded, strict=True)
    return [output_digest(tokens[:length]) if exact else "" for tokens, length, exact in outputs]


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
    to_reference = [
        similarities.of(output, [reference] if reference else [])
        for output, reference in zip(outputs, counterparts.references, strict=True)
    ]
    to_llm = [
        similarities.of(output, counterparts.against_llm(place, token_seed))
        for place, output in enumerate(outputs)
    ]
    columns = {}
    for suffix, values in (("", to_reference), ("_llm", to_llm)):
        for name, column in zip(similarities.measures, np.array(values).T, strict=True):
            columns[f"{name}{suffix}"] = column
    return columns


def write_similarities(similarities: SimilarityTable, folder: Path) -> Path:
    """Write the table beside a trace; what is there is replaced in one step."""
    facts = {"version": VERSION, "tokenizer": similarities.tokenizer, "encoder": similarities.encoder}
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
    except (OSError, ValueError, KeyError) as error:
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
    return SimilarityTable(str(facts["tokenizer"]), str(facts.get("encoder", "")), frame)
