"""Gradients of a law's answers: autograd and torch.func against differences, exact divergences, what is not known."""

import functools

import pytest
import torch
from test_manifolds_contract import example

import manifolds
from manifolds.core import Core
from manifolds.laws.sphere import Sphere

ANSWERS = ("denoise", "log_marginal", "posterior_trace", "squared_distance")


def _points(law, n=3):
    finest = getattr(law.core, "finest_sigma", 0.0)
    sigma = max(0.4, 1.1 * finest) * torch.tensor([1.0, 1.3, 2.0], dtype=torch.float64)[:n]
    source = manifolds.stream(3, "gradients", law.name)
    return law.add_noise(law.sample(n, source), sigma, source), sigma


@pytest.mark.parametrize("name", manifolds.names())
@pytest.mark.parametrize("reduced", [False, True])
def test_gradients_in_y_and_sigma_are_those_of_differences(name, reduced):
    law = example(name, reduced=reduced)
    y, sigma = _points(law)
    y, sigma = y.requires_grad_(), sigma.requires_grad_()
    for answer in ANSWERS:
        assert torch.autograd.gradcheck(getattr(law, answer), (y, sigma), eps=1e-5, atol=1e-4, rtol=1e-4), answer


@pytest.mark.parametrize("name", manifolds.names())
def test_the_covariance_is_symmetric_and_its_trace_is_the_divergence(name):
    law = example(name, rotation=2)
    y, sigma = _points(law)
    d = law.ambient_dim
    columns = [law.covariance(y, sigma, axis.expand(3, d)) for axis in torch.eye(d, dtype=torch.float64)]
    whole = torch.stack(columns, dim=2)
    trace = law.posterior_trace(y, sigma)
    scale = float(trace.max())
    assert float((whole - whole.transpose(1, 2)).abs().max()) <= 1e-13 * scale
    assert float((torch.diagonal(whole, dim1=1, dim2=2).sum(dim=1) - trace).abs().max()) <= 1e-12 * scale
    assert torch.allclose(law.jacobian_trace(y, sigma), trace / sigma**2, rtol=1e-14)
    assert float(torch.linalg.eigvalsh(whole).min()) >= -1e-13 * scale
    # W = Cov(X, |X - y|^2): its gradient partner sigma^2 grad tr C = W - 2 C (f - y)
    p = y.clone().requires_grad_()
    law.posterior_trace(p, sigma).sum().backward()
    gap = law.denoise(y, sigma) - y
    exact = (law.distance_covariance(y, sigma) - 2.0 * law.covariance(y, sigma, gap)) / sigma[:, None] ** 2
    assert torch.allclose(p.grad, exact, rtol=1e-12, atol=1e-13 * scale)


@pytest.mark.parametrize("name", ["ball", "cube", "torus", "mixture", "union_of_subspaces", "atoms", "scale_mixture"])
def test_torch_func_gives_the_same_jacobians(name):
    law = example(name)
    y, _ = _points(law)
    f = functools.partial(law.denoise, sigma=0.5)

    def row(p):
        return f(p[None])[0]

    reverse, forward = (torch.func.vmap(jac(row))(y) for jac in (torch.func.jacrev, torch.func.jacfwd))
    assert torch.allclose(reverse, forward, rtol=1e-12, atol=1e-14)
    assert torch.allclose(torch.einsum("nii->n", reverse), law.jacobian_trace(y, 0.5), rtol=1e-11)
    assert torch.equal(torch.func.vmap(row)(y), f(y)) or torch.allclose(torch.func.vmap(row)(y), f(y), rtol=1e-14)
    score = torch.func.grad(lambda p: law.log_marginal(p, 0.5).sum())(y)
    assert torch.allclose(score, (f(y) - y) / 0.25, rtol=1e-12, atol=1e-14)
    hessian = torch.func.vmap(torch.func.hessian(lambda p: law.log_marginal(p[None], 0.5)[0]))(y)
    exact = (reverse - torch.eye(y.shape[1], dtype=torch.float64)) / 0.25
    assert torch.allclose(hessian, exact, rtol=1e-11, atol=1e-12)
    levels = torch.tensor([0.4, 0.5, 0.7], dtype=torch.float64)
    by_level = torch.func.vmap(lambda p, s: law.denoise(p[None], s)[0])(y, levels)
    assert torch.allclose(by_level, law.denoise(y, levels), rtol=1e-13, atol=1e-15)


def test_second_derivatives_of_a_denoiser_are_refused_not_made_up():
    law = example("sphere")
    y, sigma = _points(law)
    y = y.requires_grad_()
    (gradient,) = torch.autograd.grad(law.denoise(y, sigma).sum(), y, create_graph=True)
    with pytest.raises(NotImplementedError, match="third cumulants"):
        gradient.sum().backward()
    with pytest.raises(NotImplementedError, match="third cumulants"):
        law.distance_variance(y, sigma).sum().backward()


def test_a_core_that_does_not_know_its_covariance_is_still_a_law():
    class Plain(Sphere):
        covariance = Core.covariance

    law = manifolds.Law(Plain(2), 6)
    y, sigma = _points(law)
    assert torch.equal(law.denoise(y, sigma), manifolds.Law(Sphere(2), 6).denoise(y, sigma))
    with pytest.raises(NotImplementedError, match="sphere does not know its posterior covariance"):
        law.covariance(y, sigma, y)


def test_nothing_is_kept_where_no_gradient_is_asked_for():
    law = example("sphere")
    y, sigma = _points(law)
    assert not law.denoise(y, sigma).requires_grad
    with torch.no_grad():
        assert not law.denoise(y.clone().requires_grad_(), sigma).requires_grad
    with torch.inference_mode():
        assert law.denoise(y, 0.5).is_inference()
