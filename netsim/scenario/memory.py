"""What a row takes in memory, estimated before anything is simulated."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import numpy as np

from channels.fading import NoFading
from channels.recorded import Recorded
from netsim.costs.workload import Costs
from netsim.deciding.channel_aware import looks_at_channel
from netsim.deciding.plans import Decided
from netsim.deciding.policies import terms_of
from netsim.errors import Fault, InputError
from netsim.radio.link import Radio
from traces.speculative.rounds import ALL, Policy

#: Environment variable: GiB that a row may take. A machine has more or less, and a cluster's workers their share of it.
LIMIT = "NETSIM_MEMORY_GIB"
#: Bytes of a round while its row is simulated, measured (docs/performance.md): by the array engine and by events.
ARRAYS_BYTES, EVENTS_BYTES = 400, 1500
#: Bytes of a block of fading that an upload crosses: SNR, rate and two sums, of up to twice as many as it crosses.
BLOCK_BYTES = 48


def limit_gib() -> float:
    """GiB that a row may take; 1 where nothing else is said. Raises as `environment_limit`."""
    return environment_limit(LIMIT, "1", "GiB")


def environment_limit(name: str, default: str, unit: str) -> float:
    """A limit that can be raised, as the environment says it.

    Raises
    ------
    InputError
        If the environment says something that is no number of these.
    """
    given = os.environ.get(name, default)
    try:
        limit = float(given)
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        text = f"given {given!r}, allowed: a number of {unit} above 0"
        raise InputError([Fault("environment", name, text)])
    return limit


def check_memory(rounds: int, round_bytes: int, path: str) -> None:
    """Refuse a row that needs more than is allowed (`InputError` at ``path``).

    Parameters
    ----------
    rounds, round_bytes : int. Rounds of the row, and bytes of each.
    path : str. The key that makes it large.
    """
    what = f"a row needs about {{}}, given {rounds} rounds (devices x prompts x tokens)"
    _check(rounds * round_bytes, what, path)


def check_windows(
    num_devices: int, radio: Radio, costs: Costs, policy: Policy, plan: Callable[[], Decided]
) -> None:
    """Refuse devices that keep more blocks of fading than is allowed (`InputError` at ``channel.coherence_time_s``).

    Each keeps those that its last upload crossed, here at the scenario's mean SNR.

    Parameters
    ----------
    radio, costs, policy : of the scenario; devices with their own are taken to be like it.
    plan : callable () -> Decided
        What the policy sends under the first seed: asked for where whole distributions would be too much.
    """
    blocks = upload_blocks(radio, costs, policy)
    if num_devices * blocks * BLOCK_BYTES > limit_gib() * 2**30 and not looks_at_channel(policy):
        work = plan()[1]
        sent = work.bits[work.uploads].mean() if work.uploads.any() else 0.0
        blocks *= float(sent) / _whole_bits(costs, policy)
    what = f"fading needs about {{}}, given {num_devices} devices whose uploads cross some {blocks:.3g} blocks each"
    _check(num_devices * blocks * BLOCK_BYTES, what, "channel.coherence_time_s")


def upload_blocks(radio: Radio, costs: Costs, policy: Policy) -> float:
    """Blocks of fading that a draft's whole distribution crosses at a radio's mean SNR; 0 where they are of no account.

    That is without fading, where it comes from a file, and where the link is silent at its mean SNR.
    """
    rate_bps = float(radio.rate_law(np.array([radio.snr]), radio.bandwidth_hz, radio.gap)[0])
    if not rate_bps or isinstance(radio.fading, (NoFading, Recorded)):
        return 0.0
    return _whole_bits(costs, policy) / (rate_bps * radio.coherence_time_s)


def _whole_bits(costs: Costs, policy: Policy) -> float:
    return float(terms_of(policy).payload.draft_bits(np.array([ALL]), costs.code, costs.id_bits)[0])


def _check(needed_bytes: float, what: str, path: str) -> None:
    """Refuse more bytes than are allowed; ``what`` says what they are for, with a place for their number."""
    needed, allowed = needed_bytes / 2**30, limit_gib()
    if needed > allowed:
        said = what.format(f"{needed:.3g} GiB")
        raised = f"{LIMIT}={math.ceil(needed)} in the environment allows this"
        raise InputError([Fault("", path, f"{said}, allowed: {allowed:g} GiB ({raised})")])
