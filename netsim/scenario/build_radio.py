"""From the `channel` and `site` blocks of a scenario to the radio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from channels.correlated import Clarke, GaussMarkov, doppler_hz
from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from channels.goodput import HarqRate
from channels.harq import Harq
from channels.pathloss import Site
from channels.rates import RateLaw, cqi, shannon
from channels.recorded import Recorded, load_recorded
from netsim.errors import Fault, InputError
from netsim.radio.link import Radio, from_db
from netsim.radio.placement import LinkBudget, Place
from netsim.scenario import Scenario
from netsim.scenario.channel import (
    ClarkeSettings,
    GaussMarkovSettings,
    NakagamiSettings,
    NoFadingSettings,
    OwnFadingSettings,
    RateSettings,
    RayleighSettings,
    RecordedFadingSettings,
    RicianSettings,
)
from netsim.scenario.network import DeviceSettings, SiteSettings
from netsim.scenario.plugins import make


def build_radio(scenario: Scenario, snr_db: float | None = None) -> Radio:
    """The scenario's uplink, at the mean SNR of ``channel`` or at another.

    A recorded series is taken at the SNR at which it was recorded.

    Raises
    ------
    InputError
        If the link can never send, or a value is out of its law's range.
    """
    channel = scenario.channel
    try:
        fading = build_fading(channel.fading)
        recorded_snr = fading.mean_snr if isinstance(fading, Recorded) else None
        radio = Radio(
            fading=fading,
            rate_law=_rate_law(channel.rate),
            snr=recorded_snr or from_db(channel.snr_db if snr_db is None else snr_db),
            gap=from_db(channel.rate.gap_db),
            bandwidth_hz=channel.bandwidth_hz,
            coherence_time_s=channel.coherence_time_s,
        )
        radio.curve(0, 0, 0).duration(0.0, 1.0)
    except (ValueError, OSError) as error:
        raise _fault("channel", str(error)) from None
    return radio


def build_fading(settings: Any) -> Fading:
    """The fading model of a `channel.fading` block.

    Raises
    ------
    InputError, ValueError, OSError
        If there is no such model, or it refuses its values or its file.
    """
    fading: Fading
    match settings:
        case NoFadingSettings():
            fading = NoFading()
        case RayleighSettings():
            fading = Rayleigh()
        case RicianSettings():
            fading = Rician(settings.k_db)
        case NakagamiSettings():
            fading = Nakagami(settings.m)
        case GaussMarkovSettings():
            fading = GaussMarkov(settings.rho)
        case ClarkeSettings():
            fading = Clarke(_doppler_hz(settings))
        case RecordedFadingSettings():
            fading = load_recorded(Path(settings.file), settings.end)
        case OwnFadingSettings():
            fading = make(settings.name, "channel.fading", settings.model_extra)
    return fading


def _doppler_hz(settings: ClarkeSettings) -> float:
    if settings.doppler_hz is not None:
        return settings.doppler_hz
    assert settings.speed_m_s is not None, "a scenario gives one or the other"
    assert settings.carrier_hz is not None, "the two come together"
    return doppler_hz(settings.speed_m_s, settings.carrier_hz)


def _rate_law(settings: RateSettings) -> RateLaw:
    if settings.harq is not None:
        own = settings.harq
        return HarqRate(Harq(own.block_symbols, own.max_transmissions, own.combining))
    return {"shannon": shannon, "cqi": cqi}[settings.name]


def build_place(site: SiteSettings | None, own: DeviceSettings, path: str) -> Place | None:
    """Place of a device; None where its mean SNR is given.

    Raises
    ------
    InputError
        If the path-loss model does not hold there.
    """
    if site is None or own.snr_db is not None or (own.position_m is None and site.radius_m is None):
        return None
    try:
        law = Site(site.environment, site.carrier_hz, site.base_height_m, site.device_height_m)
    except ValueError as error:
        raise _fault("site", str(error)) from None
    budget = LinkBudget(law, site.transmit_dbm, site.noise_figure_db, site.shadowing)
    place = Place(budget, own.position_m, own.velocity_m_s or (0.0, 0.0), site.radius_m)
    try:
        law.path_loss_db(place.farthest_m(), line_of_sight=True)
    except ValueError as error:
        raise _fault(path if own.position_m else "site.radius_m", str(error)) from None
    return place


def _fault(path: str, text: str) -> InputError:
    return InputError([Fault("", path, text)])
