"""Radio: fading, rates, path loss and HARQ against closed forms and published tables."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats

from analysis.validation.check import Check, exact, of_means, of_share
from channels.capacity import session_curve
from channels.correlated import Clarke, GaussMarkov
from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from channels.goodput import HarqRate
from channels.harq import Harq
from channels.pathloss import Environment, Site
from channels.rates import cqi, shannon

GOLDSMITH = "Goldsmith 2005, 3.2.2"
#: Environment, base height, distance, line of sight, loss: test vectors of ns-3's TR 38.901 at 5 GHz, 1.5 m.
LOSSES: list[tuple[Environment, float, float, bool, float]] = [
    ("uma", 25.0, 1000.0, True, 109.7252),
    ("uma", 25.0, 1000.0, False, 144.7641),
    ("umi", 10.0, 1000.0, True, 119.3114),
    ("umi", 10.0, 100.0, False, 107.9432),
    ("inh", 3.0, 50.0, True, 75.7750),
    ("inh", 3.0, 50.0, False, 99.7824),
]


def fading_moments(sessions: int) -> list[Check]:
    """Second moments of the power gain, and the ergodic rate."""
    k = 10**0.6
    laws: list[tuple[str, Fading, float]] = [
        ("Rayleigh", Rayleigh(), 1.0),
        ("Rician, 6 dB", Rician(6.0), (1 + 2 * k) / (1 + k) ** 2),
        ("Nakagami, m = 2.5", Nakagami(2.5), 1 / 2.5),
        ("Gauss-Markov, rho = 0.9", GaussMarkov(0.9), 1.0),
    ]
    checks = []
    for name, fading, variance in laws:
        gains = [fading.stream(np.random.default_rng([94, n]), 0.01).take(400) for n in range(sessions)]
        checks.append(of_means(f"{name}: mean gain", GOLDSMITH, 1.0, [own.mean() for own in gains]))
        squares = [((own - 1) ** 2).mean() for own in gains]
        checks.append(of_means(f"{name}: variance of the gain", GOLDSMITH, variance, squares))
    snr = 10.0
    expected = math.exp(1 / snr) * special.exp1(1 / snr) / math.log(2)
    rates = [
        session_curve(Rayleigh(), shannon, snr, 1.0, 0.01, np.random.default_rng([95, n])).bits_between(0, 4)
        / 4
        for n in range(sessions)
    ]
    return [
        *checks,
        of_means("Rayleigh at 10 dB: mean rate, bit/s/Hz", "exp(1/s) E1(1/s) / ln 2", expected, rates),
    ]


def correlation(sessions: int) -> list[Check]:
    """Autocorrelation and level crossings of the models that remember."""
    lag, rho = 5, 0.9
    gains = [GaussMarkov(rho).stream(np.random.default_rng([96, n]), 0.01).take(400) for n in range(sessions)]
    products = [((own[lag:] - 1) * (own[:-lag] - 1)).mean() for own in gains]
    checks = [of_means("Gauss-Markov: covariance at lag 5", "rho^(2n)", rho ** (2 * lag), products)]
    doppler, step_s = 10.0, 0.0005  # steps so short that hardly any crossing falls between two of them
    for level in (0.3, 1.0):
        counts = []
        for n in range(sessions // 4):
            path = Clarke(doppler).stream(np.random.default_rng([97, n]), step_s).take(4000)
            above = np.sqrt(path) >= level
            counts.append((above[1:] & ~above[:-1]).sum() / (4000 * step_s))
        expected = math.sqrt(2 * math.pi) * doppler * level * math.exp(-(level**2))
        subject = f"Clarke, 10 Hz: crossings a second of {level:g} of the rms amplitude"
        line = of_means(subject, "Rice 1948: sqrt(2 pi) f_D r exp(-r^2)", expected, counts)
        # Pairs of crossings within one step are missed: (pi f_D step)^2 of them or so, rounded up to 1 %.
        allowed = line.allowed + 0.01 * expected
        checks.append(
            Check(line.subject, line.source, expected, line.measured, allowed, f"{line.because}, 1 %")
        )
    return checks


def path_loss() -> list[Check]:
    """3GPP TR 38.901: losses of another implementation, and the probability of line of sight by hand."""
    checks = []
    for environment, base_m, distance_m, clear, loss_db in LOSSES:
        site = Site(environment, 5e9, base_m, 1.5)
        found = site.path_loss_db(distance_m, line_of_sight=clear)
        subject = f"{environment}, {distance_m:g} m, {'' if clear else 'no '}line of sight: loss, dB"
        checks.append(
            Check(subject, "ns-3's TR 38.901", loss_db, found, 0.05, "tolerance of ns-3's own test")
        )
    expected = 18 / 63 + math.exp(-1) * (1 - 18 / 63)
    found = Site("uma", 5e9, 25.0, 1.5).line_of_sight_probability(63.0)
    return [
        *checks,
        exact("uma, 63 m: probability of line of sight", "table 7.4.2-1 by hand", expected, found),
    ]


def rates() -> list[Check]:
    """3GPP TS 38.214, and a block with two transmissions."""
    table = {0.1: 0.0, 0.12: 0.1523, 1.0: 0.8770, 15.0: 3.9023, 1e4: 5.5547}
    checks = [
        exact(f"CQI rate at an SNR of {snr:g}, bit/s/Hz", "TS 38.214, table 5.2.2.1-2", rate, _cqi(snr))
        for snr, rate in table.items()
    ]
    # One CQI decides at this SNR: by hand from the normal approximation, two transmissions at most, Chase.
    snr, symbols, efficiency = 1.0, 200, 0.8770
    first, second = (_error(snr * n, efficiency, symbols) for n in (1, 2))
    expected = efficiency * (1 - first * second) / (1 + first)
    found = float(HarqRate(Harq(symbols, max_transmissions=2))(np.array([snr]), 1.0)[0])
    subject = "HARQ, two transmissions at 0 dB, 200 symbols: bit/s/Hz"
    return [*checks, exact(subject, "Polyanskiy 2010 and renewal-reward by hand", expected, found, 1e-6)]


def _cqi(snr: float) -> float:
    return float(cqi(np.array([snr]), 1.0)[0])


def _error(snr: float, efficiency: float, symbols: int) -> float:
    """Normal approximation over ``2 n`` real channel uses."""
    uses = 2 * symbols
    dispersion = snr / 2 * (snr + 2) / (snr + 1) ** 2 * math.log2(math.e) ** 2
    margin = uses * 0.5 * math.log2(1 + snr) - efficiency * symbols + 0.5 * math.log2(uses)
    return float(stats.norm.sf(margin / math.sqrt(uses * dispersion)))


def upload() -> list[Check]:
    """A payload over a constant link, and one that outlasts its blocks."""
    constant = session_curve(NoFading(), shannon, 3.0, 1e6, 0.01, np.random.default_rng(0))
    checks = [
        exact(
            "736 000 bits at 2 bit/s/Hz on 1 MHz: s", "bits over rate", 0.368, constant.duration(0.0, 736e3)
        )
    ]
    short, trials = 0, 2000
    for n in range(trials):
        curve = session_curve(Rayleigh(), shannon, 1.0, 1.0, 1.0, np.random.default_rng([98, n]))
        short += curve.duration(0.0, 1.0) <= 1.0
    # It is over within the first block if log2(1 + g) >= 1, that is g >= 1.
    return [
        *checks,
        of_share("one bit over one block at 0 dB: done in it", "exp(-1)", math.exp(-1), short, trials),
    ]
