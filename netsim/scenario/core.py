"""The block of a scenario file about the core network, between base station and server."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator
from typing_extensions import Self

from netsim.costs.core import CoreNetwork
from netsim.errors import at_key
from netsim.scenario.blocks import LONGEST_S
from netsim.scenario.fields import Block, Key, said
from netsim.scenario.jitters import Jitter
from netsim.scenario.jitters.built_in import NoJitterSettings


class CoreSettings(Block):
    """Between base station and server, beside the radio: crossed once there and once back by every exchange."""

    rtt_s: Annotated[float, Key("mean round-trip time", "s", at_least=0, at_most=LONGEST_S)] = 0.0
    jitter: Jitter = NoJitterSettings()
    loss: Annotated[
        float, Key("probability that a request or a response is lost", at_least=0, at_most=0.99)
    ] = 0.0
    timeout_s: Annotated[
        float, Key("until a lost message is sent again", "s", at_least=0, at_most=LONGEST_S)
    ] = 0.2

    @model_validator(mode="after")
    def _jitter_of_something(self) -> Self:
        if not self.rtt_s and not isinstance(self.jitter, NoJitterSettings):
            raise said("a round-trip time of 0 does not vary, allowed: none, or an rtt_s above 0", "jitter")
        return self

    def build(self) -> CoreNetwork:
        """Make the core network."""
        with at_key("jitter"):
            jitter = self.jitter.build()
        return CoreNetwork(self.rtt_s, jitter, self.loss, self.timeout_s)
