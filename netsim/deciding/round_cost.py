"""What a round of so many drafts is expected to take, to choose their number by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Costs, Terms
from traces.speculative.bits import choice_bits
from traces.speculative.rounds import ALL

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RoundCost:
    """Expected tokens, bits and seconds of a round, for each number of drafts.

    Attributes
    ----------
    tokens : tuple of float. Expected tokens.
    bits : tuple of float. Bits of the upload.
    device_s : tuple of float. Computing on the device.
    other_s : tuple of float. Everything besides: grant, propagation, core network, the LLM's pass, the response.
    """

    tokens: tuple[float, ...]
    bits: tuple[float, ...]
    device_s: tuple[float, ...]
    other_s: tuple[float, ...]

    def seconds(self, rate_bps: float) -> FloatArray:
        """Seconds of a round at an uplink rate, which may be 0: [len(tokens)]."""
        known_s: FloatArray = np.asarray(self.device_s) + np.asarray(self.other_s)
        return known_s + self.air_s(rate_bps)

    def air_s(self, rate_bps: float) -> FloatArray:
        """Seconds of the upload at a rate: [len(tokens)]."""
        if rate_bps:
            return np.asarray(self.bits) / rate_bps
        return np.where(np.asarray(self.bits) > 0, np.inf, 0.0)

    def tokens_per_s(self, rate_bps: float) -> FloatArray:
        """Expected tokens over expected seconds: [len(tokens)]."""
        return np.asarray(self.tokens) / self.seconds(rate_bps)

    def joules(self, power: Power, rate_bps: float) -> FloatArray:
        """Energy of the device in a round: [len(tokens)]."""
        air_s, device_s = self.air_s(rate_bps), np.asarray(self.device_s)
        idle_s = np.asarray(self.other_s)
        return power.transmit_w * air_s + power.compute_w * device_s + power.idle_w * idle_s


def round_costs(
    costs: Costs, terms: Terms, tokens: FloatArray, all_accepted: FloatArray, context: int
) -> RoundCost:
    """What rounds of 0, 1, … drafts are expected to take with so many tokens in the caches.

    Parameters
    ----------
    tokens, all_accepted : [most], float
        Expected tokens, and the probability that all drafts are accepted, of 1 … ``most`` drafts.
    context : int. Cached tokens. A round's own length changes it by less than measured passes tell apart.

    Notes
    -----
    No drafts: the LLM is asked for one token. Jitter and losses of the core network enter by their means.
    """
    most = len(tokens)
    drafts = np.arange(most + 1)
    bits = np.zeros(most + 1)
    entries = np.full(most, getattr(terms.payload, "entries", ALL))
    bits[1:] = drafts[1:] * terms.payload.draft_bits(entries, costs.code, costs.id_bits)
    one_s = float(costs.slm.seconds(context, 1)) + (costs.uncertainty_s if terms.measures else 0.0)
    llm_s = costs.llm.seconds(context, np.maximum(drafts + terms.bonus, 1))
    core = costs.core
    core_s = core.rtt_s + 2 * core.timeout_s * core.loss / (1 - core.loss)
    rejected = np.concatenate([[0.0], 1 - all_accepted])
    count_bits = [choice_bits(number + 1) if costs.count_indices else 0 for number in drafts.tolist()]
    rejection_bits = terms.payload.rejection_bits(costs.code, costs.id_bits)
    down_bits = count_bits + rejected * rejection_bits + (1 - rejected) * costs.id_bits
    other_s = costs.grant_s + 2 * costs.propagation_s + core_s + llm_s + down_bits / costs.downlink_bps
    return RoundCost(
        tokens=(1.0, *tokens.tolist()),
        bits=tuple(bits.tolist()),
        device_s=tuple((drafts * one_s).tolist()),
        other_s=tuple(other_s.tolist()),
    )
