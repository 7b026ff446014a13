from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.calibration.calibrate import calibrate, store_calibration
from analysis.calibration.fit import fit_rounds
from analysis.calibration.lines import DraftedRounds
from analysis.calibration.show import cautions, draw, report, to_json
from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from tests.trace_factory import make_trace
from traces.format.manifest import Prompt, TraceError, read_manifest, write_manifest
from traces.format.trace import Trace
from traces.speculative.truncate import reconstruct
from traces.speculative.walk import Measure

SAMPLES = 20
PROMPTS, ROUNDS = 40, 48


def planted(
    rng: np.random.Generator,
    a: float,
    b: float,
    *,
    outcomes: bool,
    bend: float = 0.0,
    samples: int | None = SAMPLES,
) -> DraftedRounds:
    """Independent rounds whose expected rejection is ``a u + b + bend u^2``, clipped to [0, 1]."""
    q = rng.beta(0.6, 0.8, PROMPTS * ROUNDS)
    u = q if samples is None else rng.binomial(samples, q) / samples
    beta = np.clip(a * u + b + bend * u * u, 0, 1)
    rejection = (rng.random(len(u)) < beta).astype(float) if outcomes else beta
    return DraftedRounds(u, rejection, np.repeat(np.arange(PROMPTS), ROUNDS), samples)


def test_a_line_without_scatter_is_found_exactly() -> None:
    fit = fit_rounds(planted(np.random.default_rng(0), 0.6, 0.1, outcomes=False), np.random.default_rng(1))
    for estimate, planted_value in ((fit.a, 0.6), (fit.b, 0.1), (fit.raw_a, 0.6), (fit.raw_b, 0.1)):
        assert list(estimate) == pytest.approx([planted_value] * 3, abs=1e-12)
    assert fit.binned_r == pytest.approx(1)
    assert fit.risk_averse.value == pytest.approx(-1 / 6)
    assert fit.risk_prone.value == pytest.approx((fit.delta.value - 0.1) / 0.6)


def test_bins_where_the_published_line_is_not_positive_are_left_out() -> None:
    """a = 0.815, b = -0.066 (arXiv 2412.12687) crosses 0 at 0.081: u = 0 and 0.05 are not on the line."""
    rounds = planted(np.random.default_rng(0), 0.815, -0.066, outcomes=False)
    fit = fit_rounds(rounds, np.random.default_rng(1))
    assert (fit.a.value, fit.b.value) == pytest.approx((0.815, -0.066), abs=1e-12)
    assert [one.threshold for one in fit.bins if not one.fitted] == [0.0, 0.05]
    assert fit.risk_averse.value == pytest.approx(0.066 / 0.815)
    # Single rounds include the clipped ones, which lift the line's low end.
    assert fit.raw_b.value > fit.b.value


def test_the_binned_line_is_least_squares_weighted_by_rounds() -> None:
    rounds = planted(np.random.default_rng(2), 0.5, 0.2, outcomes=True, samples=None)
    fit = fit_rounds(rounds, np.random.default_rng(1))
    u, mean = np.array([(one.uncertainty, one.rejection.value) for one in fit.bins]).T
    count = np.array([one.rounds for one in fit.bins])
    assert np.polyfit(u, mean, 1, w=np.sqrt(count)) == pytest.approx([fit.a.value, fit.b.value])
    assert np.polyfit(u, mean, 2, w=np.sqrt(count))[0] == pytest.approx(fit.curvature.value)
    assert np.polyfit(rounds.uncertainty, rounds.rejection, 1) == pytest.approx(
        [fit.raw_a.value, fit.raw_b.value]
    )
    assert np.corrcoef(rounds.uncertainty, rounds.rejection)[0, 1] == pytest.approx(fit.raw_r)
    centred = np.cov(u, mean, fweights=count)
    assert centred[0, 1] / np.sqrt(centred[0, 0] * centred[1, 1]) == pytest.approx(fit.binned_r)


def test_intervals_cover_the_planted_line() -> None:
    """400 draws: a nominal 95 % interval covers in [0.91, 0.98] with a chance of over 99.5 % (binomial)."""
    rng = np.random.default_rng(3)
    covered = np.zeros(4)
    for _ in range(400):
        fit = fit_rounds(planted(rng, 0.6, 0.2, outcomes=True), rng)
        pairs = ((fit.a, 0.6), (fit.b, 0.2), (fit.raw_a, 0.6), (fit.raw_b, 0.2))
        covered += [estimate.low <= value <= estimate.high for estimate, value in pairs]
    assert (covered / 400 >= 0.91).all()
    assert (covered / 400 <= 0.98).all()


def test_prompts_are_resampled_not_rounds() -> None:
    """Copies of every round within its prompt bring no information: the interval must not shrink."""
    rounds = planted(np.random.default_rng(4), 0.6, 0.2, outcomes=True)
    copies = DraftedRounds(
        np.tile(rounds.uncertainty, 4), np.tile(rounds.rejection, 4), np.tile(rounds.prompt, 4), SAMPLES
    )
    once, often = (fit_rounds(r, np.random.default_rng(1)).a for r in (rounds, copies))
    assert often.high - often.low == pytest.approx(once.high - once.low)


def test_a_bend_is_said() -> None:
    rng = np.random.default_rng(5)
    bent = fit_rounds(planted(rng, 0.0, 0.05, bend=0.9, outcomes=True), rng)
    assert not bent.linear
    assert any("bend upward" in sentence for sentence in cautions(bent))
    straight = fit_rounds(planted(rng, 0.6, 0.2, outcomes=True), rng)
    assert straight.linear
    assert not any("Not linear" in sentence for sentence in cautions(straight))


def test_risk_is_the_share_of_all_rounds_that_are_skipped_and_rejected() -> None:
    rounds = planted(np.random.default_rng(6), 0.7, -0.1, outcomes=True)
    fit = fit_rounds(rounds, np.random.default_rng(1))
    for one in fit.bins:
        skipped = rounds.uncertainty <= one.threshold + 1e-9
        assert one.skipped == pytest.approx(skipped.mean())
        assert one.risk.value == pytest.approx((skipped * rounds.rejection).mean())
        line = np.maximum(0, fit.a.value * rounds.uncertainty + fit.b.value)
        assert one.bound == pytest.approx((skipped * line).mean())
    assert fit.bins[-1].risk.value == pytest.approx(fit.mean_rejection.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uncertainty": np.full(PROMPTS * ROUNDS, 0.5)}, "the uncertainty is 0.5 in every round"),
        ({"rejection": np.zeros(PROMPTS * ROUNDS)}, "the rejection is 0 in every round"),
        ({"prompt": np.zeros(PROMPTS * ROUNDS, np.int64)}, "one prompt"),
    ],
)
def test_what_no_line_can_be_fitted_to_is_refused(change: dict[str, Any], message: str) -> None:
    rounds = replace(planted(np.random.default_rng(0), 0.6, 0.1, outcomes=True), **change)
    with pytest.raises(ValueError, match=message):
        fit_rounds(rounds, np.random.default_rng(1))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(
        tmp_path_factory.mktemp("calibration"), prompts=4, num_tokens=12, policies={"hlm": Hlm()}
    )


def test_a_trace_gives_its_hlm_rounds_and_its_truncation_curve(trace: Trace) -> None:
    """Against a plain loop over the recorded path."""
    fit, calibration = calibrate(trace, np.random.default_rng(0))
    size = trace.manifest.vocabulary_size
    rejections, curves = [], []
    decider = Decider(trace, Measure(20, 2.0), 12)
    for seed in trace.manifest.token_seeds:
        forest, rounds = decider.forest(seed), decider.rounds(Hlm(), seed)
        for node, draft, u in zip(rounds.node.flat, rounds.draft.flat, rounds.uncertainty.flat, strict=True):
            row = slice(forest.starts[node], forest.ends[node])
            x, y = np.zeros(size), np.zeros(size)
            x[forest.table.ids[row]], y[forest.table.ids[row]] = forest.x[row], forest.y[row]
            rejections.append(max(0.0, 1 - y[draft] / x[draft]))
            beta = min(1.0, max(0.0, fit.a.value * u + fit.b.value))
            scale = (1 - x[draft]) * np.log1p(np.exp(-1.0)) + x[draft] * np.log1p(np.exp(-beta))
            curves.append([np.abs(x - reconstruct(x, k, size)).sum() / scale for k in range(1, size + 1)])
    assert fit.rounds == len(rejections)
    assert calibration.mean_rejection == pytest.approx(np.mean(rejections))
    assert calibration.delta == pytest.approx(np.mean(np.array(rejections) > 0))
    # Probabilities of a row sum to 1 to float64's rounding; the denominator is at least 0.31.
    assert calibration.u_tv == pytest.approx(np.mean(curves, axis=0), abs=1e-12)


def test_a_calibration_is_stored_in_a_trace_of_the_same_pair_and_other_prompts(
    trace: Trace, tmp_path: Path
) -> None:
    _, calibration = calibrate(trace, np.random.default_rng(0))
    with pytest.raises(TraceError, match="shares a prompt"):
        store_calibration(trace.folder, calibration, trace.manifest)
    sweep = make_trace(tmp_path / "sweep", policies={"hlm": Hlm()})
    others = tuple(Prompt(id=p.id, tokens=(*p.tokens, 0)) for p in sweep.manifest.prompts)
    write_manifest(sweep.folder, sweep.manifest.model_copy(update={"prompts": others}))
    store_calibration(sweep.folder, calibration, trace.manifest)
    assert read_manifest(sweep.folder).calibration == calibration
    larger = make_trace(tmp_path / "larger", vocabulary_size=24, policies={"hlm": Hlm()})
    with pytest.raises(TraceError, match=r"differs from .* in vocabulary_size"):
        store_calibration(larger.folder, calibration, trace.manifest)
    # A pair is the same by its weights, whatever its models are called.
    manifest = read_manifest(sweep.folder)
    write_manifest(
        sweep.folder, manifest.model_copy(update={"slm": manifest.slm.model_copy(update={"name": "another"})})
    )
    store_calibration(sweep.folder, calibration, trace.manifest)
    write_manifest(
        sweep.folder,
        manifest.model_copy(update={"slm": manifest.slm.model_copy(update={"digest": "f" * 64})}),
    )
    with pytest.raises(TraceError, match=r"differs from .* in slm"):
        store_calibration(sweep.folder, calibration, trace.manifest)


def test_a_trace_without_an_hlm_path_is_refused(trace: Trace) -> None:
    bare = Trace(trace.folder, trace.manifest.model_copy(update={"policies": ("slm",)}))
    with pytest.raises(TraceError, match="no hlm path"):
        calibrate(bare, np.random.default_rng(0))


def test_the_report_says_it_in_words_in_json_and_in_a_figure(trace: Trace, tmp_path: Path) -> None:
    fit, _ = calibrate(trace, np.random.default_rng(0))
    assert f"{fit.rounds} rounds of 4 prompts" in report(fit)
    content = json.loads(to_json(fit))
    assert content["a"]["value"] == fit.a.value
    assert len(content["bins"]) == len(fit.bins)
    draw(fit, tmp_path / "one.png")
    draw(fit, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_thresholds_outside_the_unit_interval_are_said() -> None:
    rng = np.random.default_rng(7)
    sentences = " ".join(cautions(fit_rounds(planted(rng, 0.3, 0.4, outcomes=False), rng)))
    assert "risk-averse is below 0" in sentences
    assert "risk-prone is not below 1" in sentences
