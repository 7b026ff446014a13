"""Where a model comes from: a folder, a name of the Hugging Face hub, or a GGUF file.

Safetensors or GGUF only, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar
from transformers.utils.quantization_config import GgufConfig

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
GGUF = ".gguf"


class PairError(ValueError):
    """A model that can't be loaded, or two that can't work together; the message says why."""


def is_gguf(source: str | Path) -> bool:
    """Whether a source is a GGUF file rather than a folder or a name."""
    return Path(source).suffix.lower() == GGUF


def load_model(source: str | Path, dtype: str, device: str) -> PreTrainedModel:
    """Load one causal model for inference.

    Parameters
    ----------
    source : str or Path
        A folder, a GGUF file, or a name of the Hugging Face hub. Nothing is downloaded with ``HF_HUB_OFFLINE=1``.
    dtype : {'float32', 'bfloat16', 'float16'}
        Weights of a GGUF file are expanded to it.
    device : str
        ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises
    ------
    PairError
        If there is no such device, or no such model in a form that is read.
    """
    if dtype not in DTYPES:
        raise PairError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    check_device(device)
    _check_file(source)
    how: dict[str, Any] = {"dtype": DTYPES[dtype], "output_loading_info": True}
    if is_gguf(source):
        # Dense weights: packed ones need a kernel that few machines have, and another kernel gives other bits.
        how["quantization_config"] = GgufConfig(dequantize=True)
    else:
        how["use_safetensors"] = True
    try:
        with _no_bars():
            loaded: Any = AutoModelForCausalLM.from_pretrained(**_where(source), **how)
    except Exception as error:
        raise PairError(f"no model can be loaded from {source}: {_first_line(error)}") from error
    model, loading = loaded
    # The library only warns about weights that the file lacks, and draws them at random.
    if loading["missing_keys"]:
        raise PairError(f"{source}: the file lacks weights of the model, e.g. {min(loading['missing_keys'])}")
    if is_gguf(source):
        model.config.name_or_path = Path(source).stem
    placed: PreTrainedModel = model.to(torch.device(device)).eval().requires_grad_(False)
    return placed


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of one model; parameters and errors as in `load_model`."""
    _check_file(source)
    try:
        with _no_bars():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(**_where(source))
    except Exception as error:
        raise PairError(f"no tokenizer can be loaded from {source}: {_first_line(error)}") from error
    return tokenizer


def model_name(model: PreTrainedModel) -> str:
    """Name of a model's folder or file (of the hub: the part after the owner) or, without one, its type."""
    return Path(model.config.name_or_path or "").name or str(model.config.model_type)


def logits_width(model: PreTrainedModel) -> int:
    """Number of entries of the model's logits."""
    head: torch.nn.Linear = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return int(head.weight.shape[0])


def max_positions(model: PreTrainedModel) -> int:
    """Longest sequence the model takes, as its configuration says; a million where it names none (as with ALiBi)."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", 10**6))


def stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Tokens at which ``generate`` stops: the generation configuration's, else the tokenizer's; none if neither has any."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    stops = tokenizer.eos_token_id if configured is None else configured
    if stops is None:
        return ()
    return tuple(int(stop) for stop in stops) if isinstance(stops, list | tuple) else (int(stops),)


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


def _check_file(source: str | Path) -> None:
    path = Path(source)
    if is_gguf(source) and not path.is_file():
        raise PairError(f"{source}: there is no such file")
    if path.is_file() and not is_gguf(source):
        raise PairError(
            f"{source}: a model is a folder, a {GGUF} file, or a name of the hub, not another file"
        )


def _where(source: str | Path) -> dict[str, Any]:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    path = Path(source)
    where: dict[str, Any] = {
        "pretrained_model_name_or_path": source,
        "local_files_only": offline or path.exists(),
        "trust_remote_code": False,
    }
    if is_gguf(source):
        where |= {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    return where


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the library's bars and hints for programmers off the terminal, where they would bury those of the commands."""
    disable_progress_bar()  # type: ignore[no-untyped-call]
    with redirect_stderr(io.StringIO()):
        yield


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
