"""Sentence embeddings, to compare texts by their meaning: any encoder in a folder, as sentence-transformers saves it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as library_log

from models.pair import PairError

BATCH = 32
#: Weights that the states of the last layer don't depend on, and a file may therefore lack.
_UNUSED = ("pooler.", "decoder.")
#: Suffixes of the files that an encoder is read from.
_READ = (".safetensors", ".json", ".txt", ".model")

Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def _max(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states.masked_fill(mask == 0, -torch.inf).amax(dim=1)


def _first(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.take_along_dim(states, mask.argmax(dim=1, keepdim=True), dim=1)[:, 0]


#: Pooling of token states [batch, tokens, dimension] under a mask [batch, tokens, 1], by its name in a pooling
#: module's ``config.json``.
POOLINGS: dict[str, Pool] = {
    "pooling_mode_mean_tokens": _mean,
    "pooling_mode_cls_token": _first,
    "pooling_mode_max_tokens": _max,
}
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Identity": lambda x: x,
    "Tanh": torch.tanh,
}


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder whose token states are pooled into one vector (Sentence-BERT, arXiv 1908.10084).

    Attributes
    ----------
    pool : callable
        Makes one vector of a text's states.
    heads : tuple of callable
        Dense layers behind it, in order.
    max_tokens : int
        Longer texts are cut.
    prefix : str
        Put before every text, where the folder names a default prompt.
    name : str
        Folder and digest: scores of two encoders are not mixed.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    pool: Pool
    heads: tuple[Callable[[torch.Tensor], torch.Tensor], ...]
    max_tokens: int
    prefix: str
    name: str

    @classmethod
    def load(cls, folder: Path) -> SentenceEncoder:
        """Load an encoder from a folder: safetensors only, nothing downloaded, no code of its own run.

        ``modules.json`` says how states are pooled; a folder without it holds a plain encoder, whose states are
        averaged.

        Raises
        ------
        PairError
            If there is none, or one that can't be computed as its authors mean it.
        """
        model, tokenizer = _load_transformer(folder)
        try:
            pool, heads = _modules(folder)
            limits = _json(folder / "sentence_bert_config.json")
            prompts = _json(folder / "config_sentence_transformers.json")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PairError(f"{folder}: not a sentence encoder: {error}") from error
        prefix = (prompts.get("prompts") or {}).get(prompts.get("default_prompt_name") or "", "")
        name = f"{folder.resolve().name}@{_digest(folder)}"
        return cls(model, tokenizer, pool, heads, _longest_input(model, tokenizer, limits), prefix, name)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Unit vectors of texts, cut to the encoder's longest input: [num_texts, dimension]."""
        order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))
        vectors: list[NDArray[np.float64]] = []
        for start in range(0, len(order), BATCH):
            vectors.extend(self._embed_batch([texts[index] for index in order[start : start + BATCH]]))
        result = np.empty((len(texts), len(vectors[0]) if vectors else 0))
        result[order] = vectors
        return result

    def _embed_batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        batch = self.tokenizer(
            [self.prefix + text for text in texts],
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        )
        mask = batch["attention_mask"][..., None]
        vectors = self.pool(self.model(**batch).last_hidden_state.float(), mask)
        for head in self.heads:
            vectors = head(vectors)
        return torch.nn.functional.normalize(vectors, dim=1).double().numpy()


def _load_transformer(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    library_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    # Missing weights are judged below; the library would report those of a decoder that is not used.
    verbosity = library_log.get_verbosity()
    library_log.set_verbosity(logging.ERROR)
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        loaded: Any = AutoModel.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        raise PairError(f"{folder}: not a sentence encoder: {str(error).splitlines()[0]}") from error
    finally:
        library_log.set_verbosity(verbosity)
    model, loading = loaded
    # The library draws weights that the file lacks at random.
    missing = [name for name in loading["missing_keys"] if not name.startswith(_UNUSED)]
    if missing:
        raise PairError(f"{folder}: the file lacks weights of the encoder, e.g. {min(missing)}")
    architecture = (model.config.architectures or [""])[0]
    if architecture.endswith("ForCausalLM") and not (folder / "modules.json").is_file():
        raise PairError(f"{folder}: {architecture} is a language model, not a sentence encoder")
    if hasattr(model, "decoder"):
        model = model.get_encoder()
    return model.eval().requires_grad_(False), tokenizer


def _modules(folder: Path) -> tuple[Pool, tuple[Callable[[torch.Tensor], torch.Tensor], ...]]:
    """Pooling and dense layers that ``modules.json`` names; without it the mean."""
    if not (folder / "modules.json").is_file():
        return _mean, ()
    pool: Pool = _mean
    heads = []
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    for module in modules:
        kind, place = str(module["type"]).rpartition(".")[2], folder / str(module["path"])
        if kind == "Pooling":
            pool = _pooling(place)
        elif kind == "Dense":
            heads.append(_dense(place))
        elif kind not in ("Transformer", "Normalize"):
            raise ValueError(
                f"its module {kind} is not known, allowed: Transformer, Pooling, Dense, Normalize"
            )
    return pool, tuple(heads)


def _pooling(folder: Path) -> Pool:
    """The pooling that a module's ``config.json`` switches on: one of ``POOLINGS``."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    modes = [name for name, value in settings.items() if name.startswith("pooling_mode") and value is True]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise ValueError(
            f"its pooling is {' and '.join(modes) or 'none'}, allowed: one of {', '.join(POOLINGS)}"
        )
    return POOLINGS[modes[0]]


def _dense(folder: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    activation = str(settings["activation_function"]).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise ValueError(f"the activation {activation} is not known, allowed: {', '.join(_ACTIVATIONS)}")
    weights = load_file(folder / "model.safetensors")
    weight, bias = weights["linear.weight"], weights.get("linear.bias")
    return lambda vectors: _ACTIVATIONS[activation](torch.nn.functional.linear(vectors, weight, bias))


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content


def _longest_input(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, limits: dict[str, Any]) -> int:
    """Tokens of the longest text that is not cut: the least of what model, tokenizer and folder say."""
    positions = getattr(model.config, "max_position_embeddings", None)
    for name, table in model.named_modules():
        # RoBERTa and its kin count positions from behind the padding's.
        if name.endswith("position_embeddings") and getattr(table, "padding_idx", None) is not None:
            positions = table.num_embeddings - table.padding_idx - 1
    # A tokenizer without a limit names 10^30, which its own code can't take; without any, memory is the limit.
    named = (limits.get("max_seq_length"), min(tokenizer.model_max_length, 2**20), positions)
    return min(length for length in named if length)


def _digest(folder: Path) -> str:
    """First half of a SHA-256 over all that an embedding depends on: names and bytes of weights and settings."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _READ):
        total.update(path.relative_to(folder).as_posix().encode())
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(2**20):
                content.update(block)
        total.update(content.digest())
    return total.hexdigest()[:32]
