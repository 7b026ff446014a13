"""How unsure the SLM is of a draft: temperature perturbation, and measures of its distribution alone.

Temperature perturbation needs no softmax here, only the probability that a perturbed sample disagrees. U-HLM (arXiv 2412.12687, section III) draws temperatures ``theta_k ~ Uniform(0, theta_max]``, samples
``d_k ~ softmax(z / (T theta_k))`` and measures ``u = #{d_k != d} / K``. The ``K`` events are independent and,
with ``theta_k`` integrated out, Bernoulli(q) with

    q(d) = 1 - (1 / theta_max) * integral_0^theta_max softmax(z / (T theta))_d dtheta,

so ``K u ~ Binomial(K, q)``. ``q`` belongs to a node of the trace and a draft; a replay only compares uniforms.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traces.measures import MeasureName

#: Gauss-Legendre points of a recording: 16 are good to 5e-4, 64 to 3e-5 on a 2048-token pair.
THETA_POINTS = 32


def theta_rule(
    theta_max: float, num_points: int = THETA_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre points on (0, theta_max) and weights that sum to 1.

    Returns
    -------
    theta, weights : [num_points], float

    Examples
    --------
    >>> theta, weights = theta_rule(2.0)
    >>> float(round((weights * theta**3).sum(), 12))  # the mean of theta^3 over (0, 2)
    2.0
    """
    points, weights = np.polynomial.legendre.leggauss(num_points)
    return (points + 1) * theta_max / 2, weights / 2


@njit(cache=True)
def disagreement(
    logit: NDArray[np.float32],
    log_partition: NDArray[np.float32],
    nodes: NDArray[np.int64],
    entries: NDArray[np.int64],
    inverse_temperature: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability ``q`` that a perturbed sample differs from the draft.

    Parameters
    ----------
    logit : [num_entries], float32. SLM logits minus their node's maximum.
    log_partition : [num_nodes, num_points], float32
        Log-sum-exp of the whole vocabulary's ``logit * inverse_temperature[point]``.
    nodes, entries : [num_paths], int. Node of each path and entry of its draft.
    inverse_temperature : [num_points], float. ``1 / (T theta)``.
    weights : [num_points], float. They sum to 1.

    Returns
    -------
    [num_paths], float in [0, 1]
    """
    result = np.empty(len(nodes))
    for path in range(len(nodes)):
        node, value = nodes[path], np.float64(logit[entries[path]])
        agreement = 0.0
        for point in range(len(weights)):
            exponent = value * inverse_temperature[point] - np.float64(log_partition[node, point])
            agreement += weights[point] * np.exp(min(0.0, exponent))
        result[path] = min(1.0, max(0.0, 1.0 - agreement))
    return result


def of_distribution(
    name: MeasureName,
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    draft: NDArray[np.int64],
    vocabulary_size: int,
) -> NDArray[np.float64]:
    """Uncertainty by a measure of ``x``, the distribution that the draft is drawn from (cut to its nucleus).

    All lie in [0, 1] and grow with uncertainty: ``entropy`` is Shannon's over ``log(vocabulary_size)``, ``margin`` is 1
    minus the difference of the two largest probabilities, so that a lone candidate has 0.

    Parameters
    ----------
    x : [num_entries], float. Sums to 1 over each row.
    starts, ends : [num_paths], int. Each path's row.
    draft : [num_paths], int. Entry of each draft.

    Returns
    -------
    [num_paths], float

    Examples
    --------
    >>> from traces.measures import MEASURES
    >>> x, row = np.array([0.5, 0.25, 0.25]), (np.array([0]), np.array([3]))
    >>> [of_distribution(name, x, *row, np.array([1]), 8).tolist() for name in MEASURES[1:]]
    [[0.5], [0.5], [0.75], [0.75]]
    """
    entropy, largest, second = summaries(x, starts, ends)
    result: NDArray[np.float64]
    if name == "entropy":
        result = np.minimum(1.0, entropy / np.log(vocabulary_size))
    elif name == "one-minus-draft":
        result = 1 - x[draft]
    else:
        result = 1 - (largest if name == "one-minus-max" else largest - second)
    return result


@njit(cache=True)
def summaries(
    x: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Entropy in nats, and the two largest probabilities, of each row."""
    entropy, largest, second = np.zeros(len(starts)), np.zeros(len(starts)), np.zeros(len(starts))
    for path in range(len(starts)):
        for entry in range(starts[path], ends[path]):
            value = x[entry]
            if value > 0:
                entropy[path] -= value * np.log(value)
            if value > largest[path]:
                largest[path], second[path] = value, largest[path]
            elif value > second[path]:
                second[path] = value
    return entropy, largest, second
