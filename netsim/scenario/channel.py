"""The `channel` block of a scenario file. Laws and formulas are in the package `channels`."""

from __future__ import annotations

from typing import Annotated

from channels.gains import Gains
from channels.recorded import Recorded
from channels.units import from_db
from netsim.errors import Fault, InputError, at_key, reason
from netsim.radio.link import Radio, session_rng
from netsim.scenario.fadings import Fading
from netsim.scenario.fadings.models import RayleighSettings, RecordedFadingSettings
from netsim.scenario.fields import Block, Key
from netsim.scenario.rates import Rate
from netsim.scenario.rates.laws import ShannonSettings

LOWEST_SNR_DB, HIGHEST_SNR_DB = -60.0, 100.0
"""Below, 1 MHz carries 1.4 bit/s and one upload spans millions of fading blocks; above, the SNR is that of no receiver."""

SnrDb = Annotated[float, Key("mean SNR of the uplink", "dB", at_least=LOWEST_SNR_DB, at_most=HIGHEST_SNR_DB)]


class ChannelSettings(Block):
    """The radio between device and base station.

    ``snr_db`` is not to be given where a recorded series or the scenario's ``site`` determines it.
    """

    fading: Fading = RayleighSettings()
    snr_db: SnrDb = 10.0
    bandwidth_hz: Annotated[float, Key("bandwidth of the uplink", "Hz", at_least=1, at_most=1e12)] = 1e6
    coherence_time_s: Annotated[
        float, Key("time over which the fading holds still", "s", at_least=1e-7, at_most=1e6)
    ] = 0.01
    rate: Rate = ShannonSettings()

    def build(self, snr_db: float | None = None) -> Radio:
        """The uplink, at the mean SNR of this block or at another.

        A recorded series is taken at the SNR at which it was recorded.

        Raises
        ------
        InputError
            If a value is out of its law's range.
        """
        try:
            with at_key("fading"):
                fading = self.fading.build()
            with at_key("rate"):
                rate_law = self.rate.build()
            recorded_snr = fading.mean_snr if isinstance(fading, Recorded) else None
            radio = Radio(
                fading=fading,
                rate_law=rate_law,
                snr=recorded_snr or from_db(self.snr_db if snr_db is None else snr_db),
                gap=from_db(self.rate.gap_db),
                bandwidth_hz=self.bandwidth_hz,
                coherence_time_s=self.coherence_time_s,
                reading=self.fading.reading() if isinstance(self.fading, RecordedFadingSettings) else None,
            )
            _check(radio)
        except (ValueError, OSError) as error:
            raise InputError(
                [Fault("", "fading.file" if isinstance(error, OSError) else "", reason(error))]
            ) from None
        return radio


def _check(radio: Radio) -> None:
    """Draw one session's first gains and their rates: what a law or a series refuses, without compiled code."""
    gains = Gains(radio.fading, radio.coherence_time_s, session_rng(0, 0, 0))
    radio.rate_law(radio.snr * gains.values, radio.bandwidth_hz, radio.gap)
