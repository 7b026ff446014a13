"""Models in the loop of a simulation: what a scenario needs and the cache lacks is recorded first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from models.batches import default_workers
from models.manifests import empty_manifest
from models.pair import Pair
from models.plan import Plan
from models.profile import profile_recording
from models.record import Done, record
from traces.format.manifest import EXTENSION, MANIFEST, digest_of, read_manifest
from traces.speculative.walk import Policy

#: What the cache adds to a trace; a recording that differs in anything else is another one.
_GROWS = {"name", "token_seeds", "policies", "shards"}


class Reports(Protocol):
    """Told how far a recording and its profile are."""

    def recorded(self, done: Done) -> None:
        """After every pass."""

    @property
    def profile_budget_s(self) -> float:
        """Seconds that profiling may take."""

    def profiled(self, text: str, share: float) -> None:
        """After every measured cell of the profile."""


def record_live(
    pair: Pair, plan: Plan, cache: Path, policy_of: Callable[[str], Policy], reports: Reports
) -> Path:
    """Folder of a trace that holds the plan's paths, recorded as far as the cache lacks them.

    Parameters
    ----------
    cache : Path
        Folder of such traces, one for each pair of models, set of prompts, sampler, measure and machine.
    policy_of : callable
        Policy of a spec: those that an earlier run recorded are walked again, at no cost on the models.
    """
    folder = cache / recording_key(pair, plan)[:16]
    exists = (folder / MANIFEST).exists()
    if exists:
        before = read_manifest(folder)
        plan = replace(
            plan,
            policies={spec: policy_of(spec) for spec in before.policies} | plan.policies,
            token_seeds=tuple(dict.fromkeys((*before.token_seeds, *plan.token_seeds))),
        )
        _drop_other_extension(folder, plan)
    workers = default_workers(pair.llm.device.type)
    record(pair, plan, folder, reports.recorded, extending=exists, workers=workers)
    profile_recording(pair, plan, folder, reports.profile_budget_s, reports.profiled)
    return folder


def recording_key(pair: Pair, plan: Plan) -> str:
    """SHA-256 of all that the cache can't add to a trace."""
    return digest_of(empty_manifest(pair, plan).model_dump(mode="json", exclude=_GROWS))


def _drop_other_extension(folder: Path, plan: Plan) -> None:
    """Give up an interrupted extension to something else; its own run would have finished it."""
    if (folder / EXTENSION).exists():
        started = read_manifest(folder, EXTENSION)
        if (started.policies, started.token_seeds) != (tuple(plan.policies), tuple(plan.token_seeds)):
            (folder / EXTENSION).unlink()
