"""What the rounds of a scenario are billed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.costs.workload import Costs
from netsim.deciding.parametric import ParametricTrace
from netsim.errors import at_key
from netsim.scenario.blocks import build_latency
from traces.format.trace import Trace

if TYPE_CHECKING:
    from netsim.scenario.model import Scenario


def build_costs(scenario: Scenario, source: Trace | ParametricTrace) -> Costs:
    """What rounds are billed for."""
    latency, payload = scenario.latency, scenario.payload
    size = payload.vocabulary_size
    with at_key("core"):
        core = scenario.core.build()
    with at_key("downlink"):
        downlink_bps = scenario.downlink.bit_rate_bps(scenario.channel)
    folder = source.folder if isinstance(source, Trace) else None
    return Costs(
        slm=build_latency(latency.slm, "slm", folder, "latency.slm"),
        llm=build_latency(latency.llm, "llm", folder, "latency.llm"),
        uncertainty_s=latency.uncertainty,
        grant_s=latency.grant,
        propagation_s=latency.propagation,
        catch_up=latency.catch_up,
        vocabulary_size=source.vocabulary_size if size == "trace" else size,
        probability_bits=payload.probability_bits,
        count_indices=payload.count_indices,
        downlink_bps=downlink_bps,
        core=core,
    )
