from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.timeline import plot_timeline, timeline
from netsim.results.timeline import COLUMNS, write_timeline


def gantt(num_devices: int) -> pd.DataFrame:
    """Each device thinks for 1 s, then waits for its turn of 0.5 s, twice; two prompts."""
    spans: list[tuple[object, ...]] = []
    for device in range(num_devices):
        for prompt, began_s in ((0, 0.0), (1, 100.0)):
            for position in range(4):
                start_s = began_s + position * 10
                own = (device, prompt, position)
                turn_s = start_s + 1 + device / 2
                spans.append((f"device {device}", *own, "slm", start_s, 1.0))
                if device:
                    spans.append((f"device {device}", *own, "wait for uplink", start_s + 1, device / 2))
                spans += [(row, *own, "uplink", turn_s, 0.5) for row in (f"device {device}", "uplink")]
    return pd.DataFrame(spans, columns=list(COLUMNS))


def test_the_figure_shows_the_first_tokens() -> None:
    axes = timeline(gantt(3), first_tokens=2).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["device 0", "device 1", "device 2", "uplink"]
    bars = {container.get_label(): len(container) for container in axes.containers}
    # Two tokens of three devices: uploads are on their devices' rows and on the uplink's.
    assert bars == {"slm": 6, "wait": 4, "uplink": 12}


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="51 rows can't be told apart, at most 40"):
        timeline(gantt(50))


def test_the_same_file_gives_the_same_picture(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_timeline(file, gantt(2))
    picture = plot_timeline(file, "svg")
    assert picture == tmp_path / "run.svg"
    assert picture.read_bytes() == plot_timeline(file, "svg", tmp_path / "again.svg").read_bytes()
    with pytest.raises(ValueError, match="no format 'gif'"):
        plot_timeline(file, "gif")
