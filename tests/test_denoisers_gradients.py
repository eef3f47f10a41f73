"""Gradients of blind denoisers: autograd and torch.func against differences, for every law."""

import pytest
import torch
from test_manifolds_contract import example

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior, PlugInDenoiser


def _points(law, n=3):
    least = max(0.4, 1.1 * getattr(law.core, "finest_sigma", 0.0))
    source = manifolds.stream(3, "blind gradients", law.name)
    sigma = least * torch.tensor([1.6, 2.0, 2.5], dtype=torch.float64)[:n]
    return law.add_noise(law.sample(n, source), sigma, source), least


def _priors(low):
    yield NoisePrior.power(-1.0, low, 10.0 * low)
    yield NoisePrior.tabulated([low, 2.0 * low, 10.0 * low], [0.0, 2.0, -3.0])
    yield NoisePrior.discrete([low, 2.0 * low, 3.0 * low], [1.0, 2.0, 0.5])


@pytest.mark.parametrize("name", manifolds.names())
@pytest.mark.parametrize("reduced", [False, True])
def test_gradients_of_blind_denoisers_are_those_of_differences(name, reduced):
    law = example(name, reduced=reduced)
    y, low = _points(law)
    # (not along the reduced coordinate alone: a law without a core has no other)
    v, g = (manifolds.stream(i, "directions").normal(*y.shape) for i in (0, 1))
    plug_in = PlugInDenoiser(law, low, 100.0)
    # sigma_hat has a kink where it reaches an end of its range: not between the points of a difference
    ended = torch.stack([plug_in.sigma_hat(y + h * v) == low for h in (-1e-4, 0.0, 1e-4)])
    smooth = (ended == ended[0]).all(dim=0)
    y, v, g = y[smooth], v[smooth], g[smooth]
    assert not ended[0][smooth].all()
    answers = [BlindDenoiser(law, prior, tol=1e-12) for prior in _priors(low)]
    for f in (*answers, plug_in, lambda p: plug_in.sigma_hat(p)[:, None]):
        value, along = torch.func.jvp(f, (y,), (v,))
        h = 1e-4
        differences = (f(y + h * v) - f(y - h * v)) / (2 * h)
        size = float(differences.abs().max())
        assert torch.allclose(along, differences, rtol=1e-5, atol=1e-6 * size), f
        assert size > 1e-3 and not torch.allclose(1.001 * along, differences, rtol=1e-5, atol=1e-6 * size)
        p = y.clone().requires_grad_()
        (back,) = torch.autograd.grad((f(p) * g[:, : value.shape[1]]).sum(), p)
        assert torch.allclose((back * v).sum(dim=1), (along * g[:, : value.shape[1]]).sum(dim=1), rtol=1e-10)


@pytest.mark.parametrize("name", ["gaussian", "mixture", "atoms", "scale_mixture"])
def test_torch_func_gives_the_same_jacobians(name):
    law = example(name)
    y, low = _points(law)
    for f in (BlindDenoiser(law, NoisePrior.power(-3.0, low, 4.0)), PlugInDenoiser(law, low, 10.0)):

        def row(p, f=f):
            return f(p[None])[0]

        reverse, forward = (torch.func.vmap(jac(row))(y) for jac in (torch.func.jacrev, torch.func.jacfwd))
        assert torch.allclose(reverse, forward, rtol=1e-11, atol=1e-13)
        step = 1e-4 * torch.eye(y.shape[1], dtype=torch.float64)
        differences = torch.stack([(f(y + h) - f(y - h)) / 2e-4 for h in step], dim=2)
        assert torch.allclose(reverse, differences, rtol=1e-5, atol=1e-6)


def test_the_blind_jacobian_is_not_symmetric_and_keeps_its_digits_in_a_billion_dimensions():
    """Of N(0, I_1): with one normal coordinate rho, df*/d rho = u dc/d rho, and f* has no normal part."""
    for d in (4, 10**9):
        law = manifolds.make("gaussian", dim=1, ambient=d, reduced=True)
        y = torch.tensor([[0.7, 0.8 * (d - 1) ** 0.5]], dtype=torch.float64)
        f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0), tol=1e-12)
        jacobian = torch.func.jacrev(lambda p, f=f: f(p[None])[0])(y[0])
        step = 1e-4 * y[:, 1]
        rise = (f(y + step * torch.tensor([[0.0, 1.0]])) - f(y - step * torch.tensor([[0.0, 1.0]]))) / (2 * step)
        assert torch.allclose(jacobian[0, 1], rise[0, 0], rtol=1e-6) and float(jacobian[0, 1]) != 0.0
        assert float(jacobian[1].abs().max()) == 0.0


@pytest.mark.parametrize("name", manifolds.names())
@pytest.mark.parametrize("reduced", [False, True])
def test_a_level_at_an_end_of_its_range_is_that_end_and_does_not_move(name, reduced):
    """An end just beyond a point's own level stops it, to the last bit; one just short of it leaves it as it is."""
    law = example(name, reduced=reduced)
    y, least = _points(law)
    free = PlugInDenoiser(law, least, 100.0)
    point = y[free.sigma_hat(y) > 1.05 * least][:1]
    level, slope = _level_and_slope(free, point)
    assert float(slope.abs().max()) > 0.0
    for end, beyond in (("low", 1.0 + 1e-9), ("high", 1.0 - 1e-9)):
        ends = {"low": least, "high": 100.0} | {end: beyond * level}
        found, moved = _level_and_slope(PlugInDenoiser(law, **ends), point)
        assert found == ends[end] and float(moved.abs().max()) == 0.0
    # 3 %: less than the step of the scan for the peak
    for end, short in (("low", 1.0 - 1e-9), ("low", 0.97), ("high", 1.0 + 1e-9), ("high", 1.03)):
        ends = {"low": least, "high": 100.0} | {end: max(short * level, least)}
        found, moved = _level_and_slope(PlugInDenoiser(law, **ends), point)
        assert found == pytest.approx(level, rel=1e-12)
        assert torch.allclose(moved, slope, rtol=1e-9, atol=1e-12)


def _level_and_slope(f, y):
    p = y.clone().requires_grad_()
    level = f.sigma_hat(p)
    return level.item(), torch.autograd.grad(level.sum(), p)[0]


def test_the_denoiser_at_an_end_of_its_range_has_the_gradient_of_that_level():
    law = example("full_gaussian", reduced=True)
    y, least = _points(law)
    f = PlugInDenoiser(law, 50.0 * least, 100.0 * least)
    v = manifolds.stream(0, "directions").normal(*y.shape)
    value, along = torch.func.jvp(f, (y,), (v,))
    held, still = torch.func.jvp(lambda p: law.denoise(p, 50.0 * least), (y,), (v,))
    assert float(still.abs().max()) > 0.0
    assert torch.allclose(value, held, rtol=1e-13) and torch.allclose(along, still, rtol=1e-13)


def test_what_is_not_known_is_refused_and_nothing_is_kept_without_a_gradient():
    law = example("sphere")
    y, low = _points(law)
    assert not BlindDenoiser(law, NoisePrior.power(-1.0, low, 4.0))(y).requires_grad
    y = y.requires_grad_()
    for f in (BlindDenoiser(law, NoisePrior.power(-1.0, low, 4.0)), PlugInDenoiser(law)):
        with pytest.raises(NotImplementedError, match="third cumulants"):
            (slope,) = torch.autograd.grad(f(y).sum(), y, create_graph=True)
            slope.sum().backward()
