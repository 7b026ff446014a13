"""Sure drafts kept or verified: the same threshold, on the same draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.field.bridge import SHOWN_DB, rows, sides
from analysis.figures.results import read_results
from netsim.scenario import load_scenario
from netsim.startup import ROOT
from netsim.sweeps.run import run_sweep


def test_what_is_verified_is_hlms_text_and_what_is_kept_is_less_likely(tmp_path: Path) -> None:
    changes = ("seeds=4", f"sweep.channel.snr_db=[{SHOWN_DB:g}, 20]")
    run_sweep(load_scenario(ROOT / "scenarios" / "field" / "bridge.yaml", changes), tmp_path)
    results = read_results(tmp_path)
    both = sides(results)
    kept, verified = both.values()
    assert [threshold for threshold, _ in kept] == [threshold for threshold, _ in verified] == [0.1, 0.3, 0.5]
    table = results.table[results.table["channel.snr_db"] == SHOWN_DB]
    hlm = table[table["policy.name"] == "hlm"]
    for threshold, one in kept:
        own = table[table["policy.threshold"] == threshold]
        faster = own["throughput_tok_s"].mean() / hlm["throughput_tok_s"].mean()
        assert one.speed_up.mean == pytest.approx(faster, rel=1e-9)
        likelihood = np.exp(hlm["llm_nll"].mean() - own["llm_nll"].mean())
        assert one.accuracy.mean == pytest.approx(likelihood, rel=1e-9)
        assert one.accuracy.mean < 1
    for _, one in verified:
        assert one.accuracy == pytest.approx((1, 1, 1), abs=1e-12)
    head, lines = rows(both)
    assert [len(line) for line in lines] == [len(head)] * 3
