from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from channels.capacity import session_curve
from channels.fading import NoFading, Rayleigh
from channels.rates import cqi, shannon
from netsim.engines.events import BaseStation, simulate_base_station
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.engines.slots import SlotScheduler, SlottedUplink
from tests.network_jobs import ConstantLink, plain_job


def slotted(scheduler: SlotScheduler, slot_s: float = 1.0) -> BaseStation:
    return BaseStation(uplink=lambda env: SlottedUplink(env, scheduler, slot_s))


def test_turns_by_hand() -> None:
    # Slots of 1 s, 1 bit/s. Device 0 has 2.5 bits from 0 on, device 1 1 bit from 0.5 on: 0 sends in slots 0
    # and 2 and half of 3, device 1 in slot 1. Decoded at the end of a slot.
    jobs = [plain_job((1, 1), bits=2.5), plain_job((1, 1), bits=1.0, arrivals_s=[0.5])]
    first, second = (log.timings for log in simulate_base_station(jobs, slotted(RoundRobin())))
    assert (first.uplink_s[0, 0], first.queue_s[0, 0]) == (2.5, 1.5)
    assert (second.uplink_s[0, 0], second.queue_s[0, 0]) == (1.0, 0.5)
    assert first.air_s[0, 0] == 2.5


def test_the_turn_goes_on_where_it_was() -> None:
    jobs = [plain_job((1, 1), bits=2.0) for _ in range(3)]
    totals = [
        log.timings.uplink_s[0, 0] + log.timings.queue_s[0, 0]
        for log in simulate_base_station(jobs, slotted(RoundRobin()))
    ]
    assert totals == [4.0, 5.0, 6.0]


def test_a_prompt_and_its_round_share_a_slot() -> None:
    timings = simulate_base_station([plain_job((1, 1), prompt_bits=0.25, bits=1.0)], slotted(RoundRobin()))[
        0
    ].timings
    assert (timings.prompt_s[0, 0], timings.uplink_s[0, 0], timings.queue_s[0, 0]) == (0.25, 1.0, 0.75)


def test_alone_an_upload_takes_whole_slots() -> None:
    curve = session_curve(Rayleigh(), shannon, 5.0, 1e6, 0.01, np.random.default_rng(2))
    bits = np.random.default_rng(3).exponential(2e5, (1, 20))
    timings = simulate_base_station([plain_job((1, 20), curve, bits=bits)], slotted(RoundRobin(), 5e-4))[
        0
    ].timings
    ends = timings.start_s[0] + timings.uplink_s[0] + timings.queue_s[0]
    np.testing.assert_allclose(ends / 5e-4, np.round(ends / 5e-4), atol=1e-6)
    # Nothing but the rest of the last slot is wasted.
    assert (timings.queue_s[0] < 5e-4 * (1 + 1e-6)).all()
    for start_s, air_s, sent in zip(timings.start_s[0], timings.uplink_s[0], bits[0], strict=True):
        assert curve.bits_between(start_s, start_s + air_s) == pytest.approx(sent, rel=1e-6)


def test_proportional_fair_gives_equal_time_at_constant_rates() -> None:
    """With rates that never change, it is fair in slots, however unequal the rates (Viswanath et al., 2002)."""
    jobs = [plain_job((1, 1), ConstantLink(rate), bits=200.0 * rate) for rate in (1.0, 3.0, 10.0)]
    logs = simulate_base_station(jobs, slotted(ProportionalFair(window_slots=50)))
    ends = [log.timings.uplink_s[0, 0] + log.timings.queue_s[0, 0] for log in logs]
    # 200 slots each, a third of all slots: all end near slot 600, off by about a window.
    assert min(ends) > 600 - 50
    assert max(ends) == 600


def test_proportional_fair_rides_the_peaks() -> None:
    """Symmetric Rayleigh links, a fresh gain each slot: the best of N is served, at its rate.

    The best of N exponentials has the density ``N exp(-g) (1 - exp(-g))^(N - 1)``.
    """
    number, snr, bits = 4, 3.0, 3000.0
    links = [
        session_curve(Rayleigh(), shannon, snr, 1.0, 1.0, np.random.default_rng(j)) for j in range(number)
    ]
    logs = simulate_base_station(
        [plain_job((1, 1), link, bits=bits) for link in links], slotted(ProportionalFair(window_slots=1000))
    )
    ends = [log.timings.uplink_s[0, 0] + log.timings.queue_s[0, 0] for log in logs]
    first_end_s = min(ends)
    rate, _ = integrate.quad(
        lambda g: number * np.exp(-g) * (1 - np.exp(-g)) ** (number - 1) * np.log2(1 + snr * g), 0, 40
    )
    second, _ = integrate.quad(
        lambda g: number * np.exp(-g) * (1 - np.exp(-g)) ** (number - 1) * np.log2(1 + snr * g) ** 2, 0, 40
    )
    slots = number * bits / rate
    # The total of so many slots is within 4 standard deviations (6e-5); the averages that the choice rests on
    # err by about 1 / sqrt(window) = 3 %, which costs the rate far less (an error of second order, under 1 %).
    # The first device ends when the others, whose shares differ by a window at most, are nearly through.
    deviation = 4 * np.sqrt(slots * (second - rate**2)) / rate
    assert first_end_s * rate / number > bits - 1000 * rate / number
    assert abs(max(ends) - slots) < deviation + 0.01 * slots + 1000 / number
    blind = integrate.quad(lambda g: np.exp(-g) * np.log2(1 + snr * g), 0, 40)[0]
    assert max(ends) < 0.8 * number * bits / blind  # round-robin would take that long


def test_a_device_that_comes_back_is_served_first() -> None:
    scheduler = ProportionalFair(window_slots=10)
    jobs = [plain_job((1, 1), bits=20.0), plain_job((1, 1), bits=1.0, arrivals_s=[10.0])]
    second = simulate_base_station(jobs, slotted(scheduler))[1].timings
    assert second.queue_s[0, 0] == 0.0


def test_schedulers_have_no_memory_of_another_run() -> None:
    assert RoundRobin() == RoundRobin()
    with pytest.raises(ValueError, match="window_slots"):
        ProportionalFair(window_slots=0.5)


def test_a_link_that_can_never_send_blocks_its_device() -> None:
    dead = session_curve(NoFading(), cqi, 1e-3, 1e6, 0.01, np.random.default_rng(0))
    log = simulate_base_station([plain_job((1, 1), dead, bits=1.0)], slotted(RoundRobin()))[0]
    assert log.blocked_from == 0
    assert log.completed.tolist() == [0]
