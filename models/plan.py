"""What to record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.format.manifest import ChatSpec, MeasureSpec, Prompt, ScoreSpec
from traces.format.nodes import Sampler
from traces.speculative.walk import Measure, Policy
from traces.uncertainty import THETA_POINTS

#: Rows of a forward pass: enough for most of a processor's throughput, few enough for a graphics card's memory.
BATCH = 32
#: (prompt's number, token seed): the unit of recording.
Group = tuple[int, int]


#: ``score(prefix, slm_logits)``: a finite number of a prefix (token ids, the prompt's included) and of what the small
#: model says after it, [vocabulary_size]. Called from several threads; it may depend on nothing else.
Score = Callable[[Sequence[int], NDArray[np.float32]], float]


class RecordingStopped(RuntimeError):  # noqa: N818 - says what happened
    """A recording that could not go on; what was complete stays usable."""


@dataclass(frozen=True)
class Plan:
    """What to record.

    Attributes
    ----------
    name : str
    prompts : sequence of Prompt
    num_tokens : int
        Tokens per prompt.
    token_seeds : sequence of int
    sampler : Sampler
    measure : Measure
    policies : mapping of spec (``u-hlm:threshold=0.3``) to Policy
        Every path of these is recorded; all share the tree. None: the paths are the prompts' continuations
        (teacher forcing).
    eos : tuple of int, optional
        Tokens that end a prompt; None records to the full length.
    batch : int
        Rows of every forward pass, padding included: part of what repeats exactly.
    chat : ChatSpec, optional
        How the prompts became chats.
    score : (ScoreSpec, Score), optional
        A function of the user's own, whose value every node keeps.
    """

    name: str
    prompts: Sequence[Prompt]
    num_tokens: int
    token_seeds: Sequence[int]
    sampler: Sampler
    measure: Measure
    policies: dict[str, Policy]
    eos: tuple[int, ...] | None
    batch: int = BATCH
    chat: ChatSpec | None = None
    score: tuple[ScoreSpec, Score] | None = None

    @property
    def measure_spec(self) -> MeasureSpec:
        """The measure, as the manifest has it."""
        return MeasureSpec(
            name=self.measure.name,
            samples=self.measure.samples,
            theta_max=self.measure.theta_max,
            theta_points=THETA_POINTS,
        )

    @property
    def groups(self) -> list[Group]:
        """A prompt's seeds together, so that whole prompts are finished early."""
        return [(prompt, seed) for prompt in range(len(self.prompts)) for seed in self.token_seeds]
