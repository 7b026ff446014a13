"""Figures of a run's logs, from made-up spans and seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.drawing import STAGE_LOOKS
from analysis.figures.identity import COLOURS
from analysis.figures.logs import Window, energy_queue, latency_cdf, timeline, token_seconds
from analysis.figures.plot import plot
from analysis.figures.style import STYLES
from netsim.results.timeline import COLUMNS, write_timeline


def gantt(num_devices: int) -> pd.DataFrame:
    """Each device thinks for 1 s, then waits for its turn of 0.5 s; six tokens of two prompts."""
    spans: list[tuple[object, ...]] = []
    for device in range(num_devices):
        for prompt, began_s in ((0, 0.0), (1, 100.0)):
            for position in range(6):
                start_s = began_s + position * 10
                own = (device, prompt, position)
                turn_s = start_s + 1 + device / 2
                spans.append((f"device {device}", *own, "slm", start_s, 1.0))
                if device:
                    spans.append((f"device {device}", *own, "wait for uplink", start_s + 1, device / 2))
                spans += [(row, *own, "uplink", turn_s, 0.5) for row in (f"device {device}", "uplink")]
    return pd.DataFrame(spans, columns=list(COLUMNS))


def test_the_figure_shows_the_first_tokens_of_each_device() -> None:
    axes = timeline(gantt(3)).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["device 0", "device 1", "device 2", "uplink"]
    bars = {container.get_label(): len(container) for container in axes.containers}
    # Four tokens of three devices: uploads are on their devices' rows and on the uplink's.
    assert bars == {"SLM": 12, "queue": 8, "uplink": 24}


def test_a_stage_has_the_colour_that_it_has_in_a_breakdown() -> None:
    axes = timeline(gantt(1)).axes[0]
    for name, column in (("SLM", "slm_s"), ("uplink", "uplink_s")):
        (bars,) = (container for container in axes.containers if container.get_label() == name)
        assert bars[0].get_facecolor()[:3] == pytest.approx(STAGE_LOOKS[column][0])


def test_devices_and_times_can_be_chosen() -> None:
    window = Window(devices=(1,), from_s=9.5, to_s=20.5)
    shown = window.of(gantt(3))
    assert set(shown["device"]) == {1}
    # The tokens that start at 10 s and at 20 s, of which the second has only begun.
    assert sorted(set(shown["start_s"])) == [10.0, 11.0, 11.5, 20.0]
    assert timeline(gantt(3), window=window).axes[0].get_xlim() == (9.5, 20.5)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (Window(devices=(0, 7)), "--devices 7: not in the timeline, allowed: 0 to 2"),
        (Window(from_s=1e6), "nothing happens then"),
    ],
)
def test_what_is_not_there_is_refused(window: Window, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        timeline(gantt(3), window=window)


def test_too_many_rows_are_refused_until_some_are_chosen() -> None:
    with pytest.raises(ValueError, match="51 rows can't be told apart, at most 40 are drawn: choose some"):
        timeline(gantt(50))
    assert timeline(gantt(50), window=Window(devices=tuple(range(10)))).axes


def test_the_same_file_gives_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_timeline(file, gantt(2))
    picture, _ = plot(file, "timeline", "svg")
    assert picture == tmp_path / "run-timeline.svg"
    again, _ = plot(file, "timeline", None, tmp_path / "again.svg")
    assert picture.read_bytes() == again.read_bytes()


def test_a_cdf_steps_by_one_token_at_its_seconds(tmp_path: Path) -> None:
    files = []
    for name, seconds in {"hlm": [0.3, 0.1, 0.2, 0.4], "slm": [0.05, 0.05]}.items():
        files.append(tmp_path / f"{name}.parquet")
        start_s = np.arange(len(seconds), dtype=float)
        pd.DataFrame({"start_s": start_s, "end_s": start_s + seconds}).to_parquet(files[-1])
    (axes,) = latency_cdf(files, STYLES["screen"], Window()).figure.axes
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in axes.lines}
    np.testing.assert_allclose(lines["hlm"], [[0.1, 0.25], [0.2, 0.5], [0.3, 0.75], [0.4, 1.0]])
    assert lines["slm"][-1, 1] == 1.0


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(file)
    with pytest.raises(
        ValueError, match=r"other\.parquet: not a token log, write one with netsim run --tokens"
    ):
        plot(file, "latency-cdf")


def test_a_cdf_of_a_csv_is_that_of_the_same_log_in_parquet(tmp_path: Path) -> None:
    log = pd.DataFrame({"start_s": [0.0, 1.0, 2.0], "end_s": [0.5, 1.25, 2.125]})
    log.to_csv(tmp_path / "run.csv", index=False)
    log.to_parquet(tmp_path / "run.parquet")
    seconds = [token_seconds(tmp_path / f"run.{suffix}") for suffix in ("csv", "parquet")]
    assert seconds[0].tolist() == seconds[1].tolist() == [0.5, 0.25, 0.125]
    figure = latency_cdf([tmp_path / "run.csv"], STYLES["screen"], Window()).figure
    assert not figure.legends, "one curve needs no name"


@pytest.mark.parametrize(
    ("kind", "count", "message"),
    [
        ("timeline", 2, "timeline: one file, given 2"),
        ("energy-queue", 2, "energy-queue: one file, given 2"),
        ("latency-cdf", len(COLOURS) + 1, f"curves can't be told apart, at most {len(COLOURS)}"),
    ],
)
def test_too_many_logs_are_refused(tmp_path: Path, kind: str, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot([tmp_path / f"{number}.parquet" for number in range(count)], kind)


def queue_log(num_devices: int) -> pd.DataFrame:
    """Two seeds of devices whose queue grows by a millijoule a token, each from its own number; one has no budget."""
    rows = [
        {"seed": seed, "device": device, "start_s": 0.1 * token, "energy_queue_j": device + token / 1000}
        for seed in (3, 4)
        for device in range(num_devices)
        for token in range(4)
    ]
    without = {"seed": 3, "device": num_devices, "start_s": 0.0, "energy_queue_j": np.nan}
    return pd.DataFrame([*rows, without])


def test_the_energy_queue_is_a_curve_for_each_device_of_the_first_seed(tmp_path: Path) -> None:
    queue_log(2).to_parquet(tmp_path / "run.parquet")
    (axes,) = energy_queue([tmp_path / "run.parquet"], STYLES["screen"], Window()).figure.axes
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in axes.lines}
    assert set(lines) == {"device 0", "device 1"}
    np.testing.assert_allclose(lines["device 1"], [[0.0, 1.0], [0.1, 1.001], [0.2, 1.002], [0.3, 1.003]])
    assert axes.get_ylabel() == "energy above the budget (J)"


def test_the_energy_queue_of_one_device_needs_no_name(tmp_path: Path) -> None:
    queue_log(1).to_csv(tmp_path / "run.csv", index=False)
    figure = energy_queue([tmp_path / "run.csv"], STYLES["screen"], Window()).figure
    assert len(figure.axes[0].lines) == 1
    assert not figure.legends


@pytest.mark.parametrize(
    ("num_devices", "message"),
    [
        (0, "no device has an energy queue, allowed: a run of gelato"),
        (len(COLOURS) + 1, f"curves can't be told apart, at most {len(COLOURS)}"),
    ],
)
def test_an_energy_queue_that_cant_be_drawn_is_refused(
    tmp_path: Path, num_devices: int, message: str
) -> None:
    queue_log(num_devices).to_parquet(tmp_path / "run.parquet")
    with pytest.raises(ValueError, match=message):
        plot(tmp_path / "run.parquet", "energy-queue")


def test_a_log_without_tokens_or_without_a_file_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    pd.DataFrame({"start_s": [], "end_s": []}).to_csv(empty, index=False)
    with pytest.raises(ValueError, match=r"empty\.csv: no token"):
        token_seconds(empty)
    with pytest.raises(ValueError, match=r"none\.csv: no such file"):
        token_seconds(tmp_path / "none.csv")
