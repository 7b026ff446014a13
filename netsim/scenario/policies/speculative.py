"""Policies that draft several tokens in a round."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator
from typing_extensions import Self

from netsim.errors import at_key
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import Key, said
from netsim.scenario.payloads import Payload
from netsim.scenario.payloads.built_in import FullSettings
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.stops import Stop
from netsim.scenario.stops.built_in import FixedSettings
from traces.speculative.blocks import Blocks
from traces.speculative.rounds import Policy

MOST_DRAFTS = 32


class SpecSettings(PolicyKind):
    """Drafts up to gamma tokens, sends them together, and has them judged together.

    ``skipped`` says what becomes of drafts at which the stop rule goes on: they are verified with the others, which is
    exact, or kept without asking. With ``keep``, one unsure draft is sent a round; that is u-hlm.
    """

    source = "arXiv 2211.17192"

    name: Literal["spec"] = "spec"
    gamma: Annotated[int, Key("most drafts of a round", at_least=1, at_most=MOST_DRAFTS)]
    bonus: Annotated[bool, Key("whether the large model adds a token where all drafts were accepted")] = True
    payload: Payload = FullSettings()
    stop: Stop = FixedSettings()
    skipped: Annotated[Literal["verify", "keep"], Key("what becomes of drafts before an unsure one")] = (
        "verify"
    )

    @model_validator(mode="after")
    def _keep_fits(self) -> Self:
        if self.skipped == "keep" and isinstance(self.stop, FixedSettings):
            raise said("nothing says which drafts are sure, given 'fixed', allowed: another rule", "stop")
        if self.skipped == "keep" and self.gamma != 1:
            text = f"one unsure draft a round, given {self.gamma}, allowed: 1 with skipped: keep"
            raise said(text, "gamma")
        return self

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        with at_key("payload"):
            payload = self.payload.build(context)
        with at_key("stop"):
            stop = self.stop.build(context)
        return Blocks(self.gamma, self.bonus, payload, stop, self.skipped == "keep")
