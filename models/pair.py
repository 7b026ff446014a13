"""Load a pair of causal language models that share a tokenizer.

Safetensors only, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

#: Folders of the pairs that ship with the project.
BUILT_IN = Path(__file__).parent
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# Two tokenizers with the same tokens may still cut text differently (lower case, spaces, digits, accents).
_PROBE = "Hello, World!  naïve café\n\tx_1 = [3.14159, 1e-6]  # 温度 🙂 ﬁ\r\n    return None"


class PairError(ValueError):
    """A model that can't be loaded, or two that can't work together; the message says why."""


@dataclass(frozen=True)
class Pair:
    """A small and a large model with their common tokenizer.

    Attributes
    ----------
    slm, llm : PreTrainedModel
        In evaluation mode, on one device, without gradients.
    tokenizer : PreTrainedTokenizerBase
        The large model's, equal to the small one's.
    vocabulary_size : int
        Width of both models' logits; may exceed the number of tokens (padding).
    max_positions : int
        The longest prefix that both models take.
    """

    slm: PreTrainedModel
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    vocabulary_size: int
    max_positions: int

    @property
    def end(self) -> int | None:
        """Id of the end-of-sequence token; None if the tokenizer has none."""
        end = self.tokenizer.eos_token_id
        return end if isinstance(end, int) else None


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
    slm, llm : str or Path
        A folder, or a name of the Hugging Face hub. Nothing is downloaded with ``HF_HUB_OFFLINE=1``.
    dtype : {'float32', 'bfloat16', 'float16'}
    device : str
        ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises
    ------
    PairError
        If a model can't be loaded, or the tokenizers or the widths of the logits differ.
    """
    check_device(device)
    # The tokenizers first: a mismatch is then found before gigabytes are read.
    tokenizers = [load_tokenizer(source) for source in (slm, llm)]
    difference = tokenizer_difference(*tokenizers)
    if difference:
        raise PairError(f"{slm} and {llm} don't share a tokenizer: {difference}")
    models = [load_model(source, dtype, device) for source in (slm, llm)]
    small, large = (logits_width(model) for model in models)
    if small != large:
        raise PairError(f"the logits of {slm} and {llm} differ in width: {small} and {large}")
    tokens = max(tokenizers[1].get_vocab().values()) + 1
    if tokens > large:
        raise PairError(f"{llm}: the tokenizer has ids up to {tokens - 1}, the logits only {large} entries")
    positions = min(max_positions(model) for model in models)
    return Pair(models[0], models[1], tokenizers[1], large, positions)


def load_model(source: str | Path, dtype: str, device: str) -> PreTrainedModel:
    """Load one causal model for inference; parameters and errors as in `load_pair`."""
    if dtype not in DTYPES:
        raise PairError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    check_device(device)
    # A bar per model and process would bury those of the commands.
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=DTYPES[dtype], use_safetensors=True, output_loading_info=True, **_where(source)
        )
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        raise PairError(f"no model can be loaded from {source}: {_first_line(error)}") from error
    model, loading = loaded
    # The library only warns about weights that the file lacks, and draws them at random.
    if loading["missing_keys"]:
        raise PairError(f"{source}: the file lacks weights of the model, e.g. {min(loading['missing_keys'])}")
    placed: PreTrainedModel = model.to(torch.device(device)).eval().requires_grad_(False)
    return placed


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of one model; errors as in `load_pair`."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, **_where(source))
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise PairError(f"no tokenizer can be loaded from {source}: {_first_line(error)}") from error
    return tokenizer


def tokenizer_difference(slm: PreTrainedTokenizerBase, llm: PreTrainedTokenizerBase) -> str | None:
    """Say the first difference that matters between two tokenizers; None if there is none.

    Compared: the ids of all tokens, the end of sequence, the merges, and what both make of a
    probing text. Padding, truncation and chat templates don't matter here.
    """
    small, large = slm.get_vocab(), llm.get_vocab()
    if len(small) != len(large):
        return f"they have {len(small)} and {len(large)} tokens"
    for token, number in sorted(small.items(), key=lambda item: item[1]):
        if large.get(token) != number:
            other = f"id {large[token]}" if token in large else "missing"
            return f"token {token!r} has id {number} in the one and is {other} in the other"
    if slm.eos_token_id != llm.eos_token_id:
        return f"the end of sequence is {slm.eos_token!r} in the one and {llm.eos_token!r} in the other"
    if _merges(slm) != _merges(llm):
        return "the tokens are the same, their merges differ"
    small_ids, large_ids = (t.encode(_PROBE, add_special_tokens=False) for t in (slm, llm))
    if small_ids != large_ids:
        return f"they cut the text {_PROBE!r} into different tokens"
    return None


def model_name(model: PreTrainedModel) -> str:
    """Name of a model's folder (of the hub: the part after the owner) or, without one, its type."""
    return Path(model.config.name_or_path or "").name or str(model.config.model_type)


def logits_width(model: PreTrainedModel) -> int:
    """Number of entries of the model's logits."""
    head: torch.nn.Linear = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return int(head.weight.shape[0])


def max_positions(model: PreTrainedModel) -> int:
    """Longest sequence the model takes, as its configuration says; a million where it names none (as with ALiBi)."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", 10**6))


def check_device(device: str) -> None:
    """Refuse a device that torch doesn't know or that isn't there (`PairError`)."""
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise PairError(f"device {device!r} is not one that torch knows: cpu, cuda, mps") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise PairError(f"device {device!r}: torch {torch.__version__} sees no CUDA device here")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise PairError(f"device {device!r}: torch {torch.__version__} sees no Metal device here")


def _where(source: str | Path) -> dict[str, Any]:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    return {"local_files_only": offline or Path(source).is_dir(), "trust_remote_code": False}


def _merges(tokenizer: PreTrainedTokenizerBase) -> Any:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return None if backend is None else json.loads(backend.to_str())["model"].get("merges")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
