"""Live traces on the command line: the only place where a simulation meets models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.cli.common import bad_input
from netsim.scenario import Grid

if TYPE_CHECKING:
    from netsim.sweeps.live_models import LiveNeeds


def with_live_models(grid: Grid, seeds: tuple[int, ...], *, quiet: bool = False) -> Grid:
    """Record what a scenario with live models lacks in the cache, and return it with that trace."""
    from netsim.sweeps.live_models import with_recorded_trace

    return with_recorded_trace(grid, seeds, lambda needs: _record(needs, quiet=quiet))


def cache_folder() -> Path:
    """Folder of the traces that live models fill: ``$XDG_CACHE_HOME/netsim/live``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netsim" / "live"


def _record(needs: LiveNeeds, *, quiet: bool) -> Path:
    try:
        from models.encode import prompts_to_record
        from models.live import record_live
        from models.pair import PairError, PairSource
        from models.plan import Plan
        from models.prompts import PromptError, read_prompts
    except ModuleNotFoundError as error:
        raise bad_input("trace", f"live models need {error.name}: pip install -e '.[models]'") from None
    from netsim.cli.record_progress import PROFILE_SHARE, recording_progress
    from traces.format.manifest import TraceError
    from traces.format.nodes import Sampler

    live = needs.settings
    try:
        prompts = read_prompts(Path(live.prompts))[: live.num_prompts]
        pair = PairSource(live.slm, live.llm, live.dtype, live.device).load()
        size = pair.vocabulary_size
        plan = Plan(
            name="live",
            prompts=prompts_to_record(prompts, pair.tokenizer),
            num_tokens=needs.num_tokens,
            token_seeds=needs.token_seeds,
            sampler=Sampler(live.temperature, live.top_p),
            measure=needs.measure,
            policies=needs.walked(size),
            eos=pair.stops_for("stop" if needs.stops else "ignore"),
        )
        with recording_progress(PROFILE_SHARE, quiet=quiet) as progress:
            return record_live(pair, plan, cache_folder(), lambda spec: needs.policy_of(spec, size), progress)
    except (PairError, PromptError, TraceError) as error:
        raise bad_input("trace", str(error)) from None
