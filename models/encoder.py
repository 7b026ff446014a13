"""Sentence embeddings, to compare texts by their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from models.pair import PairError

BATCH = 32


@dataclass(frozen=True)
class SentenceEncoder:
    """An encoder whose token states are averaged, as sentence encoders are trained (Sentence-BERT, arXiv 1908.10084)."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @classmethod
    def load(cls, folder: Path) -> SentenceEncoder:
        """Load an encoder from a folder: safetensors only, nothing downloaded, no code of its own run.

        Raises
        ------
        PairError
            If there is none.
        """
        disable_progress_bar()  # type: ignore[no-untyped-call]
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **options)
            model = AutoModel.from_pretrained(folder, use_safetensors=True, **options)
        except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
            raise PairError(f"{folder}: not a sentence encoder: {str(error).splitlines()[0]}") from error
        return cls(model.eval(), tokenizer)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Unit vectors of texts, cut to the encoder's longest input: [num_texts, dimension]."""
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = self.tokenizer(
                list(texts[start : start + BATCH]),
                padding=True,
                truncation=True,
                max_length=min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings),
                return_tensors="pt",
            )
            mask = batch["attention_mask"][..., None].float()
            states = self.model(**batch).last_hidden_state.float()
            mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
            parts.append(torch.nn.functional.normalize(mean, dim=1).double().numpy())
        return np.concatenate(parts)
