"""Isotropic mixtures and unions of different dimensions: the contract, and answers by other laws."""

import math

import pytest
import torch

import manifolds
from manifolds.law import Law
from manifolds.laws.atoms import Atoms
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.isotropic_mixture import Smoothed, isotropic_mixture
from manifolds.laws.mixture import Component, Mixture
from manifolds.laws.uneven_union import uneven_union


@pytest.mark.parametrize(
    "core", [isotropic_mixture(2, 5, width=0.5), uneven_union([1, 3], separation=8.0)], ids=lambda core: core.name
)
def test_the_contract(core):
    law = Law(core, core.core_dim + 4)
    manifolds.check_law(law)
    core.radius = 1e-3  # a wrong declaration is noticed
    with pytest.raises(manifolds.checking.ContractError, match=r"<= R\^2"):
        manifolds.check_law(law)


def test_a_smoothed_set_of_atoms_is_the_mixture_of_gaussians():
    """The same law as a mixture of its components, whose posterior is another formula."""
    centres = 2.0 * manifolds.stream(0, "centres").normal(4, 3)
    weights = [0.1, 0.2, 0.3, 0.4]
    smooth = Law(Smoothed(Atoms(centres, weights), 0.7), 9, reduced=True)
    parts = [Component(IsotropicGaussian(3, 0.7), None, c) for c in centres]
    mixture = Law(Mixture(parts, weights), 9, reduced=True)
    x = smooth.sample(200, manifolds.stream(1))
    assert smooth.second_moment == pytest.approx(mixture.second_moment)
    for sigma in (0.05, 0.7, 4.0):
        y = smooth.add_noise(x, sigma, manifolds.stream(2))
        for answer in ("log_marginal", "denoise", "posterior_trace", "distance_covariance", "distance_variance"):
            found, expected = (getattr(law, answer)(y, sigma) for law in (smooth, mixture))
            assert torch.allclose(found, expected, rtol=1e-9, atol=1e-10), answer


def test_a_union_has_the_dimensions_it_was_asked_for():
    core = uneven_union([1, 4], separation=50.0)
    x = core.sample(4000, manifolds.stream(3))
    first = core.component(x) == 0
    assert 0.45 < float(first.double().mean()) < 0.55
    for rows, k in ((first, 1), (~first, 4)):
        own = x[rows] - x[rows].mean(0)
        assert int((torch.linalg.svdvals(own) / math.sqrt(len(own)) > 0.5).sum()) == k
    assert float((x[first].mean(0) - x[~first].mean(0)).norm()) == pytest.approx(50.0, abs=0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: isotropic_mixture(2, width=0.0), "width"),
        (lambda: isotropic_mixture(2, components=0), "components"),
        (lambda: Smoothed(manifolds.make("two_scale", dim=2, ambient=9).core, 1.0), "inner must be a law on a core"),
        (lambda: uneven_union([]), "dims must hold at least one"),
        (lambda: uneven_union([1, 0]), "dims"),
        (lambda: uneven_union([1], separation=-1.0), "separation"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
