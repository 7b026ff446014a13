"""What does a policy do to one answer? The tokens of a recorded trace, each skipped, accepted or replaced."""

from __future__ import annotations

import netsim
from netsim.point import Point
from netsim.startup import ROOT
from netsim.sweeps.replay import replay_rows

TRACE = ROOT / "traces" / "tiny-demo"
POLICIES = ["hlm", "u-hlm:threshold=0.1", "u-hlm:threshold=0.3"]

# Without a radio: rates over all prompts and token seeds.
for row in replay_rows(TRACE, POLICIES):
    print(
        f"{row['policy']:20}  sent {row['transmission_rate']:.3f}  rejected {row['rejection_rate']:.3f}"
        f"  {row['llm_nll']:.3f} nats a token"
    )

# With one: the first prompt under the first seed, token by token.
scenario = netsim.load_scenario(
    {
        "name": "replay",
        "trace": "tiny-demo",
        "policy": {"name": "u-hlm", "threshold": 0.1},
        "latency": {"slm": 0.01, "llm": 0.03},
        "tokens": 12,
    }
)
log = Point.of(scenario).token_log(seed=0)
first = log[log["prompt"] == log["prompt"].iloc[0]]
print("\n  token  draft  uncertainty  what became of it   bits  appears at")
for token in first.itertuples():
    became = "skipped" if not token.transmitted else "accepted" if token.accepted else "replaced"
    print(
        f"{token.token:7} {token.draft:6} {token.uncertainty:12.2f}  {became:17} {token.bits:6.0f}  {token.end_s:8.3f} s"
    )
