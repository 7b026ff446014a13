"""Result columns as ratios of sums over prompts: what an interval over prompts is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from netsim.results.over_prompts import paired_ratio_over_prompts
from netsim.results.prompt_sums import RATIOS
from netsim.results.statistics import INTERVALS, Interval, paired_ratio_interval

FloatArray = NDArray[np.float64]
#: A column of a row and the ratio of its prompts' sums are the same number but for rounding.
SAME = 1e-9


def ratio_tables(
    column: str, values: ArrayLike, prompts: pd.DataFrame | Mapping[str, NDArray[Any]] | None
) -> tuple[FloatArray, FloatArray] | None:
    """The sums of every prompt of which a column is the ratio, in every row of a point.

    Parameters
    ----------
    column : name of a result column.
    values : [num_rows], float. The column, NaN where it is undefined.
    prompts : sums of the point (`netsim.results.prompt_sums.SUMS`) and ``prompt``, by name: a row per seed and prompt,
        seeds in the order of ``values``, prompts ascending.

    Returns
    -------
    two of [num_rows, num_prompts], float
        Numerators and denominators; None where the column is no such ratio: the throughput of several devices
        is the mean of theirs, and a percentile is no ratio of sums.
    """
    of_prompt = () if prompts is None else prompts.get("prompt", ())
    if column not in RATIOS or prompts is None or not len(of_prompt):
        return None
    num_prompts = int(np.max(of_prompt)) + 1
    shown = np.asarray(values, np.float64)
    if len(of_prompt) != num_prompts * shown.size:
        return None
    above, below = (np.asarray(prompts[name], np.float64).reshape(-1, num_prompts) for name in RATIOS[column])
    of, by = above.sum(axis=1), below.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(by > 0, of / by, np.nan)
    return (above, below) if np.allclose(ratios, shown, rtol=SAME, atol=0.0, equal_nan=True) else None


def paired_ratio(
    column: str, own: pd.DataFrame, baseline: pd.DataFrame, prompts: tuple[pd.DataFrame, pd.DataFrame] | None
) -> tuple[Interval, str]:
    """By what factor a column is above that of a baseline that met the same draws and prompts, and over what.

    Parameters
    ----------
    own, baseline : rows of one point each, of the same seeds, with ``seed``, ``token_seed`` and the column.
    prompts : sums of the prompts of both, with ``seed`` and ``prompt``; None for the interval over token seeds.

    Returns
    -------
    Interval, str
        The interval is over prompts where both are ratios of sums over as many of them, `LEAST_PROMPTS` or more;
        else over token seeds. The words are those of ``netsim.results.statistics.INTERVALS``.
    """
    own, baseline = own.sort_values("seed"), baseline.sort_values("seed")
    sums = [part.sort_values(["seed", "prompt"]) for part in prompts or ()]
    parts = zip((own, baseline), sums, strict=False)
    tables = [ratio_tables(column, rows[column].astype(float), part) for rows, part in parts]
    ours, theirs = tables or (None, None)
    if ours is not None and theirs is not None and ours[0].shape == theirs[0].shape:
        interval = paired_ratio_over_prompts(*ours, *theirs)
        if not np.isnan(interval.low):
            return interval, INTERVALS["prompts_"]
    values = own[column].astype(float), baseline[column].astype(float)
    return paired_ratio_interval(*values, own["token_seed"]), INTERVALS[""]
