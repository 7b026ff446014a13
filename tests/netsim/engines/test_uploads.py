"""Which uploads policies have in common, on small workloads written out by hand."""

from __future__ import annotations

import numpy as np

from netsim.costs.workload import Workload
from netsim.engines.uploads import Uploads

SLM_S, LLM_S, BITS, PROMPT_BITS = 0.02, 0.05, 1000.0, 30.0
#: Seven additions in two orders, each wrong by half a unit in the last place, 1.1e-16, at most.
ROUNDINGS = 1e-15


def workload(sends: list[list[int]], ahead_s: float = 0.0) -> Workload:
    """Sessions of tokens that are sent or not; the first that is sent brings the prompt."""
    uploads = np.array(sends, bool)
    first = uploads & (np.cumsum(uploads, axis=1) == 1)
    nothing = np.zeros(uploads.shape)
    columns = dict.fromkeys(Workload.__dataclass_fields__, nothing)
    given = {
        "length": np.full(len(uploads), uploads.shape[1]),
        "slm_s": np.full(uploads.shape, SLM_S),
        "uploads": uploads,
        "bits": BITS * uploads,
        "carries_prompt": first,
        "prompt_bits": PROMPT_BITS * first,
        "llm_s": LLM_S * uploads,
        "ahead_s": np.full(uploads.shape, ahead_s),
    }
    return Workload(**{**columns, **given})


def by_round(uploads: Uploads, session: int, workload: int) -> dict[int, int]:
    """Upload of each round of a session."""
    first, end = uploads.first_rounds[session, workload : workload + 2]
    return dict(zip(uploads.rounds[first:end].tolist(), uploads.upload_of[first:end].tolist(), strict=True))


def test_policies_share_uploads_until_they_differ() -> None:
    one, other = [[1, 0, 1, 1], [0, 0, 0, 0]], [[1, 0, 1, 0], [0, 1, 0, 1]]
    uploads = Uploads.of([workload(one), workload(other), workload(one)], 0.001, 0.002)
    # Session 0: two turns in common with the second, none with the third, which is compared with the second.
    assert [by_round(uploads, 0, number) for number in range(3)] == [
        {0: 0, 2: 1, 3: 2},
        {0: 0, 2: 1},
        {0: 0, 2: 1, 3: 3},
    ]
    # Session 1: what nobody sends is no upload.
    assert [by_round(uploads, 1, number) for number in range(3)] == [{}, {5: 4, 7: 5}, {}]
    assert uploads.first_turns.tolist() == [0, 3, 5]
    assert uploads.turns.tolist() == [0, 1, 2, 4, 5, 6]
    assert uploads.before.tolist() == [0, 0, 0, 0, 0, 0]
    assert uploads.with_prompts.tolist() == [True, False, False, True, False]
    assert uploads.prompt_bits.tolist() == [PROMPT_BITS, 0.0, 0.0, 0.0, PROMPT_BITS, 0.0]
    assert uploads.most == (2, 4)


def test_what_is_known_of_an_upload_is_all_before_it_but_air_time() -> None:
    uploads = Uploads.of([workload([[1, 0, 1]])], 0.001, 0.002)
    first = SLM_S + 0.001
    second = first + 0.002 + LLM_S + SLM_S + SLM_S + 0.001
    np.testing.assert_allclose(uploads.known_s, [first, second], rtol=ROUNDINGS)
    np.testing.assert_allclose(uploads.last_known_s, [[second]], rtol=ROUNDINGS)
    assert uploads.all_bits.tolist() == [[2 * BITS + PROMPT_BITS]]
    later = uploads.after(np.array([[[0.5, 0.6, 0.7]]]))
    np.testing.assert_allclose(later.known_s, [first + 0.5, second + 0.7], rtol=ROUNDINGS)


def test_policies_that_wait_otherwise_share_nothing_though_they_send_the_same() -> None:
    """How long a device drafts ahead moves what follows, once it is known how long it waits."""
    sends = [[1, 1]]
    uploads = Uploads.of([workload(sends), workload(sends, ahead_s=0.01)], 0.0, 0.0)
    assert by_round(uploads, 0, 0) == {0: 0, 1: 2}
    assert by_round(uploads, 0, 1) == {0: 1, 1: 3}


def test_each_upload_waits_for_the_one_before_of_its_own_policy() -> None:
    """In the second session three policies part at the second upload, and the last two at the third."""
    sends = [[[0, 0, 0], [1, 0, 1]], [[0, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 1]]]
    uploads = Uploads.of([workload(own) for own in sends], 0.0, 0.0)
    # Turns: one upload; that of the first policy and that of the other two; the last policy's.
    assert uploads.turns.tolist() == [0, 1, 3, 4]
    assert uploads.before.tolist() == [0, 0, 0, 1]
