from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from channels.capacity import session_curve
from channels.rates import shannon
from channels.recorded import Reading, Recorded, RecordedFrom, load_recorded
from channels.testing import check_channel

TIMES_S = (10.0, 10.1, 10.4)
SNR_DB = (0.0, 10.0, 20.0)
# Held 0.1, 0.3 and, as long as the step before, 0.3 s.
MEAN_SNR = (0.1 * 1 + 0.3 * 10 + 0.3 * 100) / 0.7


@pytest.mark.parametrize("end", ["hold", "loop"])
def test_conformance(end: str) -> None:
    check_channel(Recorded(TIMES_S, SNR_DB, end), stationary=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "after"),
    [("hold", [100.0] * 4), ("loop", [1.0, 10.0, 10.0, 10.0]), ("refuse", [])],
)
def test_blocks_take_the_sample_that_holds(end: str, after: list[float]) -> None:
    recorded = Recorded(TIMES_S, SNR_DB, end)  # type: ignore[arg-type]
    assert recorded.mean_snr == pytest.approx(MEAN_SNR)
    gains = recorded.stream(np.random.default_rng(0), 0.1).take(11)
    expected = [1.0, *[10.0] * 3, *[100.0] * 3, *after]
    np.testing.assert_allclose(gains * recorded.mean_snr, expected, rtol=1e-14)


def test_curve_at_the_mean_has_the_recorded_snr() -> None:
    recorded = Recorded(TIMES_S, SNR_DB, "hold")
    curve = session_curve(recorded, shannon, recorded.mean_snr, 1e6, 0.1, np.random.default_rng(0))
    assert [curve.snr(time_s) for time_s in (0.05, 0.25, 0.65, 99.0)] == pytest.approx([1, 10, 100, 100])


def test_looped_series_has_mean_1_over_its_length() -> None:
    gains = Recorded(TIMES_S, SNR_DB, "loop").stream(np.random.default_rng(0), 0.1).take(7 * 1000)
    assert gains.mean() == pytest.approx(1.0, rel=1e-12)


def test_cdf_is_the_share_of_time() -> None:
    recorded = Recorded(TIMES_S, SNR_DB)
    shares = [recorded.cdf(snr / MEAN_SNR) for snr in (0.5, 5.0, 50.0, 200.0)]
    assert shares == pytest.approx([0, 1 / 7, 4 / 7, 1])


def test_blocks_that_would_pass_over_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at most the shortest step"):
        Recorded(TIMES_S, SNR_DB).stream(np.random.default_rng(0), 0.2)


@pytest.mark.parametrize(
    ("times_s", "snr_db", "message"),
    [
        ((0.0,), (1.0,), "at least two samples"),
        ((0.0, 1.0), (1.0,), "2 times and 1 SNRs"),
        ((0.0, 1.0, 1.0), (1.0, 2.0, 3.0), r"1\.0 follows 1\.0"),
        ((0.0, float("nan")), (1.0, 2.0), "must be finite"),
    ],
)
def test_series_that_is_none_is_refused(
    times_s: tuple[float, ...], snr_db: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Recorded(times_s, snr_db)


def test_unknown_end_is_refused() -> None:
    with pytest.raises(ValueError, match="hold, loop or refuse, got 'stop'"):
        Recorded(TIMES_S, SNR_DB, "stop")  # type: ignore[arg-type]


def test_csv_is_read(tmp_path: Path) -> None:
    file = tmp_path / "snr.csv"
    file.write_text("time_s,snr_db\n10,0\n10.1,10\n10.4,20\n\n", encoding="utf-8")
    # Times count from the first sample on.
    assert load_recorded(file, "loop") == Recorded((0.0, 0.1, 0.4), SNR_DB, "loop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"snr\.csv:1: the header must be time_s,snr_db"),
        ("time,snr\n0,1\n", r"snr\.csv:1: the header must be time_s,snr_db, got 'time,snr'"),
        ("time_s,snr_db\n0,1\n1,high\n", r"snr\.csv:3: needs two numbers, got '1,high'"),
        ("time_s,snr_db\n0,1\n1\n", r"snr\.csv:3: needs 2 values as the header has, got '1'"),
        ("time_s,snr_db\n0,1\n1,inf\n", r"snr\.csv:3: needs finite numbers"),
        ("time_s,snr_db\n0,1\n", r"snr\.csv: Recorded: needs at least two samples"),
    ],
)
def test_faults_of_a_csv_are_named_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "snr.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_recorded(file)


def test_a_session_enters_the_series_where_its_time_says() -> None:
    series = Recorded(TIMES_S, SNR_DB, "loop")
    later = RecordedFrom(series, 0.4)
    check_channel(later, stationary=False)
    gains = later.stream(np.random.default_rng(0), 0.1).take(4) * series.mean_snr
    np.testing.assert_allclose(gains, [100.0, 100.0, 100.0, 1.0], rtol=1e-14)


def test_devices_and_seeds_begin_apart() -> None:
    series = Recorded(TIMES_S, SNR_DB, "loop")  # 0.7 s long
    assert Reading().at(series, 0.9, device=3, now_s=0.5).start_s == pytest.approx(0.5)
    assert Reading(0.1).at(series, 0.9, device=3, now_s=0.5).start_s == pytest.approx(0.1)
    assert Reading(0.1, random_start=True).at(series, 0.5, 1, 0.0).start_s == pytest.approx(0.45)
    # Without a loop the series is left at its end, not entered anew.
    assert Reading(0.3).at(Recorded(TIMES_S, SNR_DB), 0.0, 4, 0.0).start_s == pytest.approx(1.2)


@pytest.mark.parametrize(
    "text",
    [
        "# drive test\ntime_s,snr_db\n# uplink\n0,1\n0.01,2\n0.02,3\n",
        "cell,snr_db,time_s\n7,1,0\n7,2,0.01\n7,3,0.02\n",
        "\ufefftime_s, snr_db\r\n0, 1\r\n0.01, 2\r\n0.02, 3\r\n",
        # Seconds of an epoch: the doubles nearest to these differ by 9.99999 ms.
        "time_s,snr_db\n1700000000.00,1\n1700000000.01,2\n1700000000.02,3\n",
    ],
    ids=["comments", "further columns", "spreadsheet", "epoch"],
)
def test_what_measurement_tools_write_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "snr.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert load_recorded(file) == Recorded((0.0, 0.01, 0.02), (1.0, 2.0, 3.0))
    load_recorded(file).stream(np.random.default_rng(0), coherence_time_s=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('time_s,snr_db\n0,1\n1,"2\n2,3\n', r"snr\.csv:3: not CSV: unexpected end of data"),
        (f"time_s,snr_db\n0,{'1' * 200_000}\n", r"snr\.csv:2: not CSV: field larger than field limit"),
        ("time_s;snr_db\n0,00;1\n0,01;2\n", r"snr\.csv:1: the header must be .* semicolons needs commas"),
        ("time_s,snr_db\n0,1\n1e400000,2\n", r"snr\.csv:3: needs finite numbers"),
        ("time_s,snr_db,snr_db\n0,1,2\n", r"snr\.csv:1: the header must be"),
    ],
)
def test_what_is_no_csv_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "snr.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_recorded(file)
