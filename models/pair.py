"""A pair of causal language models that share a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models.sources import (
    PairError,
    check_device,
    load_model,
    load_tokenizer,
    logits_width,
    max_positions,
    stop_tokens,
)
from models.vocabulary import tokenizer_difference

__all__ = ["BUILT_IN", "Pair", "PairError", "PairSource", "load_pair", "load_tokenizer", "pair_folders"]

#: Folders of the pairs that ship with the project.
BUILT_IN = Path(__file__).parent


@dataclass(frozen=True)
class Pair:
    """A small and a large model with their common tokenizer.

    Attributes
    ----------
    slm, llm : PreTrainedModel
        In evaluation mode, on one device, without gradients.
    tokenizer : PreTrainedTokenizerBase
        The large model's, equal to the small one's but for ids that only one of them has.
    vocabulary_size : int
        Ids that both models know, padding included; logits beyond are masked.
    max_positions : int
        The longest prefix that both models take.
    stops : tuple of int
        Tokens at which the large model's ``generate`` stops; empty if there are none.
    """

    slm: PreTrainedModel
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    vocabulary_size: int
    max_positions: int
    stops: tuple[int, ...] = ()

    def stops_for(self, eos: str) -> tuple[int, ...] | None:
        """Tokens that end a prompt; None where ``eos`` is 'ignore'.

        Raises
        ------
        PairError
            If there are none.
        """
        if eos == "ignore":
            return None
        if not self.stops:
            raise PairError("neither model nor tokenizer names a token that ends a text: use --eos ignore")
        return self.stops


@dataclass(frozen=True)
class PairSource:
    """How to load a pair: arguments of `load_pair`, and the processor threads of one forward pass."""

    slm: str | Path
    llm: str | Path
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1

    def load(self) -> Pair:
        """Load the pair and set the number of threads: bytes of a recording depend on it."""
        torch.set_num_threads(self.threads)
        return load_pair(self.slm, self.llm, self.dtype, self.device)


def pair_folders(name: str) -> tuple[Path, Path]:
    """Folders of both models of a pair that ships with the project.

    Raises
    ------
    PairError
        If there is no such pair.
    """
    slm, llm = BUILT_IN / name / "slm", BUILT_IN / name / "llm"
    for folder in (slm, llm):
        if not (folder / "config.json").is_file():
            raise PairError(f"pair {name!r}: there is no model in {folder}")
    return slm, llm


def load_pair(slm: str | Path, llm: str | Path, dtype: str = "float32", device: str = "cpu") -> Pair:
    """Load two causal models and check that they share a tokenizer.

    Parameters
    ----------
    slm, llm, dtype, device :
        As in `models.sources.load_model`.

    Raises
    ------
    PairError
        If a model can't be loaded, or the tokenizers differ.
    """
    check_device(device)
    # The tokenizers first: a mismatch is then found before gigabytes are read.
    tokenizers = [load_tokenizer(source) for source in (slm, llm)]
    difference = tokenizer_difference(*tokenizers)
    if difference:
        raise PairError(f"{slm} and {llm} don't share a tokenizer: {difference}")
    models = [load_model(source, dtype, device) for source in (slm, llm)]
    shared = min(logits_width(model) for model in models)
    tokens = min(max(tokenizer.get_vocab().values()) + 1 for tokenizer in tokenizers)
    if tokens > shared:
        narrow = min(zip(models, (slm, llm), strict=True), key=lambda own: logits_width(own[0]))[1]
        raise PairError(
            f"{narrow}: the tokenizer has ids up to {tokens - 1}, the logits only {shared} entries"
        )
    stops = tuple(stop for stop in stop_tokens(models[1], tokenizers[1]) if stop < shared)
    positions = min(max_positions(model) for model in models)
    return Pair(models[0], models[1], tokenizers[1], shared, positions, stops)
