"""Live traces on the command line: the only place where a simulation meets models."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.cli.common import bad_input, keeping

if TYPE_CHECKING:
    from netsim.scenario import Grid
    from netsim.sweeps.live_models import LiveNeeds


@contextmanager
def live_models(grid: Grid, seeds: tuple[int, ...], *, quiet: bool = False) -> Iterator[Grid]:
    """Record what a scenario with live models lacks in the cache, and give it with that trace.

    The trace is this process's alone until the end of the block: another one that grew it meanwhile would change
    what is being simulated.
    """
    from netsim.sweeps.live_models import with_recorded_trace

    with ExitStack() as locks:
        yield with_recorded_trace(grid, seeds, lambda needs: _record(needs, locks, quiet=quiet))


def cache_folder() -> Path:
    """Folder of the traces that live models fill: ``$XDG_CACHE_HOME/netsim/live``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netsim" / "live"


def _record(needs: LiveNeeds, locks: ExitStack, *, quiet: bool) -> Path:
    try:
        from models.encode import prompts_to_record
        from models.live import record_live, recording_key
        from models.pair import PairError, PairSource
        from models.plan import Plan
        from models.prompts import PromptError, read_prompts
    except ModuleNotFoundError as error:
        raise bad_input("trace", f"live models need {error.name}: pip install -e '.[models]'") from None
    from netsim.cli.record_progress import PROFILE_SHARE, recording_progress
    from netsim.scenario.paths import BUILT_IN_PROMPTS
    from traces.format.manifest import TraceError
    from traces.format.nodes import Sampler

    live = needs.settings
    try:
        prompts = read_prompts(Path(live.prompts or BUILT_IN_PROMPTS))[: live.num_prompts]
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
        locks.enter_context(_alone(cache_folder() / f"{recording_key(pair, plan)[:16]}.lock"))
        with (
            keeping(f"finished groups are kept in {cache_folder()}"),
            recording_progress(PROFILE_SHARE, quiet=quiet) as progress,
        ):
            return record_live(pair, plan, cache_folder(), lambda spec: needs.policy_of(spec, size), progress)
    except (PairError, PromptError, TraceError) as error:
        raise bad_input("trace", str(error)) from None


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock of the cache; waiting for another command that holds it is said."""
    from filelock import FileLock, Timeout

    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(
            f"netsim: waiting for another command that uses the live trace {lock_file.with_suffix('')}",
            file=sys.stderr,
            flush=True,
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
