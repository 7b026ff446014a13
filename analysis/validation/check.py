"""One line of the validation table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

#: Two-sided confidence of the intervals in the table: of 50 right lines one fails in 20 tables.
CONFIDENCE = 0.999


@dataclass(frozen=True)
class Check:
    """A figure that is known without this code, and what the simulator gives for it.

    Attributes
    ----------
    subject : str. What is compared.
    source : str. Where the expected value comes from.
    expected, measured : float
    allowed : float. Largest difference at which the line agrees.
    because : str. Where ``allowed`` comes from.
    """

    subject: str
    source: str
    expected: float
    measured: float
    allowed: float
    because: str

    @property
    def agrees(self) -> bool:
        """Whether the two differ by no more than is allowed."""
        return abs(self.measured - self.expected) <= self.allowed


def exact(subject: str, source: str, expected: float, measured: float, relative: float = 1e-9) -> Check:
    """A line without chance in it: both sides are computed, and differ by rounding."""
    return Check(subject, source, expected, measured, relative * abs(expected), f"rounding, {relative:g}")


def of_means(subject: str, source: str, expected: float, means: ArrayLike) -> Check:
    """A line from independent replications: Student's t interval of their mean."""
    values = np.asarray(means, np.float64)
    half = stdtrit(values.size - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(values.size)
    text = f"99.9 % interval of {values.size} means"
    return Check(subject, source, expected, float(values.mean()), float(half), text)


def of_share(subject: str, source: str, expected: float, hits: int, trials: int) -> Check:
    """A line that counts successes of independent trials: 3.29 binomial standard deviations."""
    half = 3.29 * np.sqrt(expected * (1 - expected) / trials)
    return Check(subject, source, expected, hits / trials, float(half), f"99.9 % of {trials} trials")


def markdown(checks: Sequence[Check]) -> str:
    """The lines as a table."""
    rows = [
        "| what | against | expected | measured | allowed difference | verdict |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    rows += [
        f"| {own.subject} | {own.source} | {own.expected:.6g} | {own.measured:.6g} | "
        f"{own.allowed:.2g} ({own.because}) | {'agrees' if own.agrees else '**differs**'} |"
        for own in checks
    ]
    return "\n".join(rows)
