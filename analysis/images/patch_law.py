"""An exact law near photographs: a mixture of low-rank Gaussians, fitted to patches (as in arXiv 1010.3460 and before).

Expectation maximisation (scikit-learn) gives weights, means and covariances of patches; each component keeps the
principal directions that hold all but a small share of its variance. What is left out is the flat's thickness: the
fitted law has none, photographs have some, and both ends of that are measured.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import torch

from analysis.images.data import evenly, load
from manifolds.law import Law
from manifolds.laws.gaussian import AxisGaussian
from manifolds.laws.mixture import Component, Mixture

__all__ = ["mixture_of", "patch_law"]

LEFT_OUT = 0.01  # share of a component's variance outside the directions it keeps


class Patches(Mixture):
    """Low-rank Gaussians in different directions: together they fill their space, no coordinate holds noise alone."""

    needs_normal = False


def mixture_of(points: torch.Tensor, components: int, left_out: float = LEFT_OUT, seed: int = 0) -> Mixture:
    """The law fitted to points (n, d).

    >>> import manifolds
    >>> plane = manifolds.make("gaussian", dim=2, ambient=6).sample(400, manifolds.stream(0))
    >>> mixture_of(plane, components=1).intrinsic_dim
    2

    Raises:
        ValueError: scikit-learn is missing, or there are fewer points than 2 d.
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise ValueError("a mixture of patches needs the optional extra 'images' (scikit-learn)") from error
    if len(points) < 2 * points.shape[1]:
        raise ValueError(f"at least 2 d = {2 * points.shape[1]} points are needed, got {len(points)}")
    # a floor of 1e-6: eight-bit pixels are rounded with a variance of 1.3e-6
    model = GaussianMixture(components, reg_covar=1e-6, max_iter=30, tol=1e-2, init_params="kmeans", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # any fit is a law; how near it is to photographs is measured
        model.fit(points.numpy())
    parts = []
    for mean, covariance in zip(model.means_, model.covariances_, strict=True):
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        keep = int(np.searchsorted(np.cumsum(values) / values.sum(), 1.0 - left_out)) + 1
        frame = torch.from_numpy(np.ascontiguousarray(vectors[:, :keep]))
        parts.append(Component(AxisGaussian(np.sqrt(values[:keep]).tolist()), frame, torch.from_numpy(mean)))
    weights = (model.weights_ / model.weights_.sum()).tolist()
    return Patches(parts, weights, name="patches")


@lru_cache(maxsize=1)
def patch_law(size: int, components: int, most: int) -> Law:
    """The law of grey patches of `size` x `size` pixels of the photographs that networks may see."""
    train = load("photographs", size, 1).train
    return Law(mixture_of(train[evenly(len(train), most)], components), size * size)
