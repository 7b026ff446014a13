from __future__ import annotations

import math

import numpy as np
import pytest

from channels.capacity import session_curve
from channels.fading import NoFading, Rayleigh
from channels.gains import ChannelEnded, LinkNeverSends
from channels.mobility import Moving, StraightPath
from channels.pathloss import PropagationConditions, Site
from channels.rates import cqi, shannon
from channels.testing import check_channel

SITE = Site("umi", 3.5e9, base_height_m=10.0, device_height_m=1.5)
PASSING = StraightPath(start_m=(-300.0, 40.0), velocity_m_s=(30.0, 0.0))


def test_conformance() -> None:
    check_channel(
        Moving(Rayleigh(), PASSING, SITE, PropagationConditions(line_of_sight=False)), stationary=False
    )


def test_device_passes_where_it_should() -> None:
    assert PASSING.closest_s() == 10.0
    assert PASSING.distance_m(10.0) == 40.0
    assert StraightPath((30.0, 40.0), (30.0, 40.0)).closest_s() == 0.0
    assert StraightPath((30.0, 40.0), (0.0, 0.0)).closest_s() == 0.0


def test_snr_follows_the_path_loss() -> None:
    moving = Moving(NoFading(), PASSING, SITE, PropagationConditions(line_of_sight=True))
    curve = session_curve(moving, shannon, 1.0, 1e6, 0.01, np.random.default_rng(0))
    for time_s in (0.0, 5.0, 10.0, 15.0):
        difference_db = SITE.path_loss_db(math.hypot(-300, 40), line_of_sight=True) - SITE.path_loss_db(
            math.hypot(-300 + 30 * time_s, 40), line_of_sight=True
        )
        # The block that holds the time starts up to 0.01 s, 0.3 m, earlier: 40 dB a decade at 40 m.
        assert 10 * math.log10(curve.snr(time_s + 1e-6)) == pytest.approx(difference_db, abs=0.14)


def test_fading_is_that_of_the_model_inside() -> None:
    moving, still = (
        fading.stream(np.random.default_rng(4), 0.01).take(500)
        for fading in (
            Moving(Rayleigh(), PASSING, SITE, PropagationConditions(line_of_sight=True)),
            Rayleigh(),
        )
    )
    means = Moving(NoFading(), PASSING, SITE, PropagationConditions(line_of_sight=True)).stream(
        np.random.default_rng(0), 0.01
    )
    np.testing.assert_allclose(moving, still * means.take(500), rtol=1e-15)


def test_line_that_leaves_the_models_range_ends_the_session() -> None:
    # 4990 m and leaving at 10 m/s: 1 s is left.
    leaving = Moving(
        NoFading(), StraightPath((4990.0, 0.0), (10.0, 0.0)), SITE, PropagationConditions(line_of_sight=True)
    )
    curve = session_curve(leaving, shannon, 1.0, 1e6, 0.01, np.random.default_rng(0))
    assert curve.duration(0.0, 0.9e6) == pytest.approx(0.9, abs=0.01)
    with pytest.raises(ChannelEnded):
        curve.duration(0.0, 1.1e6)


def test_device_that_comes_near_enough_is_waited_for() -> None:
    # The SNR of CQI 1 lies between those at 300 m and at 40 m, 18.6 dB apart.
    approaching = Moving(NoFading(), PASSING, SITE, PropagationConditions(line_of_sight=True))
    curve = session_curve(approaching, cqi, 0.01, 1e6, 0.01, np.random.default_rng(0))
    assert 5.0 < curve.duration(0.0, 1000.0) < 10.0


def test_device_that_never_comes_near_enough_is_refused() -> None:
    approaching = Moving(NoFading(), PASSING, SITE, PropagationConditions(line_of_sight=True))
    curve = session_curve(approaching, cqi, 1e-6, 1e6, 0.01, np.random.default_rng(0))
    with pytest.raises(LinkNeverSends):
        curve.duration(0.0, 1000.0)


def test_start_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="umi: path loss holds from"):
        Moving(
            Rayleigh(),
            StraightPath((6000.0, 0.0), (1.0, 0.0)),
            SITE,
            PropagationConditions(line_of_sight=True),
        )
