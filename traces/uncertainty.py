"""Temperature perturbation without a softmax: the probability that a perturbed sample disagrees.

U-HLM (arXiv 2412.12687, section III) draws temperatures ``theta_k ~ Uniform(0, theta_max]``, samples
``d_k ~ softmax(z / (T theta_k))`` and measures ``u = #{d_k != d} / K``. The ``K`` events are independent and,
with ``theta_k`` integrated out, Bernoulli(q) with

    q(d) = 1 - (1 / theta_max) * integral_0^theta_max softmax(z / (T theta))_d dtheta,

so ``K u ~ Binomial(K, q)``. ``q`` belongs to a node of the trace and a draft; a replay only compares uniforms.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

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
