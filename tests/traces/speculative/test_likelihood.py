"""The likelihood of an output, and the guard of its thresholds, against plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from tests.trace_factory import TablePair, make_trace
from traces.speculative.rounds import Drafts
from traces.speculative.walk import Measure


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_likelihood_is_at_temperature_1_whatever_the_sampler(tmp_path: Path, temperature: float) -> None:
    trace = make_trace(tmp_path / "trace", temperature=temperature)
    rounds = Decider(trace, Measure(20, 2.0), 8).rounds(Hlm(), 0)
    pair = TablePair(16, 0)
    for group, number in enumerate(trace.prompts):
        last = trace.prompt(number).tokens[-1]
        for position in range(8):
            token = int(rounds.token[group, position])
            nll = -log_softmax(pair.llm[last].astype(np.float64))[token]
            # Stored logits are halves: eleven bits of a number of some tens.
            assert rounds.llm_nll[group, position] == pytest.approx(nll, abs=0.02)
            last = token


@pytest.mark.parametrize("samples", range(1, 65))
def test_a_threshold_of_a_whole_count_lets_that_count_pass(samples: int) -> None:
    """In floats ``samples * (count / samples)`` may fall short of ``count`` (K = 22, 23, 26 among others)."""
    counts = np.arange(samples + 1)
    nothing = np.zeros(samples + 1)
    drafts = Drafts(
        uncertainty=counts / samples,
        count=counts,
        samples=samples,
        accepted=nothing > 0,
        skip_draw=nothing,
        probability=nothing,
        entropy=lambda: nothing,
        score=nothing,
    )
    for count in range(samples + 1):
        for threshold in (count / samples, float(f"{count / samples:.12g}")):
            assert drafts.at_most(threshold).tolist() == (counts <= count).tolist()
        # Half a step higher lets no other count pass.
        between = float(Fraction(2 * count + 1, 2 * samples))
        assert drafts.at_most(between).tolist() == (counts <= count).tolist()
