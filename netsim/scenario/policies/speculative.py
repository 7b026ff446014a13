"""Policies that draft several tokens in a round."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from typing_extensions import Self

from netsim.deciding.adaptive import AutoGamma, BanditGamma, Gelato
from netsim.deciding.policies import terms_of
from netsim.deciding.round_cost import RoundCost, round_costs
from netsim.errors import Fault, InputError, at_key
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import Key, said
from netsim.scenario.payloads import Payload
from netsim.scenario.payloads.built_in import FullSettings
from netsim.scenario.policy_context import PolicyContext, Speed
from netsim.scenario.stops import Stop
from netsim.scenario.stops.built_in import FixedSettings
from traces.speculative.blocks import Blocks
from traces.speculative.grouping import MOST_DRAFTS, independent_tokens, without_bonus
from traces.speculative.rounds import Policy
from traces.speculative.stops import EntropyBucket

_ACCEPTANCE = Key(
    "how many drafts of a round are expected to be accepted: as the calibration measured (if empty), or each "
    "independently with the calibration's probability or a given one",
    at_least=0,
    below=1,
)
Acceptance = Annotated[float | Literal["runs", "independent"] | None, _ACCEPTANCE]
Most = Annotated[int | None, Key("most drafts that are chosen; 32 if empty", at_least=1, at_most=MOST_DRAFTS)]


class SpecSettings(PolicyKind):
    """Drafts up to gamma tokens, sends them together, and has them judged together.

    ``gamma: auto`` takes the number with the most expected tokens a second, at the rate of the moment or at that of the
    mean SNR, up to ``most``; with ``fall_back`` the small or the large model goes on alone where that is faster.
    ``gamma: bandit`` learns the number from what rounds took. ``skipped`` says what becomes of drafts at which the stop
    rule goes on: they are verified with the others, which is exact, or kept without asking. With ``keep``, one unsure
    draft is sent a round; that is u-hlm.
    """

    source = "arXiv 2211.17192; auto 2601.00644 and 2509.04576; bandit 2606.20591"

    name: Literal["spec"] = "spec"
    gamma: Annotated[
        int | Literal["auto", "bandit"], Key("most drafts of a round", at_least=1, at_most=MOST_DRAFTS)
    ]
    bonus: Annotated[bool, Key("whether the large model adds a token where all drafts were accepted")] = True
    payload: Payload = FullSettings()
    stop: Stop = FixedSettings()
    skipped: Annotated[Literal["verify", "keep"], Key("what becomes of drafts before an unsure one")] = (
        "verify"
    )
    overlap: Annotated[
        bool,
        Key("whether the next round is drafted while this one is judged, as if all drafts were accepted"),
    ] = False
    most: Most = None
    acceptance: Acceptance = None
    rate: Annotated[
        Literal["current", "mean"] | None, Key("the uplink rate that auto looks at; current if empty")
    ] = None
    fall_back: Annotated[
        Literal["slm", "llm", "either"] | None, Key("which model auto lets go on alone where that is faster")
    ] = None
    exploration: Annotated[
        float | None, Key("how far a bandit trusts what it tried little; 1 if empty", at_least=0, at_most=100)
    ] = None

    @model_validator(mode="after")
    def _keep_fits(self) -> Self:
        if self.skipped == "keep" and isinstance(self.stop, FixedSettings):
            raise said("nothing says which drafts are sure, given 'fixed', allowed: another rule", "stop")
        if self.skipped == "keep" and self.gamma != 1:
            text = f"one unsure draft a round, given {self.gamma}, allowed: 1 with skipped: keep"
            raise said(text, "gamma")
        return self

    @model_validator(mode="after")
    def _who_drafts_ahead_knows_where(self) -> Self:
        if self.overlap and (self.bonus or not isinstance(self.gamma, int)):
            key, allowed = ("bonus", "false") if self.bonus else ("gamma", "a number")
            given = str(getattr(self, key)).lower()
            raise said(
                f"the next round is drafted before it begins, given {given}, allowed: {allowed} with overlap",
                key,
            )
        if self.overlap and not isinstance(self.stop, FixedSettings):
            raise said("the next round is drafted before it begins, allowed: fixed with overlap", "stop")
        return self

    @model_validator(mode="after")
    def _keys_are_looked_at(self) -> Self:
        used = {"auto": {"most", "acceptance", "rate", "fall_back"}, "bandit": {"most", "exploration"}}
        for key in ("most", "acceptance", "rate", "fall_back", "exploration"):
            if key not in used.get(str(self.gamma), set()) and getattr(self, key) is not None:
                kinds = " or ".join(kind for kind, keys in used.items() if key in keys)
                text = f"nothing looks at it, given {getattr(self, key)}, allowed: with gamma: {kinds}"
                raise said(text, key)
        if self.gamma == "auto" and not isinstance(self.stop, FixedSettings):
            raise said("auto expects every draft to be made, allowed: fixed", "stop")
        return self

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        with at_key("payload"):
            payload = self.payload.build(context)
        with at_key("stop"):
            stop = self.stop.build(context)
        gamma = self.gamma if isinstance(self.gamma, int) else self.most or MOST_DRAFTS
        blocks = Blocks(gamma, self.bonus, payload, stop, self.skipped == "keep", self.overlap)
        if self.gamma == "bandit":
            _speed(context)
            return BanditGamma(blocks, 1.0 if self.exploration is None else self.exploration)
        return self._auto(blocks, context) if self.gamma == "auto" else blocks

    def _auto(self, blocks: Blocks, context: PolicyContext) -> Policy:
        speed = _speed(context)
        cost = expected_cost(blocks, self.acceptance, speed)
        current = self.rate != "mean"
        slm_s = cost.device_s[1] if self.fall_back in ("slm", "either") else math.inf
        by_llm = self.fall_back in ("llm", "either")
        llm_s = math.inf
        if by_llm and not current:
            costs = speed.costs()
            # One stream: its tokens follow each other at the pace of the passes, or of a slower downlink.
            llm_s = max(float(costs.llm.seconds(middle(speed), 1)), costs.id_bits / costs.downlink_bps)
        policy = AutoGamma(blocks, cost, (slm_s, llm_s), by_llm and current, current)
        return policy if current else policy.at_rate_bps(speed.rate_bps())


class GelatoSettings(PolicyKind):
    """As many drafts as an energy queue allows, and fewer where a leaky bucket of entropy runs over.

    ``v`` weighs tokens a second against joules above the budget: at 0 the device never drafts once it is above its
    budget, and a large one takes the fastest number of drafts.
    """

    source = "arXiv 2605.10124"

    name: Literal["gelato"] = "gelato"
    budget_w: Annotated[float, Key("power that the device may draw on average", "W", at_least=0, at_most=1e6)]
    v: Annotated[float, Key("worth of a token a second", "J^2 s", at_least=0, at_most=1e12)]
    gamma_max: Annotated[int, Key("most drafts of a round", at_least=1, at_most=MOST_DRAFTS)]
    limit: Annotated[float, Key("entropy that leaks out with every draft", "nat", at_least=0, at_most=100)]
    bucket: Annotated[float, Key("entropy that the bucket holds", "nat", at_least=0, at_most=1e6)]
    payload: Payload = FullSettings()
    acceptance: Acceptance = None

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy."""
        with at_key("payload"):
            payload = self.payload.build(context)
        speed = _speed(context)
        blocks = Blocks(self.gamma_max, payload=payload, stop=EntropyBucket(self.limit, self.bucket))
        cost = expected_cost(blocks, self.acceptance, speed)
        return Gelato(blocks, self.budget_w, self.v, cost, speed.power())


def _speed(context: PolicyContext) -> Speed:
    """What a number of drafts is chosen by; there is none where nothing is timed."""
    if context.speed is None:
        text = "is chosen by what rounds take, and nothing is timed here, allowed: a number of drafts"
        raise InputError([Fault("", "gamma", text)])
    return context.speed


def middle(speed: Speed) -> int:
    """Tokens in the caches in the middle of a text."""
    return round(speed.prompt_tokens() + speed.num_tokens / 2)


def expected_cost(blocks: Blocks, acceptance: float | str | None, speed: Speed) -> RoundCost:
    """What rounds of 0 … ``gamma`` drafts are expected to yield and to take.

    Raises
    ------
    InputError
        At ``acceptance``, if the trace does not say it.
    """
    tokens = _expected_tokens(blocks.gamma, "runs" if acceptance is None else acceptance, speed)
    plain = without_bonus(tokens)
    # A round gives a token more with the bonus where all of its drafts were accepted; so where they are independent.
    all_accepted = np.clip(tokens - plain, 0.0, 1.0)
    chosen = tokens if blocks.bonus else plain
    return round_costs(speed.costs(), terms_of(blocks), chosen, all_accepted, middle(speed))


def _expected_tokens(most: int, acceptance: float | str, speed: Speed) -> NDArray[np.float64]:
    """Tokens of a round of 1 … ``most`` drafts and the bonus."""
    if acceptance == "runs" and speed.runs is not None:
        return np.array(speed.runs[:most])
    alpha = speed.alpha if isinstance(acceptance, str) else acceptance
    if alpha is None or (acceptance == "runs" and not speed.independent):
        text = f"needs a trace that is calibrated (netsim calibrate), given '{acceptance}', allowed: a number"
        raise InputError([Fault("", "acceptance", text)])
    return independent_tokens(alpha, most)
