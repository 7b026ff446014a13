"""Sure drafts kept or verified: the same threshold, on the same draws."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.field.bridge import SHOWN_DB, rows, sides
from analysis.figures.results import Results
from netsim.scenario import load_scenario
from netsim.startup import ROOT
from netsim.sweeps.run import sweep


def test_what_is_verified_has_the_likelihood_of_an_exact_method() -> None:
    changes = ("seeds=4", f"sweep.channel.snr_db=[{SHOWN_DB:g}, 20]")
    table = sweep(load_scenario(ROOT / "scenarios" / "field" / "bridge.yaml", changes))
    results = Results(table, tuple(map(str, table.columns[: table.columns.get_loc("seed")])))
    both = sides(results, llm_nll=1.0)
    kept, verified = both.values()
    assert kept["threshold"].tolist() == verified["threshold"].tolist() == [0.1, 0.3, 0.5]
    own = table[(table["channel.snr_db"] == SHOWN_DB) & (table["policy.name"] == "u-hlm")]
    for threshold, group in own.groupby("policy.threshold"):
        [line] = kept[kept["threshold"] == threshold].to_dict("records")
        assert line["mean"] == pytest.approx(group["throughput_tok_s"].mean(), rel=1e-12)
        assert line["kept"] == pytest.approx(np.exp(1 - group["llm_nll"].mean()), rel=1e-12)
    # All that is verified has one text, hlm's; what is kept comes from the small model, whose text is less likely.
    assert np.ptp(verified["kept"]) < 1e-12
    assert (kept["kept"] < verified["kept"].iloc[0]).all()
    head, lines = rows(both)
    assert [len(line) for line in lines] == [len(head)] * 3
