"""The simulations behind ``docs/reproduction.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from netsim.results.ratio_tables import paired_ratio
from netsim.results.statistics import INTERVALS, Interval
from netsim.scenario import load_scenario
from netsim.sweeps.run import sweep_with_prompts

PAPERS = Path(__file__).resolve().parents[2] / "scenarios" / "papers"
SNR = "channel.snr_db"
#: What the papers neglect, each switched on by itself, and all of it.
NEGLECTED: dict[str, tuple[str, ...]] = {
    "as in the papers": (),
    "token ids billed": ("payload.count_indices=true",),
    "the LLM catches up": ("latency.catch_up=true",),
    "measuring u takes 0.16 s": ("latency.uncertainty=0.16",),
    "all three": ("payload.count_indices=true", "latency.catch_up=true", "latency.uncertainty=0.16"),
}


@dataclass(frozen=True)
class Run:
    """Rows of one scenario, and the sums of their prompts; policies are told apart by their settings."""

    table: pd.DataFrame
    prompts: pd.DataFrame

    @classmethod
    def of(cls, name: str, overrides: tuple[str, ...] = (), jobs: int = 1) -> Run:
        """Simulate a scenario of the papers."""
        return cls(*sweep_with_prompts(load_scenario(PAPERS / f"{name}.yaml", overrides), jobs))

    def rows(self, policy: Mapping[str, Any], snr_db: float | None = None) -> pd.DataFrame:
        """Rows of one policy, by seed."""
        return _of(self.table, policy, snr_db)

    def mean(self, policy: Mapping[str, Any], column: str) -> float:
        """Mean of a column over seeds and SNRs, NaN where it is empty."""
        return float(self.rows(policy)[column].astype(float).mean())

    def snrs_db(self) -> list[float]:
        """SNRs of the sweep, ascending."""
        return sorted(float(value) for value in self.table[SNR].unique())

    def gain(
        self, policy: Mapping[str, Any], snr_db: float, over: Mapping[str, Any] | None = None
    ) -> Interval:
        """Throughput over another policy's, by default hlm's, with its paired 95 % interval over prompts."""
        other = self._hlm(policy) if over is None else over
        sums = _of(self.prompts, policy, snr_db), _of(self.prompts, other, snr_db)
        rows = self.rows(policy, snr_db), self.rows(other, snr_db)
        interval, conditioned_on = paired_ratio("throughput_tok_s", *rows, sums)
        if conditioned_on != INTERVALS["prompts_"]:
            raise ValueError("the papers' scenarios have too few prompts for an interval over prompts")
        return interval

    def best_gain(self, policy: Mapping[str, Any]) -> tuple[float, Interval]:
        """The SNR of the largest gain, and the gain."""
        gains = {snr_db: self.gain(policy, snr_db) for snr_db in self.snrs_db()}
        best = max(gains, key=lambda snr_db: gains[snr_db].mean)
        return best, gains[best]

    def accuracy(self, policy: Mapping[str, Any]) -> float:
        """``exp(nll of hlm - nll)``: what the LLM makes of a token compared with hlm's, in the mean over seeds."""
        own, hlm = self.rows(policy), self.rows(self._hlm(policy))
        return float(np.exp(hlm["llm_nll"].astype(float).to_numpy() - own["llm_nll"].astype(float)).mean())

    @staticmethod
    def _hlm(policy: Mapping[str, Any]) -> dict[str, Any]:
        """hlm, on the trace that a policy met."""
        return {"name": "hlm"} | {key: value for key, value in policy.items() if key.startswith("trace.")}


def _of(table: pd.DataFrame, policy: Mapping[str, Any], snr_db: float | None) -> pd.DataFrame:
    chosen = np.ones(len(table), bool)
    for key, value in policy.items():
        column = table[key if "." in key else f"policy.{key}"]
        same = np.isclose(column.astype(float), value) if isinstance(value, float) else column == value
        chosen &= np.asarray(same)
    if snr_db is not None:
        chosen &= np.asarray(table[SNR] == snr_db)
    return table[chosen].sort_values([name for name in (SNR, "seed", "prompt") if name in table])


def neglected_gains(jobs: int) -> dict[str, list[tuple[float, Interval]]]:
    """Gain of u-hlm (risk-prone) over hlm at three SNRs, for each entry of `NEGLECTED`."""
    policies = "policy=[{name: hlm}, {name: u-hlm, threshold: risk-prone}]"
    snrs = "channel.snr_db=[0, 10, 20]"
    gains = {}
    for name, switches in NEGLECTED.items():
        run = Run.of("u-hlm-throughput", (f"sweep.{policies}", f"sweep.{snrs}", *switches), jobs)
        gains[name] = [(snr_db, run.gain({"name": "u-hlm"}, snr_db)) for snr_db in run.snrs_db()]
    return gains
