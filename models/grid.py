"""What a profile measures: a grid of context, new positions and batch, and how carefully."""

from __future__ import annotations

import math
from dataclasses import dataclass

from transformers import PreTrainedModel

from models.sources import max_positions

REPEATS = 7


class ProfileError(ValueError):
    """A measurement that can't be made; the message says why."""


@dataclass(frozen=True)
class ProfileGrid:
    """What to measure: every context length with every number of new positions and batch size.

    Attributes
    ----------
    contexts : [num_contexts], int. Positions already in the KV cache, increasing; 0 is prefill.
    positions : [num_positions], int. New positions of a pass, increasing, >= 1.
    batches : [num_batches], int. Sequences side by side, increasing, >= 1.
    """

    contexts: tuple[int, ...]
    positions: tuple[int, ...]
    batches: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for name, least in (("contexts", 0), ("positions", 1), ("batches", 1)):
            axis = getattr(self, name)
            if not axis or min(axis) < least or list(axis) != sorted(set(axis)):
                raise ProfileError(f"{name} must be increasing integers >= {least}, given {list(axis)}")


#: Models whose longest sequence is short, such as the built-in pair, and all others. New positions:
#: a token, catching up after skipped ones, and the prefill of a prompt.
SHORT = ProfileGrid((0, 16, 32, 64, 96, 128, 160, 192, 224, 248), (1, 2, 4, 8, 16, 32, 64, 128, 192))
LONG = ProfileGrid((0, 64, 128, 256, 512, 1024), (1, 2, 4, 8, 16, 32, 64, 128, 256))


def default_grid(model: PreTrainedModel) -> ProfileGrid:
    """ProfileGrid for a model, by the longest sequence it takes; passes that don't fit are cut off."""
    longest = max_positions(model)
    grid = SHORT if longest < LONG.contexts[-1] else LONG
    contexts = tuple(context for context in grid.contexts if context < longest)
    return ProfileGrid(contexts, tuple(positions for positions in grid.positions if positions <= longest))


@dataclass(frozen=True)
class Effort:
    """How carefully a grid is measured.

    Attributes
    ----------
    repeats, warm_up : int. Passes per cell that count, and passes before them that don't.
    cell_s : float. A cell that took longer is left as it is after the next pass: large batches take minutes.
    """

    repeats: int = REPEATS
    warm_up: int = 2
    cell_s: float = math.inf

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.warm_up < 0:
            raise ProfileError(
                f"repeats must be >= 1 and warm_up >= 0, given {self.repeats} and {self.warm_up}"
            )


CAREFUL = Effort()
