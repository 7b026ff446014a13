"""How similar texts are: a table beside a trace, from which rows of results take their columns.

Computing a similarity needs a tokenizer and perhaps a sentence encoder; a simulation needs neither. So ``netsim score``
computes each pair of texts once and stores it beside the trace, and a row looks its texts up. A text is known by the digest of
its token ids, a reference by that of its characters: nothing in the table depends on policies, and it stays right when
the trace is extended or calibrated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

if TYPE_CHECKING:
    import pandas as pd

#: Similarities that a table may have: ROUGE-L's F1, and the cosine of sentence embeddings.
MEASURES = ("rouge_l", "cosine")
#: What outputs are compared with, by the suffix of the column: the reference, and what ``llm`` wrote.
SUFFIXES = ("", "_llm")
KEYS = ["output", "against"]

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
    columns : mapping of str to [num_pairs]
        ``output`` and ``against`` (digests), and those of `MEASURES` that were computed, NaN where one is undefined.
    """

    tokenizer: str
    encoder: str
    llm: Mapping[int, Mapping[int, str]]
    columns: Mapping[str, npt.NDArray[Any]]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The columns as a table."""
        import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

        return pd.DataFrame(dict(self.columns))

    @property
    def measures(self) -> list[str]:
        """The measures that the table has."""
        return [name for name in MEASURES if name in self.columns]

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], FloatArray]:
        pairs = zip(self.columns["output"], self.columns["against"], strict=True)
        values = np.stack([np.asarray(self.columns[name], np.float64) for name in self.measures], axis=1)
        return dict(zip(pairs, values, strict=True))

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
