"""Stop rules of the literature on speculative decoding over a network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from netsim.errors import Fault, InputError
from netsim.scenario.families import StopKind
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Own, PluginName
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.thresholds import Threshold, threshold_number
from traces.speculative import stops
from traces.speculative.stops import Stop

Bound = Annotated[float, Key("drafting goes on while it is at least this", at_least=0, at_most=1)]


class FixedSettings(StopKind):
    """Only at gamma drafts."""

    source = "arXiv 2211.17192"

    name: Literal["fixed"] = "fixed"

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule."""
        return stops.Fixed()


class UncertainSettings(StopKind):
    """At the first draft whose uncertainty exceeds a threshold."""

    source = "the threshold of arXiv 2412.12687, as a rule to stop: a design of this project"

    name: Literal["uncertain"] = "uncertain"
    threshold: Threshold

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule."""
        return stops.Uncertain(threshold_number(self.threshold, context))


class ProbabilitySettings(StopKind):
    """At the first draft whose own probability is below a bound."""

    source = "arXiv 2503.18989"

    name: Literal["probability"] = "probability"
    at_least: Bound

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule."""
        return _of_distributions(self.name, stops.Probability(self.at_least), context)


class ProductSettings(StopKind):
    """Where the product of the drafts' probabilities falls below a bound."""

    source = "arXiv 2605.13319"

    name: Literal["product"] = "product"
    at_least: Bound

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule."""
        return _of_distributions(self.name, stops.Product(self.at_least), context)


class EntropyBucketSettings(StopKind):
    """Where a leaky bucket of the drafts' entropy runs over."""

    source = "arXiv 2605.10124"

    name: Literal["entropy-bucket"] = "entropy-bucket"
    limit: Annotated[float, Key("entropy that leaks out with every draft", "nat", at_least=0, at_most=100)]
    bucket: Annotated[float, Key("entropy that the bucket holds", "nat", at_least=0, at_most=1e6)]

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule."""
        return _of_distributions(self.name, stops.EntropyBucket(self.limit, self.bucket), context)


class OwnStopSettings(Own, StopKind):
    """A stop rule of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName


def _of_distributions(name: str, rule: Stop, context: PolicyContext) -> Stop:
    if not context.distributions:
        text = f"a parametric trace has no distributions, given '{name}', allowed: fixed or uncertain"
        raise InputError([Fault("", "name", text)])
    return rule
