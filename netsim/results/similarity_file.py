"""The table of similarities as a file beside a trace, and what rows of results take from it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from netsim.results.similarity import KEYS, MEASURES, SUFFIXES, Counterparts, SimilarityTable, output_digests
from traces.format.manifest import TraceError
from traces.format.sealed import DIGEST, canonical, read_regular
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "scores.parquet"
#: Since 2 the file carries the digest of its content.
VERSION = 2
#: Outputs whose similarities are kept.
MOST_KNOWN = 2**16


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
    import pyarrow as pa  # noqa: PLC0415  (most traces have no such file)
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    facts = {
        "version": VERSION,
        "tokenizer": similarities.tokenizer,
        "encoder": similarities.encoder,
        # Keys of JSON are text.
        "llm": {
            str(seed): {str(n): own for n, own in texts.items()} for seed, texts in similarities.llm.items()
        },
    }
    ordered = similarities.table.sort_values(KEYS, ignore_index=True)
    sealed = {
        **facts,
        DIGEST: _digest(facts, {str(name): values.to_numpy() for name, values in ordered.items()}),
    }
    table = pa.Table.from_pandas(ordered, preserve_index=False).replace_schema_metadata(
        {"netsim": json.dumps(sealed)}
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
        If it is damaged (its digest says so), of another version, or was made with another tokenizer than the trace.
    """
    path = trace.folder / FILE
    if not path.exists():
        return None
    import pyarrow as pa  # noqa: PLC0415  (most traces have no such file)
    import pyarrow.parquet as pq  # noqa: PLC0415  (as above)

    try:
        table = pq.ParquetFile(io.BytesIO(read_regular(path))).read()
        facts = json.loads((table.schema.metadata or {})[b"netsim"])
        columns = _columns(table)
        known = set(KEYS) <= set(columns) <= {*KEYS, *MEASURES}
        whole = known and facts.pop(DIGEST, None) == _digest(facts, columns)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, pa.ArrowException) as error:
        raise TraceError(f"{path}: damaged, or not a table of scores: {error}") from None
    if facts.get("version") != VERSION:
        raise TraceError(
            f"{path}: version {facts.get('version')!r}, this netsim reads {VERSION}: score again"
        )
    if not known:
        raise TraceError(f"{path}: not a table of scores: its columns are {', '.join(map(str, columns))}")
    if not whole:
        raise TraceError(f"{path}: damaged: its digest is not that of its content: score again")
    if facts["tokenizer"] != trace.manifest.tokenizer:
        raise TraceError(f"{path}: made with another tokenizer than the trace's: score again")
    llm = {
        int(seed): {int(prompt): str(digest) for prompt, digest in own.items()}
        for seed, own in facts["llm"].items()
    }
    return SimilarityTable(str(facts["tokenizer"]), str(facts["encoder"]), llm, columns)


def _columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    # By way of lists: Arrow's own arrays of numpy import pandas.
    return {
        name: np.array(table[name].to_pylist(), object if name in KEYS else np.float64)
        for name in table.column_names
    }


def _digest(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of what a table says, however Parquet puts it into bytes."""
    digest = hashlib.sha256(canonical([facts, list(columns)]).encode())
    for name, values in columns.items():
        content = "\n".join(values).encode() if name in KEYS else values.astype("<f8").tobytes()
        digest.update(content)
    return digest.hexdigest()
