"""The best uncertainty threshold at each SNR, under a bound on what skipping costs.

Both papers (arXiv 2412.12687, 2505.11788) choose one threshold from the pair's line, whatever the channel. Here every
threshold that the measure can tell apart is simulated under the same draws, and the best one is picked for
each SNR: either so that the bound holds at each, or so that it holds on the mean over all SNRs.

Skipping saves time wherever one pass over m + 1 positions is quicker than m + 1 passes, so under a bound at each
SNR the best threshold is the largest allowed, the same everywhere. On the mean over SNRs it pays to spend the
allowance where an upload is dear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from netsim.errors import Fault, InputError
from netsim.results.over_prompts import ratio_over_prompts
from netsim.results.ratio_tables import paired_ratio, ratio_tables
from netsim.results.statistics import INTERVALS, Interval, token_seed_interval
from netsim.scenario import Scenario
from netsim.scenario.policies.published import CuHlmSettings, HlmSettings, UHlmSettings
from netsim.sweeps.run import sweep_with_prompts

SNR, THRESHOLD = "channel.snr_db", "policy.threshold"
#: Thresholds where the measure has no grid of its own.
EVEN_STEPS = 20
_BOUND = re.compile(r"\s*([a-z_0-9]+)\s*(>=|<=)\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True)
class Bound:
    """``column >= limit`` or ``column <= limit`` on a mean over seeds."""

    column: str
    at_least: bool
    limit: float

    @classmethod
    def parse(cls, text: str) -> Bound:
        """Read ``accuracy >= 0.97``.

        Raises
        ------
        InputError
            If it is not of that form.

        Examples
        --------
        >>> Bound.parse("rejected_skips <= 0.03")
        Bound(column='rejected_skips', at_least=False, limit=0.03)
        """
        match = _BOUND.fullmatch(text)
        try:
            assert match, "no match"
            return cls(match[1], match[2] == ">=", float(match[3]))
        except (AssertionError, ValueError):
            allowed = "allowed: column >= number or column <= number"
            raise InputError([Fault("--subject-to", "", f"not a bound, given '{text}', {allowed}")]) from None

    def excess(self, table: pd.DataFrame) -> pd.Series[float]:
        """By how much each row breaks the bound; at most 0 where it holds."""
        values = table[self.column]
        return self.limit - values if self.at_least else values - self.limit


def simulate_thresholds(
    scenario: Scenario, jobs: int, *, quiet: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of hlm and of every threshold, at every SNR of the scenario, with two columns more; and their prompts' sums.

    ``rejected_skips`` is the share of all rounds that are skipped and that the LLM would have rejected;
    ``accuracy`` is what the LLM makes of a token compared with hlm's, ``exp(nll of hlm - nll)``, under the same draws.

    Raises
    ------
    InputError
        If the scenario sweeps anything but policy and SNR, or asks for what can't be had.
    """
    others = [axis for axis in scenario.sweep if axis not in (SNR, "policy")]
    if others:
        raise InputError([Fault("", f"sweep.{others[0]}", f"not swept here, allowed: policy and {SNR}")])
    content = scenario.model_dump()
    axes: dict[str, Any] = {
        "policy": [HlmSettings(name="hlm").model_dump(), *_candidates(scenario)],
        SNR: list(scenario.sweep.get(SNR, (scenario.channel.snr_db,))),
    }
    table, prompts = sweep_with_prompts({**content, "sweep": axes}, jobs, quiet=quiet)
    skipped, right = 1 - table["transmission_rate"], table["true_skip_rate"].fillna(1.0)
    table["rejected_skips"] = skipped * (1 - right)
    hlm = table[table["policy.name"] == "hlm"].set_index([SNR, "seed"])["llm_nll"]
    own = hlm.loc[list(zip(table[SNR], table["seed"], strict=True))].to_numpy(dtype=np.float64)
    table["accuracy"] = np.exp(own - table["llm_nll"].astype(float))
    return table, prompts


def _candidates(scenario: Scenario) -> list[dict[str, Any]]:
    """The scenario's own policy, or u-hlm, at every threshold that its measure can tell apart."""
    samples = scenario.uncertainty.samples
    on_grid = scenario.uncertainty.measure == "temperature" and np.isfinite(float(samples))
    steps = int(samples) if on_grid else EVEN_STEPS
    policy = scenario.policy
    if not isinstance(policy, (UHlmSettings, CuHlmSettings)):
        policy = UHlmSettings(name="u-hlm", threshold=0.0)
    return [policy.model_copy(update={"threshold": step / steps}).model_dump() for step in range(steps + 1)]


def best_thresholds(
    table: pd.DataFrame,
    objective: str,
    bounds: Sequence[Bound],
    *,
    on_the_mean: bool,
    prompts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The best threshold at each SNR.

    Parameters
    ----------
    table, prompts : as ``simulate_thresholds`` returns them; without the prompts' sums, intervals are over token seeds.
    objective : str
        Column to maximise, in the mean over seeds.
    bounds : sequence of Bound
        On means over seeds.
    on_the_mean : bool
        Whether the first bound is on the mean over SNRs, and the objective the throughput of a device that
        makes as many tokens at each. Needs exactly one bound.

    Returns
    -------
    DataFrame
        One row per SNR: ``channel.snr_db``, ``threshold`` (NaN where none meets the bounds), the means of
        the objective, of the bounded columns and of the transmission rate, and ``speed_up`` of the objective
        over hlm with the ends of its paired interval; ``interval`` and ``speed_up_interval`` say what the ends are
        over: prompts, where the objective is a ratio of their sums, else token seeds. Chosen and shown on the same
        seeds, a maximum is a little optimistic.

    Raises
    ------
    InputError
        For a column that there is not, or that is empty.
    """
    wanted = list(dict.fromkeys([objective, *(bound.column for bound in bounds), "transmission_rate"]))
    candidates = table[table["policy.name"] != "hlm"]
    for column in wanted:
        if column not in table or not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError([Fault("optimize", "", f"no result column '{column}'")])
        if candidates[column].isna().any():
            text = f"'{column}' is empty in some rows: outputs that are not on the trace have no text"
            raise InputError([Fault("optimize", "", text)])
    means = candidates.groupby([SNR, THRESHOLD])[wanted].mean().reset_index()
    chosen = _on_the_mean(means, objective, bounds) if on_the_mean else _at_each(means, objective, bounds)
    rows = [_row((table, prompts), means, snr, chosen.get(snr), wanted) for snr in means[SNR].unique()]
    return pd.DataFrame(rows)


def _at_each(means: pd.DataFrame, objective: str, bounds: Sequence[Bound]) -> dict[float, float]:
    allowed = (
        means[np.logical_and.reduce([bound.excess(means) <= 0 for bound in bounds])] if bounds else means
    )
    best = allowed.loc[allowed.groupby(SNR)[objective].idxmax()]
    return dict(zip(best[SNR], best[THRESHOLD], strict=True))


def _on_the_mean(means: pd.DataFrame, objective: str, bounds: Sequence[Bound]) -> dict[float, float]:
    """Lagrange: the smallest price of the bound at which the choices meet it; exact up to the convex hull."""
    if len(bounds) != 1 or objective != "throughput_tok_s":
        text = "takes one bound, and the throughput as its objective"
        raise InputError([Fault("--on-the-mean", "", text)])
    excess, seconds = bounds[0].excess(means), 1 / means[objective]

    def choose(price: float) -> list[int]:
        return [int(row) for row in (seconds + price * excess).groupby(means[SNR]).idxmin()]

    low, high = 0.0, 1.0
    if excess[choose(low)].mean() <= 0:
        high = low
    else:
        while excess[choose(high)].mean() > 0:
            low, high = high, 2 * high
            if not np.isfinite(high):
                return {}
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if excess[choose(middle)].mean() <= 0 else (middle, high)
    best = means.loc[choose(high)]
    return dict(zip(best[SNR], best[THRESHOLD], strict=True))


def _row(
    simulated: tuple[pd.DataFrame, pd.DataFrame | None],
    means: pd.DataFrame,
    snr_db: float,
    threshold: float | None,
    wanted: Sequence[str],
) -> dict[str, float | str]:
    if threshold is None:
        return {SNR: snr_db, "threshold": np.nan}
    objective = wanted[0]
    (own, own_sums), (hlm, hlm_sums) = (
        [None if part is None else _of(part, snr_db, of) for part in simulated] for of in (threshold, None)
    )
    assert own is not None
    assert hlm is not None
    shown = means[(means[SNR] == snr_db) & (means[THRESHOLD] == threshold)].iloc[0]
    sums = None if own_sums is None or hlm_sums is None else (own_sums, hlm_sums)
    speed_up, paired_over = paired_ratio(objective, own, hlm, sums)
    (_, low, high), over = _interval(objective, own, own_sums)
    return {
        SNR: snr_db,
        "threshold": threshold,
        **{column: float(shown[column]) for column in wanted},
        f"{objective}_low": low,
        f"{objective}_high": high,
        "interval": over,
        "speed_up": speed_up.mean,
        "speed_up_low": speed_up.low,
        "speed_up_high": speed_up.high,
        "speed_up_interval": paired_over,
    }


def _of(table: pd.DataFrame, snr_db: float, threshold: float | None) -> pd.DataFrame:
    """Rows of one threshold, of hlm where there is none, at one SNR: seeds and prompts ascend."""
    chosen = table["policy.name"] == "hlm" if threshold is None else table[THRESHOLD] == threshold
    keys = ["seed", *({"prompt"} & {*table})]
    return table[chosen & (table[SNR] == snr_db)].sort_values(keys)


def _interval(column: str, rows: pd.DataFrame, sums: pd.DataFrame | None) -> tuple[Interval, str]:
    """The interval over prompts, where there is one; else that over token seeds. And its name."""
    tables = ratio_tables(column, rows[column].astype(float), sums)
    if tables is not None and not np.isnan((over_prompts := ratio_over_prompts(*tables)).low):
        return over_prompts, INTERVALS["prompts_"]
    return token_seed_interval(rows[column].astype(float), rows["token_seed"]), INTERVALS[""]
