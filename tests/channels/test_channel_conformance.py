"""The conformance suite catches each promise that a model can break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from channels.fading import GainStream, Rayleigh
from channels.rates import FloatArray
from channels.testing import check_channel


class BrokenStream(GainStream):
    def __init__(self, rng: np.random.Generator, fault: str) -> None:
        self._rng = rng
        self._fault = fault
        self.settled = fault == "settled"

    def take(self, num_blocks: int) -> FloatArray:
        gains = self._rng.exponential(size=num_blocks)
        faults: dict[str, Callable[[], FloatArray]] = {
            "settled": lambda: gains,
            "random": lambda: gains + np.random.default_rng().random(),
            "negative": lambda: gains - 0.1,
            "infinite": lambda: gains / 0.0,
            "shape": lambda: gains[:, np.newaxis],
            "type": lambda: gains.astype(np.float32),
            "chunks": lambda: gains[::-1],
            "mean": lambda: 1.2 * gains,
            "law": lambda: np.sqrt(gains) / (np.sqrt(np.pi) / 2),  # mean 1, but Rayleigh's amplitude
        }
        with np.errstate(divide="ignore"):
            return faults[self._fault]()


@dataclass(frozen=True)
class Broken:
    fault: str

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        assert coherence_time_s > 0
        return BrokenStream(rng, self.fault)

    def cdf(self, gain: float) -> float:
        return Rayleigh().cdf(gain)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("settled", "settled, but the gain still changes"),
        ("random", "the same generator must give the same gains"),
        ("negative", "must not be negative"),
        ("infinite", "must be finite"),
        ("shape", r"float64 array of shape \(40,\)"),
        ("type", r"float64 array of shape \(40,\)"),
        ("chunks", "must not depend on how they are taken"),
        ("mean", "mean power must be 1"),
        ("law", "from cdf"),
    ],
)
def test_fault_is_found(fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_channel(Broken(fault))


def test_model_that_cannot_be_pickled_is_found() -> None:
    @dataclass(frozen=True)
    class Local(Rayleigh):
        pass

    with pytest.raises((AttributeError, AssertionError)):
        check_channel(Local())
