"""A policy by a score from outside, which a recording stored of every prefix."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator
from typing_extensions import Self

from netsim.deciding import policies
from netsim.errors import Fault, InputError
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import Key, said
from netsim.scenario.policies.published import quantised
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.thresholds import Threshold, threshold_number
from traces.speculative.rounds import Policy


class ScoredSettings(PolicyKind):
    """Sends where a score of the prefix (`netsim record --score`) is high, alone or with the uncertainty.

    With ``threshold``, what is unsure counts as well: ``combine: or`` sends what is either, ``and`` what is both.
    """

    source = "arXiv 2508.12590 (its importance has no published formula: the score is yours)"

    name: Literal["scored"] = "scored"
    above: Annotated[float, Key("a prefix with a larger score is sent", at_least=-1e9, at_most=1e9)]
    threshold: Threshold | None = None
    combine: Annotated[
        Literal["and", "or"] | None, Key("how score and uncertainty are put together; or if empty")
    ] = None

    @model_validator(mode="after")
    def _combined_with_something(self) -> Self:
        if self.combine is not None and self.threshold is None:
            raise said(
                f"nothing to combine with, given '{self.combine}', allowed: with a threshold", "combine"
            )
        return self

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        if not context.scored:
            text = "the trace has no scores, given 'scored', allowed: a trace recorded with netsim record --score"
            raise InputError([Fault("", "name", text)])
        threshold = None if self.threshold is None else threshold_number(self.threshold, context)
        return quantised(policies.Scored(self.above, threshold, self.combine or "or"), context)
