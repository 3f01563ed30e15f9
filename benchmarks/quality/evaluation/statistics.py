"""What sets of loops say that no single loop does: distance, variety, copying, spread, ranks."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist

Rows = NDArray[np.floating]


def frechet(some: Rows, others: Rows) -> float:
    """Return the Frechet distance of two sets of embeddings [n, d], as Gaussians (Heusel et al. 2017).

    The trace of the root of a product of covariances is the sum of the singular values of the product of their
    roots, so no matrix root has to be taken, and sets smaller than d are no trouble.
    """
    first, second = (np.asarray(rows, np.float64) for rows in (some, others))
    means = first.mean(0) - second.mean(0)
    one, two = ((rows - rows.mean(0)) / np.sqrt(max(len(rows) - 1, 1)) for rows in (first, second))
    shared = np.linalg.svd(one @ two.T, compute_uv=False).sum()
    return float(max(means @ means + (one**2).sum() + (two**2).sum() - 2 * shared, 0.0))


def mean_distance(rows: Rows) -> float:
    """Return the mean distance of all pairs of embeddings [n, d]."""
    return float(pdist(np.asarray(rows, np.float64)).mean())


def nearest(some: Rows, training: Rows) -> tuple[float, float]:
    """Return median and 1 % quantile of the distances of `some` [n, d] to the nearest of `training` [m, d]."""
    distances = cdist(np.asarray(some, np.float64), np.asarray(training, np.float64)).min(1)
    return float(np.median(distances)), float(np.quantile(distances, 0.01))


def first_among(heard: Rows, read: Rows, others: int, rng: np.random.Generator) -> float:
    """Return how often text i [n, d] ranks sound i [n, d] first among itself and `others` drawn ones."""
    scores = np.asarray(read) @ np.asarray(heard).T
    count = min(others, len(scores) - 1)
    won = 0.0
    for i, row in enumerate(scores):
        drawn = rng.choice(np.delete(np.arange(len(row)), i), count, replace=False)
        won += float(row[i] > row[drawn].max())
    return won / len(scores)


def spread(values: NDArray[np.floating]) -> float:
    """Return the distance of the 5 and 95 % quantiles."""
    low, high = np.quantile(values, [0.05, 0.95])
    return float(high - low)
