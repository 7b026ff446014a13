"""Small networks with work in plain numbers, for tests against queueing theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from channels.window import RateWindow, constant_window
from netsim.costs.workload import Workload
from netsim.engines.events import DeviceJob
from netsim.radio.link import Link


@dataclass(frozen=True)
class ConstantLink:
    """A link whose rate never changes."""

    bit_rate_bps: float = 1.0
    never_sends: bool = False

    @property
    def mean_rate_bps(self) -> float:
        return self.bit_rate_bps

    def duration(self, start_s: float, bits: float) -> float:
        return bits / self.bit_rate_bps

    def bits_between(self, start_s: float, end_s: float) -> float:
        return (end_s - start_s) * self.bit_rate_bps

    def rate_bps(self, time_s: float) -> float:
        return self.bit_rate_bps

    def snr(self, time_s: float) -> float:
        return 1.0

    def window(self, time_s: float, until_s: float) -> RateWindow:
        return constant_window(self.bit_rate_bps)


def plain_workload(
    shape: tuple[int, int],
    *,
    slm_s: ArrayLike = 0.0,
    bits: ArrayLike = 0.0,
    prompt_bits: ArrayLike = 0.0,
    llm_s: ArrayLike = 0.0,
    downlink_s: ArrayLike = 0.0,
) -> Workload:
    """Exchanges of one token that all upload and call the LLM where these take anything; arguments broadcast to ``shape``."""

    def table(values: ArrayLike) -> np.ndarray:
        return np.array(np.broadcast_to(np.asarray(values, np.float64), shape))

    nothing = np.zeros(shape)
    return Workload(
        length=np.full(shape[0], shape[1]),
        tokens=np.ones(shape, int),
        drafted=np.ones(shape, int),
        kept=np.ones(shape, int),
        slm_s=table(slm_s),
        uncertainty_s=nothing,
        uploads=table(bits) > 0,
        bits=table(bits),
        downlink_bits=nothing,
        carries_prompt=table(prompt_bits) > 0,
        prompt_bits=table(prompt_bits),
        calls_llm=table(llm_s) > 0,
        llm_s=table(llm_s),
        downlink_s=table(downlink_s),
        slm_prefill_s=nothing,
        llm_prefill_s=nothing,
        llm_context=nothing.astype(int),
        llm_positions=np.ones(shape, int),
        ahead_s=nothing,
        vain_s=nothing,
    )


def plain_job(
    shape: tuple[int, int],
    link: Link | None = None,
    *,
    grant_s: float = 0.0,
    propagation_s: float = 0.0,
    arrivals_s: Sequence[float] | None = None,
    **work: ArrayLike,
) -> DeviceJob:
    """A device with such work; its link carries 1 bit/s unless another is given."""
    used = link or ConstantLink()
    return DeviceJob(plain_workload(shape, **work), lambda *_: used, grant_s, propagation_s, arrivals_s)
