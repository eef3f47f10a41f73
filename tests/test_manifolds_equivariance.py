"""Symmetries of the laws, over random group elements: what a law's data are invariant under, its denoiser commutes
with."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import manifolds
from manifolds.laws.atoms import Atoms

seeds = st.integers(0, 10**6)
levels = st.floats(-2.0, 1.5).map(lambda e: 10.0**e)


def _orthogonal(size, source):
    return torch.linalg.qr(source.normal(size, size))[0]


def _points(law, sigma, source):
    return law.add_noise(law.sample(4, source), sigma, source)


def _commutes(law, act, sigma, source, tol=1e-9):
    """f(g y) = g f(y), and log p and the trace do not change."""
    y = _points(law, sigma, source)
    moved = act(y)
    scale = float(y.norm(dim=1).max())
    assert (law.denoise(moved, sigma) - act(law.denoise(y, sigma))).abs().max().item() <= tol * scale
    # log p is a function of |y|^2/sigma^2: rounding of y moves it by eps times that
    slack = 1e-9 + 1e-14 * scale**2 / sigma**2
    assert torch.allclose(law.log_marginal(moved, sigma), law.log_marginal(y, sigma), rtol=1e-11, atol=slack)
    assert torch.allclose(law.posterior_trace(moved, sigma), law.posterior_trace(y, sigma), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name, dim", [("sphere", 3), ("ball", 4), ("gaussian", 4), ("scale_mixture", 7)])
@given(seed=seeds, sigma=levels)
def test_round_laws_commute_with_rotations_of_their_core(name, dim, seed, sigma):
    law = manifolds.make(name, dim=dim, ambient=7)
    source = manifolds.stream(seed, "rotation of the core")
    m = law.core_dim or 7
    rotation = torch.eye(7, dtype=torch.float64)
    rotation[:m, :m] = _orthogonal(m, source)
    _commutes(law, lambda y: y @ rotation.T, sigma, source)


@pytest.mark.parametrize("name", ["sphere", "cube", "torus", "ball", "mixture", "union_of_subspaces"])
@given(seed=seeds)
def test_every_law_on_a_core_commutes_with_rotations_of_the_normal_coordinates(name, seed):
    law = manifolds.make(name, dim=2, ambient=14)
    source = manifolds.stream(seed, "rotation of the rest")
    rotation = torch.eye(14, dtype=torch.float64)
    m = law.core_dim
    rotation[m:, m:] = _orthogonal(14 - m, source)
    _commutes(law, lambda y: y @ rotation.T, 0.4, source)


@given(seed=seeds, sigma=levels)
def test_torus_commutes_with_rotations_in_its_planes(seed, sigma):
    law = manifolds.make("torus", dim=2, ambient=6, radius=[1.0, 2.0])
    source = manifolds.stream(seed, "plane rotations")
    angles = (2 * math.pi * source.uniform(2)).tolist()
    blocks = [
        torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]], dtype=torch.float64) for a in angles
    ]
    rotation = torch.block_diag(*blocks, torch.eye(2, dtype=torch.float64))
    _commutes(law, lambda y: y @ rotation.T, sigma, source)


@given(seed=seeds, sigma=levels)
def test_cube_commutes_with_signed_permutations(seed, sigma):
    law = manifolds.make("cube", dim=4, ambient=6)
    source = manifolds.stream(seed, "signed permutations")
    order = torch.cat([source.uniform(4).argsort(), torch.tensor([4, 5])])
    signs = torch.cat([1.0 - 2.0 * source.integers(2, 4).to(torch.float64), torch.ones(2, dtype=torch.float64)])
    _commutes(law, lambda y: y[:, order] * signs, sigma, source)


@given(seed=seeds, sigma=levels, size=st.floats(-2.0, 2.0))
def test_atoms_move_with_their_points(seed, sigma, size):
    """Translated, rotated and scaled points: f_{c sigma}(c Q y + b) = c Q f_sigma(y) + b."""
    source = manifolds.stream(seed, "similarity")
    points, shift, turn, factor = source.normal(12, 3), source.normal(3), _orthogonal(3, source), 10.0**size
    here, there = manifolds.Law(Atoms(points), 3), manifolds.Law(Atoms(factor * points @ turn.T + shift), 3)
    y = _points(here, sigma, source)
    found = there.denoise(factor * y @ turn.T + shift, factor * sigma)
    exact = factor * here.denoise(y, sigma) @ turn.T + shift
    # the shift costs eps |shift| in the distances, of |y|/sigma^2 in the weights
    slack = 1e-11 * factor * (1 + (1 + float(shift.norm()) / factor) * float(y.norm(dim=1).max()) / sigma**2)
    assert (found - exact).abs().max().item() <= slack


@pytest.mark.parametrize(
    "name, option",
    [("sphere", "radius"), ("ball", "radius"), ("cube", "half_width"), ("gaussian", "scale"), ("torus", "radius")],
)
@given(seed=seeds, sigma=levels, size=st.floats(-3.0, 3.0))
def test_answers_scale_with_the_data(name, option, seed, sigma, size):
    """Data and noise in other units: f scales by c, the trace by c^2, log p falls by d log c."""
    factor = 10.0**size
    unit = manifolds.make(name, dim=3, ambient=8, **{option: 1.0})
    scaled = manifolds.make(name, dim=3, ambient=8, **{option: factor})
    y = _points(unit, sigma, manifolds.stream(seed, "units"))
    slack = 1e-9 + 1e-14 * float(y.norm(dim=1).max()) ** 2 / sigma**2
    assert torch.allclose(
        scaled.denoise(factor * y, factor * sigma) / factor, unit.denoise(y, sigma), rtol=1e-9, atol=1e-11
    )
    assert torch.allclose(
        scaled.posterior_trace(factor * y, factor * sigma) / factor**2, unit.posterior_trace(y, sigma), rtol=1e-8
    )
    moved = scaled.log_marginal(factor * y, factor * sigma) + 8 * math.log(factor)
    assert torch.allclose(moved, unit.log_marginal(y, sigma), rtol=1e-10, atol=slack)
