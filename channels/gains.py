"""The power gains of one session, drawn as far as they are needed, and the two ways in which a link ends."""

from __future__ import annotations

import math

import numpy as np

from channels.fading import Fading
from channels.rates import FloatArray

FIRST_BLOCKS = 256
"""Blocks drawn when a session starts; each further draw doubles them."""

MOST_BLOCKS = 2**26
"""Blocks of one session, at most: 512 MiB of gains, more than 7 days at 10 ms a block."""


class LinkNeverSends(ValueError):  # noqa: N818  (says what happened)
    """The link can't deliver: its rate is 0 for good, or so small that nobody could wait."""


class ChannelEnded(ValueError):  # noqa: N818  (says what happened)
    """A recorded channel is shorter than the session, and was told to refuse at its end."""


class Gains:
    """Power gains of one session, drawn as far as they are needed and kept.

    Several curves (one an SNR) may share them, so that every SNR meets the same fading.

    Parameters
    ----------
    fading : Fading. The model.
    coherence_time_s : float. Length of a block in seconds, > 0; infinite for a constant gain only.
    rng : numpy.random.Generator. Owned by this session.
    num_blocks : int. Blocks drawn at once; a good guess saves doubling, and changes no gain.

    Attributes
    ----------
    values : [num_blocks], float. Power gain so far, linear.
    endless : bool. The last block of `values` lasts for ever.

    Raises
    ------
    ValueError
        A coherence time that is not positive, or infinite for a gain that varies.
    """

    def __init__(
        self,
        fading: Fading,
        coherence_time_s: float,
        rng: np.random.Generator,
        num_blocks: int = FIRST_BLOCKS,
    ) -> None:
        if not coherence_time_s > 0:
            raise ValueError(f"coherence_time_s: must be positive, got {coherence_time_s}")
        self.fading = fading
        self.coherence_time_s = coherence_time_s
        self.values: FloatArray = np.empty(0)
        self.endless = False
        self._stream = fading.stream(rng, coherence_time_s)
        self.grow(num_blocks)
        if math.isinf(coherence_time_s) and not self.endless:
            raise ValueError(
                f"coherence_time_s: must be finite for {fading}: one draw held for ever "
                "makes the mean transmission time infinite"
            )

    def grow(self, num_blocks: int) -> None:
        """Draw until there are `num_blocks` gains, or the series settles or ends."""
        if self.endless or num_blocks <= self.values.size:
            return
        if num_blocks > MOST_BLOCKS:
            raise LinkNeverSends(
                f"{self.fading}: the session is not over after {self.values.size} blocks "
                f"of {self.coherence_time_s} s: the link is too slow"
            )
        new = self._stream.take(num_blocks - self.values.size)
        self.values = np.concatenate((self.values, new)) if self.values.size else new
        if self._stream.settled:
            self.endless = True
            different = np.flatnonzero(self.values != self.values[-1])
            self.values = self.values[: different[-1] + 2 if different.size else 1]
