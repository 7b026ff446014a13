"""Common random numbers: the uniforms behind every token, keyed so that policies stay aligned.

Each purpose has its own stream, keyed (token seed, prompt, purpose); position ``t`` of the prompt is its
``t``-th number. A policy that uses fewer draws leaves the others' untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.streams import TOKEN_STREAM

DRAFT, ACCEPT, RESAMPLE, LLM, SKIP, PERTURB = range(6)


def visit_key(prompt: int, visit: int, prompts: Sequence[int]) -> int:
    """Key of a prompt's draws, its number; where it is met again (``visit`` 1, 2, …), a number above all others.

    >>> visit_key(3, 0, [3, 5]), visit_key(3, 2, [3, 5])
    (3, 15)
    """
    return prompt + visit * (1 + max(prompts))


def uniforms(token_seed: int, prompt: int, purpose: int, num_tokens: int) -> NDArray[np.float64]:
    """Uniforms in [0, 1) of one purpose.

    Parameters
    ----------
    token_seed, prompt : int
        Non-negative; ``prompt`` is the prompt's number in its trace.
    purpose : int
        ``DRAFT`` … ``SKIP``, or ``PERTURB + k`` for the ``k``-th temperature sample (from 0).
    num_tokens : int
        A longer table begins with the shorter one.

    Returns
    -------
    [num_tokens], float

    Examples
    --------
    >>> bool((uniforms(3, 0, DRAFT, 8)[:4] == uniforms(3, 0, DRAFT, 4)).all())
    True
    """
    return np.random.default_rng([TOKEN_STREAM, token_seed, prompt, purpose]).random(num_tokens)


@dataclass(frozen=True)
class TokenDraws:
    """Tables of uniforms for several groups, a group being one prompt under one token seed.

    Attributes
    ----------
    draft, accept, resample, llm, skip : [num_groups, num_tokens], float
    perturb : [num_groups, num_tokens, samples], float
        The ``k``-th temperature sample disagrees with the draft where this is below ``q``.
    """

    draft: NDArray[np.float64]
    accept: NDArray[np.float64]
    resample: NDArray[np.float64]
    llm: NDArray[np.float64]
    skip: NDArray[np.float64]
    perturb: NDArray[np.float64]


def token_draws(groups: list[tuple[int, int]], num_tokens: int, samples: int) -> TokenDraws:
    """Draws of groups given as (prompt, token seed).

    Parameters
    ----------
    samples : int
        Number of temperature samples, 0 where the measure needs none.
    """

    def table(purpose: int) -> NDArray[np.float64]:
        rows = [uniforms(token_seed, prompt, purpose, num_tokens) for prompt, token_seed in groups]
        return np.array(rows).reshape(len(groups), num_tokens)

    perturb = [table(PERTURB + k) for k in range(samples)]
    return TokenDraws(
        draft=table(DRAFT),
        accept=table(ACCEPT),
        resample=table(RESAMPLE),
        llm=table(LLM),
        skip=table(SKIP),
        perturb=np.stack(perturb, axis=-1) if samples else np.empty((len(groups), num_tokens, 0)),
    )
