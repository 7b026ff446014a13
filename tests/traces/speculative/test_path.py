from __future__ import annotations

from dataclasses import fields
from pathlib import Path as FilePath

import numpy as np
import pytest

from netsim.deciding.policies import Hlm, Slm, UHlm
from netsim.deciding.recorded import Decider
from tests.trace_factory import SAMPLES, make_trace
from traces.speculative.rounds import Measure, Policy


@pytest.mark.parametrize("eos", [None, 3])
@pytest.mark.parametrize("policy", [Hlm(), Slm(), UHlm(0.35)], ids=str)
def test_a_path_is_the_walk_of_its_group(tmp_path: FilePath, policy: Policy, eos: int | None) -> None:
    """Also off the tree: only hlm is recorded."""
    trace = make_trace(tmp_path / "trace", prompts=4, policies={"hlm": Hlm()}, eos=eos)
    decider = Decider(trace, Measure(SAMPLES), num_tokens=8, eos=eos)
    for seed in (0, 1):
        together = decider.rounds(policy, seed)
        for place in range(4):
            path = decider.path(place, seed)
            while path.going:
                path.step(policy)
            assert path.rounds.length[0] == together.length[place]
            valid = together.valid[place]
            for field in fields(together)[1:]:
                np.testing.assert_array_equal(
                    getattr(path.rounds, field.name)[0][valid], getattr(together, field.name)[place][valid]
                )


def test_the_policy_may_change_from_round_to_round(tmp_path: FilePath) -> None:
    trace = make_trace(tmp_path / "trace", prompts=1)
    decider = Decider(trace, Measure(SAMPLES), num_tokens=8)
    path = decider.path(0, 0)
    for position in range(8):
        path.step(Hlm() if position % 2 else Slm())
    assert path.rounds.transmitted[0].tolist() == [False, True] * 4
    assert not path.going
