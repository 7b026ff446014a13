"""Block errors and retransmission (HARQ)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from channels.rates import FloatArray

MOST_TRANSMISSIONS = 4
"""Transmissions of one block, at most: the four redundancy versions of 3GPP TS 38.212, table 5.4.2.1-2."""


def block_error(snr: FloatArray, efficiency_bps_per_hz: float, block_symbols: int) -> FloatArray:
    """Error probability of the best code of a finite length over Gaussian noise.

    The normal approximation ``Q(sqrt(n / V) * (C - R + log2(2n) / 2n))`` with capacity
    ``C = log2(1 + snr)`` and dispersion ``V = snr (snr + 2) / (snr + 1)^2 * log2(e)^2`` per complex
    symbol, which is two real channel uses. Source: Polyanskiy, Poor and Verdu, *Channel Coding Rate in
    the Finite Blocklength Regime*, IEEE Trans. Inf. Theory 56(5), 2010, theorem 54 and what follows it.

    Parameters
    ----------
    snr : array, float. Signal-to-noise ratio, linear, >= 0.
    efficiency_bps_per_hz : float. Rate ``R`` in bit per complex symbol, > 0.
    block_symbols : int. Length ``n`` of a block in complex symbols, >= 1.

    Returns
    -------
    array of the shape of `snr`, float. Probability in [0, 1].
    """
    from scipy import special  # noqa: PLC0415  (half a second, of no use to the other laws)

    capacity = np.log1p(snr) / math.log(2)
    deviation = np.sqrt(snr * (snr + 2)) / (snr + 1) / math.log(2) / math.sqrt(block_symbols)
    margin = capacity - efficiency_bps_per_hz + math.log2(2 * block_symbols) / (2 * block_symbols)
    # At snr 0 nothing gets through: the ratio is taken as minus infinity.
    ratio = np.divide(margin, deviation, out=np.full_like(margin, -math.inf), where=deviation > 0)
    return np.asarray(special.ndtr(-ratio), dtype=np.float64)


@dataclass(frozen=True)
class Harq:
    """Retransmission of a block until it is decoded or given up.

    With Chase combining, attempt ``n`` is decoded from the sum of the signal-to-noise ratios of all
    transmissions so far (maximum-ratio combining; Chase, IEEE Trans. Commun. 33(5), 1985); without, from
    its own. Given those, attempts are taken to fail independently, so that the probability of being
    undecoded after ``n`` of them is the product of their block errors.

    Parameters
    ----------
    block_symbols : int. Length of a block in complex symbols, >= 1.
    max_transmissions : int. 1 to 4.
    combining : 'chase' or 'none'.
    round_trip_slots : int
        Slots, each as long as a block, between a transmission and its repetition, in which the device sends
        nothing else (one stop-and-wait process); >= 0. With 0, other processes fill the wait.

    Raises
    ------
    ValueError
        A value out of range.
    """

    block_symbols: int
    max_transmissions: int = MOST_TRANSMISSIONS
    combining: Literal["chase", "none"] = "chase"
    round_trip_slots: int = 0

    def __post_init__(self) -> None:
        if self.block_symbols < 1:
            raise ValueError(f"Harq.block_symbols: must be at least 1, got {self.block_symbols}")
        if not 1 <= self.max_transmissions <= MOST_TRANSMISSIONS:
            raise ValueError(
                f"Harq.max_transmissions: must be 1 to {MOST_TRANSMISSIONS}, got {self.max_transmissions}"
            )
        if self.combining not in {"chase", "none"}:
            raise ValueError(f"Harq.combining: must be chase or none, got {self.combining!r}")
        if self.round_trip_slots < 0:
            raise ValueError(f"Harq.round_trip_slots: must be at least 0, got {self.round_trip_slots}")

    def undecoded(self, snr: FloatArray, efficiency_bps_per_hz: float) -> FloatArray:
        """Probability that a block is still undecoded after each transmission.

        Parameters
        ----------
        snr : [max_transmissions], float. Signal-to-noise ratio of each transmission, linear, >= 0.
        efficiency_bps_per_hz : float. Rate in bit per complex symbol, > 0.

        Returns
        -------
        [max_transmissions], float. Products of the block errors; the last one is the residual error.
        """
        decoded_from = np.cumsum(snr) if self.combining == "chase" else snr
        errors = block_error(decoded_from, efficiency_bps_per_hz, self.block_symbols)
        return np.asarray(np.cumprod(errors), dtype=np.float64)

    def expected_transmissions(self, snr: FloatArray, efficiency_bps_per_hz: float) -> float:
        """Mean number of transmissions of a block, in [1, max_transmissions]; parameters as `undecoded`."""
        return 1.0 + float(self.undecoded(snr, efficiency_bps_per_hz)[:-1].sum())

    def sample(self, snr: FloatArray, efficiency_bps_per_hz: float, uniform: float) -> tuple[int, bool]:
        """Draw what happens to one block.

        Parameters
        ----------
        snr, efficiency_bps_per_hz : as for `undecoded`.
        uniform : float. A uniform draw in [0, 1); the smaller, the worse the block fares.

        Returns
        -------
        (int, bool). Number of transmissions, and whether the block was decoded in the end.
        """
        failures = int(np.count_nonzero(uniform < self.undecoded(snr, efficiency_bps_per_hz)))
        return min(failures + 1, self.max_transmissions), failures < self.max_transmissions
