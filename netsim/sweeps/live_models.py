"""Scenarios with models in the loop: what has to be recorded before they are simulated like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from netsim.errors import Fault, InputError
from netsim.scenario import Grid
from netsim.scenario.assembly import build_policy
from netsim.scenario.families import PolicyKind
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.policy_spec import parse_policy, policy_spec
from netsim.scenario.sources.built_in import LiveTraceSettings, RecordedTraceSettings
from traces.speculative.rounds import Measure, Policy


@dataclass(frozen=True)
class LiveNeeds:
    """What a scenario walks.

    Attributes
    ----------
    settings : LiveTraceSettings
    policies : sequence of PolicyKind
        Of all points and devices, each once.
    token_seeds : sequence of int
        The scenario's seeds: each has token draws of its own.
    num_tokens : int
        The most of all points.
    measure : Measure
    stops : bool
        Whether the end-of-sequence token ends a prompt.
    """

    settings: LiveTraceSettings
    policies: tuple[PolicyKind, ...]
    token_seeds: tuple[int, ...]
    num_tokens: int
    measure: Measure
    stops: bool

    def walked(self, vocabulary_size: int) -> dict[str, Policy]:
        """Policies by their specs, for a pair of that vocabulary."""
        return {policy_spec(own): self._built(own, vocabulary_size) for own in self.policies}

    def policy_of(self, spec: str, vocabulary_size: int) -> Policy:
        """Policy of a spec."""
        return self._built(parse_policy(spec), vocabulary_size)

    def _built(self, settings: PolicyKind, vocabulary_size: int) -> Policy:
        return build_policy(settings, PolicyContext(vocabulary_size, self.settings.top_p == 1))


#: Records what is needed and returns the folder of the trace.
OpenLive = Callable[[LiveNeeds], Path]


def with_recorded_trace(grid: Grid, seeds: tuple[int, ...], open_live: OpenLive) -> Grid:
    """Put a recorded trace in the place of live models; a grid without them is returned as it is.

    Parameters
    ----------
    seeds : sequence of int
        Those that will be simulated.
    open_live : callable
        Runs the models. The command line hands it in: this package has no models.

    Raises
    ------
    InputError
        If the trace, or what is recorded with it, is swept.
    """
    scenario = grid.scenario
    settings = scenario.trace
    swept = [axis for axis in scenario.sweep if axis.split(".")[0] in ("trace", "uncertainty", "eos")]
    if not isinstance(settings, LiveTraceSettings):
        return grid
    if swept:
        text = "can't be swept with models in the loop, allowed: a trace recorded for each value"
        raise InputError([Fault("", f"sweep.{swept[0]}", text)])
    points = [point.scenario for point in grid.points]
    uncertainty = scenario.uncertainty
    counts = uncertainty.measure == "temperature"
    folder = open_live(
        LiveNeeds(
            settings=settings,
            policies=tuple(dict.fromkeys(own for point in points for _, own in point.policies())),
            token_seeds=seeds,
            num_tokens=max(point.tokens for point in points),
            measure=Measure(
                uncertainty.count() if counts else None, uncertainty.theta_max, uncertainty.measure
            ),
            stops=scenario.eos == "stop",
        )
    )
    # Every seed is a recorded token seed: fresh says that it stands for itself.
    recorded = {"trace": RecordedTraceSettings(folder=str(folder)), "token_seeds": "fresh"}
    return replace(
        grid,
        scenario=scenario.model_copy(update=recorded),
        points=tuple(
            replace(point, scenario=point.scenario.model_copy(update=recorded)) for point in grid.points
        ),
    )
