"""A policy of one's own in ten lines, beside two of the literature, and a figure of it.

U-HLM sends a draft when the device is unsure of it. This one also sends some of the others, at random, so that a mistake
is sometimes noticed. Its paths were not recorded, so it leaves the trace now and then: `on_trace` says how often, and the text is
then not the models' own. Classes of one's own need NETSIM_ALLOW_PLUGINS=1, which the program sets for itself here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import numpy as np

import netsim
from netsim.extend import Drafts, Key, PolicyContext, PolicyKind


@dataclass(frozen=True)
class Audited:
    """Sends where the device is unsure, and one round in ten all the same."""

    threshold: float
    drafts = True

    def transmits(self, drafts: Drafts) -> np.ndarray:
        """Which paths send their round."""
        return ~drafts.at_most(self.threshold) | (drafts.skip_draw < 0.1)


class AuditedSettings(PolicyKind):
    """As u-hlm, with one sure round in ten sent as well."""

    threshold: Annotated[float, Key("largest uncertainty that is skipped", at_least=0, at_most=1)]

    def build(self, context: PolicyContext) -> Audited:
        """Make the policy."""
        return Audited(self.threshold)


def main() -> None:
    """Sweep, print the means over seeds, and draw throughput over SNR."""
    os.environ["NETSIM_ALLOW_PLUGINS"] = "1"
    u_hlm = {"name": "u-hlm", "threshold": 0.3}
    own = {"name": "__main__:AuditedSettings", "threshold": 0.3}
    table = netsim.sweep(
        {
            "name": "audited",
            "trace": "tiny-demo",
            "latency": {"slm": 0.01, "llm": 0.03},
            "seeds": 4,
            "sweep": {"policy": ["hlm", u_hlm, own], "channel.snr_db": [0, 10, 20]},
        }
    )
    columns = ["throughput_tok_s", "transmission_rate", "on_trace"]
    means = table.groupby(["policy.name", "channel.snr_db"])[columns].mean()
    print(means.round(3).to_string())

    from matplotlib.figure import Figure  # noqa: PLC0415  (of no use to the sweep)

    figure = Figure(figsize=(3.5, 2.5), layout="constrained")
    axes = figure.subplots()
    for name, rows in means["throughput_tok_s"].groupby(level=0):
        axes.plot(rows.index.get_level_values(1), rows, marker="o", label=name)
    axes.set(xlabel="SNR (dB)", ylabel="throughput (tokens/s)")
    axes.legend()
    figure.savefig("own_policy.png", dpi=150)


if __name__ == "__main__":
    main()
