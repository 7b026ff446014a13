"""The tables and pictures of ``docs/reproduction.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np

from analysis.figures.identity import COLOURS, HATCHES
from analysis.figures.margins import footnote, legend_below
from analysis.figures.style import STYLE, new_figure, save
from analysis.reproduction.runs import Run, neglected_gains
from netsim.deciding.thresholds import RejectionLine
from netsim.results.statistics import Interval
from traces.format.trace import Trace

ROOT = Path(__file__).resolve().parents[2]
#: arXiv 2412.12687: TinyLlama-1.1B and Llama-2-7B on Alpaca; Delta as its risk-prone threshold, 0.43, implies.
U_HLM_LINE = RejectionLine(0.82, -0.06, delta=0.293)
#: arXiv 2505.11788, version 2: the same pair; Delta as its risk-prone threshold, 0.8117, implies.
CU_HLM_LINE = RejectionLine(0.815, -0.066, delta=0.5955)
#: Densities of u beside the published lines: alpha and beta, and what they are.
DENSITIES = {"Beta(1, 1.4), assumed": (1.0, 1.4), "Beta(0.149, 0.265), hypothesis": (0.149, 0.265)}
VOCABULARY = 32_000
NONE = "n/a"

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Reproduced:
    """Everything that the page tells of."""

    u_hlm: Run
    cu_hlm: Run
    compression: Run
    real: Run
    published_u: Run
    published_cu: Run
    testbed: Run
    line: RejectionLine
    real_line: RejectionLine

    @classmethod
    def simulate(cls, jobs: int) -> Reproduced:
        """Run the scenarios."""
        return cls(
            u_hlm=Run.of("u-hlm-throughput", (), jobs),
            cu_hlm=Run.of("cu-hlm-throughput", (), jobs),
            compression=Run.of("cu-hlm-compression", (), jobs),
            real=Run.of("real-pair", (), jobs),
            published_u=Run.of("published-u-hlm", (), jobs),
            published_cu=Run.of("published-cu-hlm", (), jobs),
            testbed=Run.of("testbed", (), jobs),
            line=fitted_line("tiny"),
            real_line=fitted_line("qwen"),
        )


def fitted_line(trace: str) -> RejectionLine:
    """The line of a shipped trace's calibration."""
    fitted = Trace.open(ROOT / "traces" / trace).manifest.calibration
    if fitted is None:
        raise SystemExit(
            f"traces/{trace} is not calibrated: netsim calibrate traces/{trace}-calibration --store-in traces/{trace}"
        )
    return RejectionLine(fitted.a, fitted.b, fitted.delta)


def density(alpha: float, beta: float) -> Policy:
    """What picks the rows of one density of u."""
    return {"trace.uncertainty.alpha": alpha, "trace.uncertainty.beta": beta}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float) -> str:
    """``45.9 %``, or ``n/a``."""
    return NONE if np.isnan(share) else f"{100 * share:.1f} %"


def times(gain: Interval) -> str:
    """``1.85x [1.80, 1.90]``."""
    return f"{gain.mean:.2f}x [{gain.low:.2f}, {gain.high:.2f}]"


def clipped(line: RejectionLine, name: str) -> float:
    """Threshold of a line by its name, as the simulator uses it."""
    value = line.threshold("risk-averse" if name == "risk-averse" else "risk-prone")
    assert value is not None, "both lines rise"
    return min(1.0, max(0.0, value))


def u_hlm_section(results: Reproduced) -> str:
    """Headline figures of arXiv 2412.12687."""
    sources: list[tuple[str, Run, RejectionLine, Policy]] = [
        ("built-in pair", results.u_hlm, results.line, {}),
        ("real pair", results.real, results.real_line, {}),
        *(
            (f"published line, {name}", results.published_u, U_HLM_LINE, density(*own))
            for name, own in DENSITIES.items()
        ),
    ]
    rows = [["arXiv 2412.12687", "45.93 %", NONE, "97.54 % (of accuracy)", "up to 2.54x", "1.85x"]]
    for name in ("risk-averse", "risk-prone"):
        for source, run, line, among in sources:
            threshold = clipped(line, name)
            policy = {"name": "u-hlm", "threshold": threshold, **among}
            rows.append(_u_row(f"{source}, {name} ({threshold:.3f})", run, policy))
    for source, run, near, skipped in (
        ("built-in pair", results.u_hlm, 0.1, 0.448),
        ("real pair", results.real, 0.2, 0.4),
    ):
        nearest = {"name": "u-hlm", "threshold": near}
        rows.append(_u_row(f"{source}, {near:g}: near the paper's skip share", run, nearest))
        blind = {"name": "rand-hlm", "skip_probability": skipped}
        rows.append(_u_row(f"{source}, rand-hlm, {skipped:g}", run, blind))
    head = [
        "",
        "fewer transmissions",
        "skipped, would be rejected",
        "likelihood kept",
        "largest gain over hlm",
        "bound 1 / TR",
    ]
    return table(head, rows)


def _u_row(label: str, run: Run, policy: Policy) -> list[str]:
    sent, right = run.mean(policy, "transmission_rate"), run.mean(policy, "true_skip_rate")
    snr_db, gain = run.best_gain(policy)
    return [
        label,
        percent(1 - sent),
        percent((1 - sent) * (1 - right)),
        percent(run.accuracy(policy)),
        f"{times(gain)} at {snr_db:g} dB",
        f"{1 / sent:.2f}x",
    ]


def cu_hlm_section(results: Reproduced) -> str:
    """Headline figures of arXiv 2505.11788, over the SNRs of the scenarios."""
    rows = [
        [
            "arXiv 2505.11788",
            "74.8 %",
            "832 (97.4 %)",
            NONE,
            "97.4 % (of accuracy)",
            "up to 206x",
            _cu_bound(832, 0.252),
        ]
    ]
    ours = {"name": "cu-hlm", "threshold": clipped(results.line, "risk-prone")}
    rows += [
        _cu_row(f"built-in pair, k = {k}", results.cu_hlm, {**ours, "k": k}) for k in ("832", "30", "online")
    ]
    theirs = {"name": "cu-hlm", "threshold": clipped(CU_HLM_LINE, "risk-prone")}
    rows += [
        _cu_row(
            f"published line, {name}, k = {k:g}", results.published_cu, {**theirs, **density(*own), "k": k}
        )
        for name, own in DENSITIES.items()
        for k in (832.0, 30.0)
    ]
    head = ["", "skipped", "k", "TV(output, y)", "likelihood kept", "largest gain over hlm", "bound"]
    return table(head, rows)


def _cu_row(label: str, run: Run, policy: Policy) -> list[str]:
    sent, entries = run.mean(policy, "transmission_rate"), run.mean(policy, "upload_entries")
    snr_db, gain = run.best_gain(policy)
    bias = run.mean(policy, "output_tv")
    return [
        label,
        percent(1 - sent),
        f"{entries:.1f} ({percent(1 - entries / VOCABULARY)})",
        NONE if np.isnan(bias) else f"{bias:.4f}",
        percent(run.accuracy(policy)),
        f"{times(gain)} at {snr_db:g} dB",
        _cu_bound(entries, sent),
    ]


def _cu_bound(entries: float, sent: float) -> str:
    """What the gain tends to where the uplink is everything: fewer bits times fewer uploads."""
    return f"{VOCABULARY / entries / sent:.0f}x"


def testbed_section(results: Reproduced) -> str:
    """Throughput at threshold 0.15 over that at 0, under the testbed's seconds."""
    run, rows = results.testbed, [["testbed", "+24.9 %", "+41.8 %", "0.29 to 0.53", "0.10 to 0.25"]]
    low, high = ({"threshold": threshold} for threshold in (0.0, 0.15))
    strong, weak = (run.gain(high, snr_db, over=low) for snr_db in reversed(run.snrs_db()))
    sent = [f"{run.mean(policy, 'transmission_rate'):.2f}" for policy in (low, high)]
    rows.append(["built-in pair", *(_more(gain) for gain in (strong, weak)), *sent])
    head = ["", "strong coverage", "weak coverage", "transmission rate at 0", "at 0.15"]
    return table(head, rows)


def _more(gain: Interval) -> str:
    """``+24.9 % [20.1, 29.7]``."""
    return f"+{100 * (gain.mean - 1):.1f} % [{100 * (gain.low - 1):.1f}, {100 * (gain.high - 1):.1f}]"


def compression_section(results: Reproduced) -> str:
    """Truncation over k and theta, on the built-in pair."""
    run, rows = results.compression, []
    truncated = run.table[run.table["policy.name"] == "cu-hlm"]
    for point in truncated[["policy.k", "policy.theta"]].drop_duplicates().to_dict("records"):
        k, theta = str(point["policy.k"]), float(point["policy.theta"])
        policy: dict[str, Any] = {"name": "cu-hlm", "k": k} | ({} if np.isnan(theta) else {"theta": theta})
        entries = run.mean(policy, "upload_entries")
        rows.append(
            [
                k,
                NONE if np.isnan(theta) else f"{theta:g}",
                f"{entries:.1f}",
                percent(1 - entries / VOCABULARY),
                percent(1 - run.mean(policy, "transmission_rate")),
                f"{run.mean(policy, 'output_tv'):.4f}",
                percent(run.accuracy(policy)),
            ]
        )
    head = ["k", "theta", "mean k", "compression", "skipped", "TV(output, y)", "likelihood kept"]
    return table(head, rows)


def neglected_section(jobs: int, picture: Path) -> str:
    """What the papers leave out, and its bars."""
    gains = neglected_gains(jobs)
    snrs_db = [snr_db for snr_db, _ in next(iter(gains.values()))]
    with matplotlib.style.context(STYLE):
        figure, (axes,) = new_figure(1, height_in=2.4)
        width = 0.8 / len(gains)
        for index, (name, own) in enumerate(gains.items()):
            means = np.array([gain.mean for _, gain in own])
            errors = [[g.mean - g.low for _, g in own], [g.high - g.mean for _, g in own]]
            place = np.arange(len(own)) + (index - (len(gains) - 1) / 2) * width
            bars = axes.bar(place, means, width, yerr=errors, error_kw={"elinewidth": 0.7}, label=name)
            for bar in bars:
                bar.set(facecolor=COLOURS[index], hatch=HATCHES[index], edgecolor="0.15", linewidth=0.4)
        axes.axhline(1.0, color="0.5", linewidth=0.8)
        axes.set_xticks(range(len(snrs_db)), [f"{snr_db:g}" for snr_db in snrs_db])
        axes.set(xlabel="SNR (dB)", ylabel="throughput over hlm")
        footnote(figure, ["Bars: 95 % over prompts, paired with hlm."])
        legend_below(figure)
        save(figure, picture, "png")
    rows = [[name, *(times(gain) for _, gain in own)] for name, own in gains.items()]
    return table(["", *(f"{snr_db:g} dB" for snr_db in snrs_db)], rows)
