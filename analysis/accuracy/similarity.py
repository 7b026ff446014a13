"""Compare texts: each pair of them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.accuracy.outputs import Outputs
from netsim.results.similarity import SimilarityTable, similarity_columns, text_digest
from traces.format.trace import Trace

#: Text of token ids.
Decode = Callable[[Sequence[int]], str]
#: Unit vectors of texts: [num_texts, dimension].
Embed = Callable[[Sequence[str]], NDArray[np.float64]]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Encoder:
    """A sentence encoder: its name, digest included, and what it does."""

    name: str
    embed: Embed


def compare_texts(
    trace: Trace,
    outputs: Outputs,
    decode: Decode,
    encoder: Encoder | None = None,
    known: SimilarityTable | None = None,
) -> SimilarityTable:
    """Similarity of every output to its prompt's reference and to what ``llm`` wrote.

    Parameters
    ----------
    encoder : Encoder, optional
        Without it there is no cosine.
    known : SimilarityTable, optional
        Pairs that were compared before; taken over where the encoder is the same.

    Returns
    -------
    SimilarityTable
        With ``rouge_l`` where the library for it is installed.
    """
    pairs = _pairs(outputs)
    name = encoder.name if encoder else ""
    kept = known.table if known is not None and known.encoder == name else pd.DataFrame()
    if len(kept):
        pairs -= set(zip(kept["output"], kept["against"], strict=True))
    new = _compared(sorted(pairs), _texts(trace, outputs, decode), encoder)
    table = pd.concat([kept, new], ignore_index=True) if len(kept) else new
    columns = {str(column): values.to_numpy() for column, values in table.items()}
    return SimilarityTable(trace.manifest.tokenizer, name, outputs.counterparts.llm, columns)


def with_similarity(outputs: Outputs, similarities: SimilarityTable) -> pd.DataFrame:
    """The table of outputs with a column for each similarity."""
    parts = []
    for _, own in outputs.table.groupby(["policy", "token_seed"], sort=False):
        token_seed = int(own["token_seed"].iloc[0])
        columns = similarity_columns(similarities, outputs.counterparts, list(own["output"]), token_seed)
        parts.append(own.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def _pairs(outputs: Outputs) -> set[Pair]:
    """Every output with all that it is compared with, by digests."""
    found = set()
    for _, own in outputs.table.groupby(["policy", "token_seed"]):
        token_seed = int(own["token_seed"].iloc[0])
        for place, output in enumerate(own["output"]):
            against = outputs.counterparts.against(place, token_seed).values()
            found |= {(output, other) for others in against for other in others if output}
    return found


def _texts(trace: Trace, outputs: Outputs, decode: Decode) -> dict[str, str]:
    references = (trace.prompt(number).reference for number in trace.prompts)
    written = {digest: decode(tokens) for digest, tokens in outputs.tokens.items()}
    return {**{text_digest(text): text for text in references if text}, **written}


def _compared(pairs: Sequence[Pair], texts: Mapping[str, str], encoder: Encoder | None) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["output", "against"], dtype="str")
    of = [texts[output] for output, _ in pairs]
    to = [texts[other] for _, other in pairs]
    rouge = _rouge_l(of, to)
    if rouge is not None:
        table["rouge_l"] = rouge
    if encoder is not None:
        distinct = sorted({*of, *to})
        places = {text: place for place, text in enumerate(distinct)}
        vectors = encoder.embed(distinct) if distinct else np.empty((0, 0))
        rows = [[places[text] for text in side] for side in (of, to)]
        table["cosine"] = np.einsum("ij,ij->i", vectors[rows[0]], vectors[rows[1]]) if pairs else []
    return table


def _rouge_l(texts: Sequence[str], references: Sequence[str]) -> NDArray[np.float64] | None:
    """ROUGE-L F1 (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004); None without its library.

    It counts words of Latin letters and digits: NaN where the reference has none.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - optional
        from rouge_score.tokenizers import DefaultTokenizer  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None
    tokenizer, scorer = DefaultTokenizer(), RougeScorer(["rougeL"])
    words = {reference: bool(tokenizer.tokenize(reference)) for reference in references}
    pairs = zip(references, texts, strict=True)
    return np.array(
        [
            scorer.score(reference, text)["rougeL"].fmeasure if words[reference] else np.nan
            for reference, text in pairs
        ]
    )
