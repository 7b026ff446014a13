"""The policies of arXiv 2412.12687 and 2505.11788, their baselines, and one that looks at the channel."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from netsim.deciding import policies
from netsim.errors import Fault, InputError
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import Key, said
from netsim.scenario.kinds import Own, PluginName
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.thresholds import Threshold, threshold_number
from traces.speculative.rounds import Policy
from traces.speculative.upload import Compressed, Online, Upload


class SlmSettings(PolicyKind):
    """Every token from the small model alone."""

    source = "arXiv 2412.12687"

    name: Literal["slm"] = "slm"

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return policies.Slm()


class LlmSettings(PolicyKind):
    """Every token from the large model alone."""

    source = "arXiv 2412.12687"

    name: Literal["llm"] = "llm"

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return policies.Llm()


class HlmSettings(PolicyKind):
    """Every round sends the full distribution."""

    source = "arXiv 2412.12687"

    name: Literal["hlm"] = "hlm"

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return quantised(policies.Hlm(), context)


class RandHlmSettings(PolicyKind):
    """Skips each round with a fixed probability, blind to the uncertainty."""

    source = "arXiv 2412.12687"

    name: Literal["rand-hlm"] = "rand-hlm"
    skip_probability: Annotated[float, Key("probability of skipping a round", at_least=0, at_most=1)]

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return quantised(policies.RandHlm(self.skip_probability), context)


class UHlmSettings(PolicyKind):
    """Skips when the uncertainty is at most a threshold."""

    source = "arXiv 2412.12687"

    name: Literal["u-hlm"] = "u-hlm"
    threshold: Threshold

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return quantised(policies.UHlm(threshold_number(self.threshold, context)), context)


class CuHlmSettings(PolicyKind):
    """As u-hlm, and sends the k largest entries only.

    ``k`` is a number, ``auto`` (one k for all rounds) or ``online`` (one per round); the last two keep
    the expected total-variation distance below ``theta``. ``draft`` is the distribution that the draft
    token is drawn from: ``x``, as the paper does, or the truncated ``x_hat``, which is exact.
    """

    source = "arXiv 2505.11788"

    name: Literal["cu-hlm"] = "cu-hlm"
    threshold: Threshold
    k: Annotated[
        int | Literal["auto", "online"],
        Key(
            "entries of an upload",
            at_least=1,
            at_most=10_000_000,
            allowed="a whole number from 1 to payload.vocabulary_size, auto or online",
        ),
    ]
    theta: Annotated[
        float | None, Key("total variation that auto and online keep to", at_least=1e-12, at_most=1e3)
    ] = None
    draft: Annotated[Literal["x", "x_hat"], Key("distribution that the draft is drawn from")] = "x"

    @model_validator(mode="after")
    def _theta_belongs_to_a_search(self) -> Self:
        searched = self.k in ("auto", "online")
        if searched and self.theta is None:
            raise said(f"missing, given k: {self.k}, allowed: a number above 0", "theta")
        if not searched and self.theta is not None:
            raise said(f"not used, given k: {self.k}, allowed: only with k: auto or k: online", "theta")
        return self

    def build(self, context: PolicyContext) -> Policy:
        """Make u-hlm's decisions, with an upload of the largest entries."""
        from_sent = self.draft == "x_hat"
        if from_sent and not context.whole_vocabulary:
            text = "x_hat gives every token something, and the trace does not hold every token, given 'x_hat'"
            raise _fault("draft", f"{text}, allowed: x, or a trace recorded at top_p 1")
        if from_sent and self.k == "online":
            raise _fault("draft", "an online k looks at the draft, given 'x_hat', allowed: x")
        inner = policies.UHlm(threshold_number(self.threshold, context))
        upload = Upload(self._entries(context), draft_from_sent=from_sent)
        return quantised(Compressed(inner, upload), context)

    def _entries(self, context: PolicyContext) -> int | Online:
        """Entries of an upload: a number, the offline k* of arXiv 2505.11788, or its rule for every round."""
        if isinstance(self.k, int):
            return self.k
        line = context.calibrated("k", self.k)
        assert self.theta is not None, "a search for k has its theta"
        if line.u_tv is None:
            text = f"a parametric trace has no distributions, given '{self.k}', allowed: a number"
            raise _fault("k", text)
        if self.k == "online":
            return Online(self.theta, line.a, line.b)
        # At k = V nothing is cut, so the last value is 0 and some k meets any theta.
        return 1 + int(np.argmax(np.array(line.u_tv) <= self.theta))


class OracleSettings(PolicyKind):
    """Skips exactly when the large model would accept."""

    name: Literal["oracle"] = "oracle"

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return quantised(policies.Oracle(), context)


class ChannelAwareSettings(PolicyKind):
    """As u-hlm, with a threshold that grows as the rate falls below that at the mean SNR.

    The threshold is ``threshold * (rate / rate at the mean SNR) ** -exponent``, at most 1.
    """

    source = "a design of this project"

    name: Literal["channel-aware"] = "channel-aware"
    threshold: Annotated[
        float, Key("largest uncertainty that is skipped at the mean SNR", at_least=0, at_most=1)
    ]
    exponent: Annotated[
        float, Key("how strongly the threshold follows the rate", at_least=0, at_most=100)
    ] = 1.0

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        return quantised(policies.ChannelAware(self.threshold, self.exponent), context)


class OwnPolicySettings(Own, PolicyKind):
    """A policy of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName

    def build(self, context: PolicyContext) -> Policy:
        """Build what the user's own kind describes."""
        own: Policy = super().build(context)
        return quantised(own, context)


def quantised(policy: Policy, context: PolicyContext) -> Policy:
    """The policy with the values that it uploads quantised, where the scenario says so."""
    inner, payload = (policy.policy, policy.upload) if isinstance(policy, Compressed) else (policy, Upload())
    if context.quantise_bits is None or not isinstance(payload, Upload):
        return policy
    return Compressed(inner, Upload(payload.entries, context.quantise_bits, payload.draft_from_sent))


def threshold_of(policy: Policy) -> float | None:
    """Threshold of a policy that has one."""
    inner = policy.policy if isinstance(policy, Compressed) else policy
    return inner.threshold if isinstance(inner, policies.UHlm) else None


def _fault(key: str, text: str) -> InputError:
    return InputError([Fault("", key, text)])
