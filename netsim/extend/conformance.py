"""Conformance suites for a user's own policies, channels and schedulers.

Call them from a test of one's own; every built-in one passes them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channels.testing import check_channel
from channels.window import RateWindow, constant_window
from netsim.deciding.channel_aware import LooksAtChannel
from netsim.engines.slots import Backlog, SlotScheduler
from traces.speculative.bits import Code
from traces.speculative.rounds import ALL, Drafts, Policy
from traces.speculative.upload import Payload

__all__ = ["check_channel", "check_payload", "check_policy", "check_scheduler"]

_PATHS = 200
_SAMPLES = 20
_SLOTS = 400
_DEVICES = 5
_NODES, _VOCABULARY = 50, 12


def check_policy(policy: Policy) -> None:
    """Check that a policy keeps its promises.

    It says whether the SLM drafts, and answers with one bool a path; the same drafts get the same answer, whatever
    other paths stand beside them and after pickling; it leaves the drafts as they are and can be told apart by
    ``==`` and ``hash``. One that looks at the channel gives such a policy at every rate.

    Parameters
    ----------
    policy : Policy

    Raises
    ------
    AssertionError
        What is wrong, and with which value.

    Examples
    --------
    >>> from netsim.deciding.policies import UHlm
    >>> check_policy(UHlm(0.3))
    """
    drafting: Any = policy.drafts  # a plug-in may break its word
    _require(isinstance(drafting, bool), f"{policy}: drafts must be True or False, is {drafting!r}")
    for samples in (_SAMPLES, None):
        drafts = _drafts(samples)
        before = pickle.dumps(drafts)
        sent: Any = policy.transmits(drafts)
        right = isinstance(sent, np.ndarray) and sent.shape == (_PATHS,) and sent.dtype == bool
        _require(right, f"{policy}: transmits must give a bool array of shape ({_PATHS},), got {sent!r}")
        _require(pickle.dumps(drafts) == before, f"{policy}: transmits must not change the drafts")
        _require(np.array_equal(sent, policy.transmits(drafts)), f"{policy}: the same drafts, another answer")
        copy = pickle.loads(pickle.dumps(policy))  # noqa: S301  (our own bytes)
        _require(
            np.array_equal(sent, copy.transmits(drafts)), f"{policy}: pickling must not change the answer"
        )
        alone = [bool(policy.transmits(_take(drafts, [path]))[0]) for path in range(_PATHS)]
        _require(alone == sent.tolist(), f"{policy}: a path's answer must not depend on the others")
    _require(copy == policy, f"{policy}: a copy must be equal")
    _require(hash(copy) == hash(policy), f"{policy}: equal policies must have one hash")
    if isinstance(policy, LooksAtChannel):
        for rate in (0.0, 0.5, 1.0, 8.0, float("inf")):
            at_rate = policy.at_rate(rate)
            _require(not isinstance(at_rate, LooksAtChannel), f"{policy}: at_rate must settle the channel")
            check_policy(at_rate)


def _drafts(samples: int | None) -> Drafts:
    rng = np.random.default_rng(0)
    q = rng.random(_PATHS)
    count = None if samples is None else rng.binomial(samples, q)
    return Drafts(
        uncertainty=q if count is None or samples is None else count / samples,
        count=count,
        samples=samples,
        accepted=rng.random(_PATHS) < 0.5,
        skip_draw=rng.random(_PATHS),
        probability=rng.random(_PATHS),
        entropy=partial(np.multiply, 7.0, q),
        score=rng.normal(size=_PATHS),
    )


def _take(drafts: Drafts, paths: list[int]) -> Drafts:
    return Drafts(
        uncertainty=drafts.uncertainty[paths],
        count=None if drafts.count is None else drafts.count[paths],
        samples=drafts.samples,
        accepted=drafts.accepted[paths],
        skip_draw=drafts.skip_draw[paths],
        probability=drafts.probability[paths],
        entropy=partial(np.take, drafts.entropy(), paths),
        score=drafts.score[paths],
    )


@dataclass(frozen=True)
class _Nodes:
    """What a payload sees of a forest whose nodes hold the whole vocabulary."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    vocabulary_size: int = _VOCABULARY


def check_payload(payload: Payload) -> None:
    """Check that a payload keeps its promises.

    Drafts are drawn from, and judged by, distributions; where it says that the output is exact, accepting and replacing
    by them gives the large model's distribution at every node; bits are finite and at least 0, one number for each
    draft; equal payloads are equal after pickling and have one hash.

    Parameters
    ----------
    payload : Payload

    Raises
    ------
    AssertionError
        What is wrong, and with which value.

    Examples
    --------
    >>> from netsim.extend import Upload
    >>> check_payload(Upload())
    >>> check_payload(Upload(3))
    """
    rng = np.random.default_rng(2)
    x, y = (rng.dirichlet(np.full(_VOCABULARY, 0.5), _NODES).ravel() for _ in range(2))
    nodes: Any = _Nodes(x, y)
    starts = np.arange(_NODES, dtype=np.int64) * _VOCABULARY
    rows = payload.rows(nodes, starts, starts + _VOCABULARY)
    draft = rows.starts + np.array(
        [rows.drafted[s:e].argmax() for s, e in zip(rows.starts, rows.ends, strict=True)]
    )
    judged = payload.after_draft(rows, nodes, draft, rng.random(_NODES))
    for what in (judged.drafted, judged.sent, judged.y):
        sums = np.array([what[s:e].sum() for s, e in zip(judged.starts, judged.ends, strict=True)])
        # Sums of a dozen numbers in float64.
        _require(np.all(np.abs(sums - 1) < 1e-9), f"{payload}: not a distribution: adds up to {sums}")
    apart = float(judged.output_tv().max())
    _require(not payload.exact or apart < 1e-9, f"{payload}: exact, but the output is {apart} away from y")
    code = Code(_VOCABULARY, 8)
    for entries in (judged.entries, np.full((2, 3), ALL)):
        bits: Any = payload.draft_bits(entries, code, code.index_bits)
        right = (
            np.shape(bits) == entries.shape and np.all(np.isfinite(bits)) and np.all(np.asarray(bits) >= 0)
        )
        _require(right, f"{payload}: draft_bits must give finite bits of shape {entries.shape}, got {bits!r}")
    answer = payload.rejection_bits(code, code.index_bits)
    _require(answer >= 0, f"{payload}: rejection_bits must be at least 0, got {answer!r}")
    copy = pickle.loads(pickle.dumps(payload))  # noqa: S301  (our own bytes)
    _require(copy == payload and hash(copy) == hash(payload), f"{payload}: a copy must be equal")


def check_scheduler(factory: Callable[[], SlotScheduler]) -> None:
    """Check that a scheduler of slots keeps its promises.

    It picks one of those that wait, whoever they are; a fresh one given the same slots picks the same; and pickling in
    between changes nothing. Whether it is fair is its author's business: shortest remaining first may let others wait.

    Parameters
    ----------
    factory : callable. Makes a fresh scheduler: its class, if that needs no arguments.

    Raises
    ------
    AssertionError
        What is wrong, and with which value.

    Examples
    --------
    >>> from netsim.engines.schedulers import RoundRobin
    >>> check_scheduler(RoundRobin)
    """
    picks = _picks(factory(), restart=False)
    _require(picks == _picks(factory(), restart=False), f"{factory}: the same slots, other picks")
    _require(picks == _picks(factory(), restart=True), f"{factory}: pickling must not change the picks")


def _picks(scheduler: SlotScheduler, *, restart: bool) -> list[int]:
    """Devices picked in slots in which others wait each time."""
    rng = np.random.default_rng(1)
    picked = []
    for slot in range(_SLOTS):
        devices: NDArray[np.int64] = rng.permutation(_DEVICES)[: rng.integers(1, _DEVICES + 1)]
        links = [_SteadyLink(float(rng.exponential())) for _ in devices]
        waiting = [
            Backlog(int(device), 0.0, link, 0.0, (0.0, 1e9))
            for device, link in zip(devices, links, strict=True)
        ]
        index: Any = scheduler.pick(slot, float(slot), waiting)  # a plug-in may break its word
        right = isinstance(index, (int, np.integer)) and 0 <= index < len(waiting)
        _require(right, f"{scheduler}: pick must give an index below {len(waiting)}, got {index!r}")
        picked.append(waiting[index].device)
        if restart:
            scheduler = pickle.loads(pickle.dumps(scheduler))  # noqa: S301  (our own bytes)
    return picked


class _SteadyLink:
    """A link whose rate stays."""

    def __init__(self, steady_bps: float = 1.0) -> None:
        self.mean_rate_bps = steady_bps
        self.never_sends = False

    def duration(self, start_s: float, bits: float) -> float:
        return bits / self.mean_rate_bps

    def bits_between(self, start_s: float, end_s: float) -> float:
        return (end_s - start_s) * self.mean_rate_bps

    def rate_bps(self, time_s: float) -> float:
        return self.mean_rate_bps

    def snr(self, time_s: float) -> float:
        return 1.0

    def window(self, time_s: float, until_s: float) -> RateWindow:
        return constant_window(self.mean_rate_bps)


def _require(condition: object, message: str) -> None:
    """Raise, also where Python runs with assertions off."""
    if not condition:
        raise AssertionError(message)
