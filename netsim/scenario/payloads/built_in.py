"""Payloads of the literature on speculative decoding over a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from netsim.errors import Fault, InputError
from netsim.scenario.families import PayloadKind
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Own, PluginName
from netsim.scenario.policy_context import PolicyContext
from traces.speculative.payloads import Coarse, ProbabilityOnly
from traces.speculative.rounds import ALL
from traces.speculative.upload import Payload, Upload

Entries = Annotated[int, Key("largest entries that are sent", at_least=1, at_most=10_000_000)]
Levels = Annotated[int, Key("what the quantised probabilities add up to", at_least=1, at_most=1_000_000)]


class FullSettings(PayloadKind):
    """The whole distribution of every draft."""

    source = "arXiv 2211.17192"

    name: Literal["full"] = "full"

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        return Upload(quantise_bits=context.quantise_bits)


class TopKSettings(PayloadKind):
    """The k largest entries, the rest of the mass spread over the others by the server.

    With drafts from ``x``, as the paper draws them, the output is not exactly the large model's; with drafts from
    ``x_hat``, what is sent, it is.
    """

    source = "arXiv 2505.11788"

    name: Literal["top-k"] = "top-k"
    k: Entries
    draft: Annotated[Literal["x", "x_hat"], Key("distribution that the draft is drawn from")] = "x"

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        from_sent = self.draft == "x_hat"
        if from_sent and not context.whole_vocabulary:
            text = "x_hat gives every token something, and the trace does not hold every token, given 'x_hat'"
            raise InputError([Fault("", "draft", f"{text}, allowed: x, or a trace recorded at top_p 1")])
        return Upload(self.k, context.quantise_bits, from_sent)


class TopKSoftmaxSettings(PayloadKind):
    """The softmax over the k largest logits, from which the draft is drawn too, so that the output is exact."""

    source = "arXiv 2509.04576"

    name: Literal["top-k-softmax"] = "top-k-softmax"
    k: Entries
    bits: Annotated[int, Key("bits of an entry, its index included", "bit", at_least=1, at_most=64)] = 16

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        return _coarse(self.name, Coarse(self.k, entry_bits=self.bits), context)


class LatticeSettings(PayloadKind):
    """Probabilities as multiples of 1 / levels, from which the draft is drawn too, so that the output is exact."""

    source = "arXiv 2507.00605"

    name: Literal["lattice"] = "lattice"
    levels: Levels

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        return _coarse(self.name, Coarse(ALL, self.levels), context)


class TopKLatticeSettings(PayloadKind):
    """The k largest entries as multiples of 1 / levels, from which the draft is drawn too."""

    source = "arXiv 2510.09942"

    name: Literal["top-k-lattice"] = "top-k-lattice"
    k: Entries
    levels: Levels

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        return _coarse(self.name, Coarse(self.k, self.levels), context)


class ProbabilityOnlySettings(PayloadKind):
    """The draft and its probability; where it is rejected, the large model's distribution comes down.

    With fewer than ``all`` entries coming down the output is not exactly the large model's.
    """

    source = "arXiv 2507.12000; with 10 entries arXiv 2603.19133"

    name: Literal["probability-only"] = "probability-only"
    downlink_entries: Annotated[
        int | Literal["all"],
        Key("largest entries of the large model that come down", at_least=1, at_most=10_000_000),
    ] = "all"

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload."""
        _needs_distributions(self.name, context)
        if context.quantise_bits is not None:
            raise _quantised(self.name)
        return ProbabilityOnly(ALL if self.downlink_entries == "all" else self.downlink_entries)


class OwnPayloadSettings(Own, PayloadKind):
    """A payload of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName


def _coarse(name: str, payload: Coarse, context: PolicyContext) -> Payload:
    _needs_distributions(name, context)
    if context.quantise_bits is not None:
        raise _quantised(name)
    return payload


def _needs_distributions(name: str, context: PolicyContext) -> None:
    if not context.distributions:
        text = f"a parametric trace has no distributions, given '{name}', allowed: full or top-k"
        raise InputError([Fault("", "name", text)])


def _quantised(name: str) -> InputError:
    text = f"says itself how values are written, given '{name}', allowed: with payload.quantise: false"
    return InputError([Fault("", "name", text)])
