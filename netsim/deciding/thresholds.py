"""A pair's line of rejection over uncertainty, and the thresholds that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThresholdName = Literal["risk-averse", "risk-prone"]


@dataclass(frozen=True)
class RejectionLine:
    """``beta ~ a u + b``, from a trace's calibration or from published statistics.

    Attributes
    ----------
    a, b : float
    delta : float or None. ``P(y_d < x_d)``, the share of drafts that the LLM does not accept outright.
    u_tv : tuple of float or None. Mean ``U_TV(k)`` of the calibration's rounds, for ``k`` = 1 … vocabulary size.
    """

    a: float
    b: float
    delta: float | None = None
    u_tv: tuple[float, ...] | None = None

    def threshold(self, name: ThresholdName) -> float | None:
        """Uncertainty at which the line predicts a rejection of 0, or of ``delta`` (arXiv 2412.12687).

        May lie outside [0, 1]. None where the line does not rise, or ``delta`` is not known.

        Examples
        --------
        >>> published = RejectionLine(0.815, -0.066, delta=0.29)
        >>> round(published.threshold("risk-averse"), 3), round(published.threshold("risk-prone"), 3)
        (0.081, 0.437)
        """
        aim = 0.0 if name == "risk-averse" else self.delta
        return None if aim is None or self.a <= 0 else (aim - self.b) / self.a
