"""The `policy` block of a scenario file. What each policy does is arXiv 2412.12687 and 2505.11788."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from netsim.scenario.fields import Block, Choice, Expect, NonNegative, PluginName, Share, tag_by

Threshold = Annotated[
    Annotated[float, Field(ge=0, le=1)] | Literal["risk-averse", "risk-prone"],
    Expect("a number in [0, 1], risk-averse or risk-prone", ("risk-averse", "risk-prone")),
]
"""A share of disagreeing samples, or the name of a threshold that the trace's calibration gives."""


class SlmSettings(Block):
    """Every token from the small model alone."""

    name: Literal["slm"]


class LlmSettings(Block):
    """Every token from the large model alone."""

    name: Literal["llm"]


class HlmSettings(Block):
    """Every round sends the full distribution."""

    name: Literal["hlm"]


class RandHlmSettings(Block):
    """Skips each round with ``skip_probability``, blind to the uncertainty."""

    name: Literal["rand-hlm"]
    skip_probability: Share


class UHlmSettings(Block):
    """Skips when the uncertainty is at most ``threshold``."""

    name: Literal["u-hlm"]
    threshold: Threshold


class CuHlmSettings(Block):
    """As u-hlm, and sends the ``k`` largest entries only (arXiv 2505.11788).

    ``k`` is a number, ``auto`` (one k for all rounds) or ``online`` (one per round); the last two keep
    the expected total-variation distance below ``theta``. ``draft`` is the distribution that the draft
    token is drawn from: ``x``, as the paper does, or the truncated ``x_hat``, which is exact.
    """

    name: Literal["cu-hlm"]
    threshold: Threshold
    k: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto", "online"],
        Expect("a whole number from 1 to payload.vocabulary_size, auto or online", ("auto", "online")),
    ]
    theta: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None
    draft: Annotated[Literal["x", "x_hat"], Expect("x or x_hat", ("x", "x_hat"))] = "x"

    @model_validator(mode="after")
    def _theta_belongs_to_a_search(self) -> Self:
        searched = self.k in ("auto", "online")
        if searched and self.theta is None:
            text = "missing, given k: {k}, allowed: a finite number above 0"
            raise PydanticCustomError("said", text, {"path": ("theta",), "k": self.k})
        if not searched and self.theta is not None:
            text = "not used, given k: {k}, allowed: only with k: auto or k: online"
            raise PydanticCustomError("said", text, {"path": ("theta",), "k": self.k})
        return self


class OracleSettings(Block):
    """Skips exactly when the large model would accept."""

    name: Literal["oracle"]


class ChannelAwareSettings(Block):
    """As u-hlm, with a threshold that grows as the rate falls below that at the mean SNR.

    The threshold is ``threshold * (rate / rate at the mean SNR) ** -exponent``, at most 1.
    """

    name: Literal["channel-aware"]
    threshold: Share
    exponent: NonNegative = 1.0


class OwnPolicySettings(Block):
    """A user's own policy, ``module:Class``; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName


POLICIES = ("slm", "llm", "hlm", "rand-hlm", "u-hlm", "cu-hlm", "oracle", "channel-aware")

Policy = Annotated[
    Annotated[SlmSettings, Tag("slm")]
    | Annotated[LlmSettings, Tag("llm")]
    | Annotated[HlmSettings, Tag("hlm")]
    | Annotated[RandHlmSettings, Tag("rand-hlm")]
    | Annotated[UHlmSettings, Tag("u-hlm")]
    | Annotated[CuHlmSettings, Tag("cu-hlm")]
    | Annotated[OracleSettings, Tag("oracle")]
    | Annotated[ChannelAwareSettings, Tag("channel-aware")]
    | Annotated[OwnPolicySettings, Tag("module:Class")],
    Discriminator(tag_by("name", POLICIES)),
    Choice(f"{', '.join(POLICIES)} or module:Class", POLICIES, form="a block such as {name: hlm}"),
]
