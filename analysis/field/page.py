"""Write ``docs/field.md``: every method of the field on the same recorded decisions, over SNR and over round-trip time.

``python -m analysis.field`` runs ``scenarios/field/everyone.yaml`` and ``everyone-rtt.yaml`` and writes the page and its pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.field.bridge import draw_bridge, rows, sides
from analysis.field.figure import METHODS, by_method, draw, interval
from analysis.figures.kinds import RTT, THROUGHPUT, crossings
from analysis.figures.results import SNR, Results, read_results
from analysis.figures.transforms import curves, points
from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from netsim.sweeps.run import run_sweep
from traces.format.trace import Trace
from traces.speculative.grouping import independent_tokens, round_tokens
from traces.speculative.walk import Measure

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios" / "field"
PAGE = Path(__file__).with_name("template.md")
#: SNRs of the table, dB.
SHOWN_DB = (0.0, 10.0, 20.0)
GAMMAS = (1, 2, 3, 4, 6, 8)
#: Columns of the table at one SNR, and their heads.
HEADS = {
    "throughput_tok_s": "tokens/s",
    "tokens_per_exchange": "tokens a round",
    "uplink_bits": "bits up a token",
    "downlink_bits": "bits down a token",
    "device_energy_j": "mJ a token",
    "output_tv": "TV",
    "llm_nll": "likelihood kept",
    "on_trace": "on trace",
}
NONE = "n/a"


def page(jobs: int, pictures: Path) -> str:
    """Run everything; the page's text, with pictures written beside it."""
    with tempfile.TemporaryDirectory() as folder:
        over_snr, over_rtt, bridge = (Path(folder) / name for name in ("snr", "rtt", "bridge"))
        run_sweep(SCENARIOS / "everyone.yaml", over_snr, jobs=jobs)
        run_sweep(SCENARIOS / "everyone-rtt.yaml", over_rtt, jobs=jobs)
        run_sweep(SCENARIOS / "bridge.yaml", bridge, jobs=jobs)
        by_snr, by_rtt, of_bridge = (read_results(done) for done in (over_snr, over_rtt, bridge))
        draw(by_snr, by_rtt, pictures / "field.png")
        both = sides(of_bridge)
        draw_bridge(both, pictures / "field-bridge.png")
        sections = {
            "methods": methods_section(by_snr),
            "interval": interval(by_snr),
            "snr": snr_section(by_snr),
            "bridge": markdown(*rows(both)),
            "crossover": crossover_section(by_rtt),
            "formula": formula_section(Trace.open(ROOT / "traces" / "field")),
        }
    text = PAGE.read_text(encoding="utf-8")
    for name, section in sections.items():
        text = text.replace(f"<!-- {name} -->", section)
    return text


def methods_section(results: Results) -> str:
    """What each name stands for."""
    labels = curves(results, SNR, THROUGHPUT)["label"].drop_duplicates().astype(str)
    return markdown(["method", "policy"], [list(pair) for pair in zip(METHODS, labels, strict=True)])


def snr_section(results: Results) -> str:
    """A table of all methods for each of three SNRs."""
    table = points(results, list(HEADS))
    parts = []
    for snr_db in SHOWN_DB:
        own = table[table[SNR] == snr_db]
        llm = llm_nll(results)
        rows = [[name, *_cells(row, llm)] for name, row in zip(METHODS, own.to_dict("records"), strict=True)]
        parts.append(f"### {snr_db:g} dB\n\n{markdown(['method', *HEADS.values()], rows)}")
    return "\n\n".join(parts)


def llm_nll(results: Results) -> float:
    """What the large model makes of its own output, nats a token: the same at every SNR."""
    table = points(results, ["llm_nll"])
    return float(table.loc[table["policy.name"] == "llm", "llm_nll_mean"].iloc[0])


def _cells(row: dict[Hashable, Any], llm_nll: float) -> list[str]:
    """Cells of one method; its throughput with the half width of its interval."""
    low, high = (row[f"{THROUGHPUT}_{end}"] for end in ("low", "high"))
    nll = row["llm_nll_mean"]
    return [
        f"{row[f'{THROUGHPUT}_mean']:.1f} ± {(high - low) / 2:.1f}",
        _number(row["tokens_per_exchange_mean"], ".2f"),
        _number(row["uplink_bits_mean"], ",.0f"),
        _number(row["downlink_bits_mean"], ",.0f"),
        _number(1000 * row["device_energy_j_mean"], ".1f"),
        _number(row["output_tv_mean"], ".3f"),
        NONE if pd.isna(nll) else f"{100 * np.exp(llm_nll - nll):.1f} %",
        _number(row["on_trace_mean"], ".3f"),
    ]


def _number(value: float, form: str) -> str:
    return NONE if np.isnan(value) else f"{value:{form}}"


def crossover_section(results: Results) -> str:
    """Round-trip times at which the LLM alone becomes the faster one."""
    ours = by_method(results, RTT)
    llm = ours["LLM alone"]
    rows = []
    for label, curve in ours.items():
        if label in ("LLM alone", "SLM alone"):
            continue
        difference = curve["mean"].to_numpy() - np.interp(curve["x"], llm["x"], llm["mean"])
        at = crossings(curve["x"], pd.Series(difference))
        if at:
            text = ", ".join(f"{1000 * rtt_s:.0f} ms" for rtt_s in at)
        else:
            text = "never slower than llm here" if difference[0] > 0 else "never faster than llm"
        rows.append([label, text])
    return markdown(["method", "llm is faster beyond"], rows)


def formula_section(trace: Trace) -> str:
    """Tokens a round by the formula of independent acceptance, and by the recorded ones."""
    manifest = trace.manifest
    measure = Measure(manifest.measure.samples, manifest.measure.theta_max, manifest.measure.name)
    decider = Decider(trace, measure, manifest.num_tokens)
    paths = [decider.rounds(Hlm(), seed) for seed in range(len(manifest.token_seeds))]
    accepted = np.concatenate([path.accepted for path in paths])
    length = np.concatenate([path.length for path in paths])
    alpha = float(accepted[np.arange(accepted.shape[1]) < length[:, None]].mean())
    formula = independent_tokens(alpha, max(GAMMAS))
    replay = round_tokens(accepted, length, max(GAMMAS))
    rows = [
        [
            str(gamma),
            f"{formula[gamma - 1]:.3f}",
            f"{replay[gamma - 1]:.3f}",
            f"{100 * (formula / replay - 1)[gamma - 1]:.1f} %",
        ]
        for gamma in GAMMAS
    ]
    head = ["gamma", f"formula, alpha {alpha:.3f}", "replay", "formula too high by"]
    return markdown(head, rows)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Command line: ``--jobs N --out FOLDER``."""
    parser = argparse.ArgumentParser(description="Write docs/field.md and its pictures.")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder (default: docs)")
    options = parser.parse_args()
    path = options.out / "field.md"
    path.write_text(page(options.jobs, options.out), encoding="utf-8")
    sys.stdout.write(f"{path}\n")
