"""Gradients of blind denoisers in closed form, for autograd and torch.func.

With w = mu(sigma | y), C = Cov[X | y, sigma] and the score g = (f_sigma - y)/sigma^2, which is the gradient of
log p_sigma(y),

    df* = E_w[C dy/sigma^2] + Cov_w(f_sigma, g.dy):

the levels' own Jacobians, and what a step does to the weights of the levels. It is not symmetric. For the plug-in
denoiser sigma_hat moves instead: with S = E|X - y|^2 it is where S/sigma^2 = d, and the implicit function theorem gives
its gradient (`manifolds.gradients` has the derivatives of S).
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from manifolds.denoisers.noise_posterior import NoisePosterior
from manifolds.gradients import batched
from manifolds.law import Law
from manifolds.shapes import Points, Rows

__all__ = ["blind_mean", "likeliest_level"]

_ELEMENTS, _NODES = 1 << 21, 256  # of a chunk, and levels a point that it is planned for
_LEAST = 1e-18  # a node of less weight is below the last digit of any sum
_TWICE = "second derivatives of a blind denoiser, which are third cumulants of the posterior, are not known"


class Averaging(Protocol):
    """What is used of a blind denoiser."""

    law: Law

    def plain(self, y: Points) -> Points: ...

    def noise_posterior(self, y: Points) -> NoisePosterior: ...


class Estimating(Protocol):
    """What is used of a plug-in denoiser."""

    law: Law
    low: float
    high: float

    def plain_level(self, y: Points) -> Rows: ...


def _product(f: Averaging, y: Points, v: Points, transposed: bool) -> Points:
    """The Jacobian of f* at y, or its transpose, times v, row by row; (n, width)."""
    law, out = f.law, torch.empty_like(y)
    for rows in torch.arange(len(y), device=y.device).split(max(_ELEMENTS // (_NODES * y.shape[1]), 1)):
        post = f.noise_posterior(y[rows])
        row, node = (post.weight > _LEAST).nonzero(as_tuple=True)
        weight, sigma, at, along = post.weight[row, node, None], post.nodes[row, node], y[rows][row], v[rows][row]
        level2 = sigma[:, None] ** 2
        mean = law.plain("denoise", at, sigma)
        # deviations of both from the mean of all levels: what is of the size of d in the score drops out
        gap, score = (part - _average(weight, part, row, len(rows))[row] for part in (mean, (mean - at) / level2))
        first, second = (score, gap) if transposed else (gap, score)
        bend = first * (second * along).sum(dim=1, keepdim=True)
        out[rows] = _average(weight, law.covariance(at, sigma, along) / level2 + bend, row, len(rows))
    return out


def _average(weight: torch.Tensor, values: torch.Tensor, row: torch.Tensor, n: int) -> torch.Tensor:
    return values.new_zeros(n, values.shape[1]).index_add_(0, row, weight * values)


class _Blind(torch.autograd.Function):
    @staticmethod
    def forward(f: Averaging, y: Points) -> Points:
        return f.plain(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        ctx.f, y = inputs
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        return None, _Jacobian.apply(ctx.f, ctx.saved_tensors[0], grads[0], True)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        return _Jacobian.apply(ctx.f, ctx.saved_tensors[0], tangents[1], False)

    @staticmethod
    def vmap(info: Any, in_dims: tuple, f: Averaging, y: Points) -> tuple[torch.Tensor, int]:
        (y,) = batched(info.batch_size, in_dims[1:], y)
        return _Blind.apply(f, y.flatten(0, 1)).unflatten(0, (info.batch_size, -1)), 0


class _Jacobian(torch.autograd.Function):
    @staticmethod
    def forward(f: Averaging, y: Points, v: Points, transposed: bool) -> Points:
        return _product(f, y, v, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        ctx.f, y, _, ctx.transposed = inputs
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        if ctx.needs_input_grad[1]:
            raise NotImplementedError(_TWICE)
        return None, None, _Jacobian.apply(ctx.f, ctx.saved_tensors[0], grads[0], not ctx.transposed), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        if tangents[1] is not None:
            raise NotImplementedError(_TWICE)
        return _Jacobian.apply(ctx.f, ctx.saved_tensors[0], tangents[2], ctx.transposed)

    @staticmethod
    def vmap(info: Any, in_dims: tuple, f: Averaging, y: Points, v: Points, transposed: bool) -> Any:
        y, v = batched(info.batch_size, in_dims[1:3], y, v)
        out = _Jacobian.apply(f, y.flatten(0, 1), v.flatten(0, 1), transposed)
        return out.unflatten(0, (info.batch_size, -1)), 0


class _Level(torch.autograd.Function):
    @staticmethod
    def forward(f: Estimating, y: Points) -> Rows:
        return f.plain_level(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        ctx.f, y = inputs
        ctx.save_for_backward(y, output)
        ctx.save_for_forward(y, output)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        y, sigma = ctx.saved_tensors
        return None, grads[0][:, None] * _LevelSlope.apply(ctx.f, y, sigma)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        y, sigma = ctx.saved_tensors
        return (_LevelSlope.apply(ctx.f, y, sigma) * tangents[1]).sum(dim=1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple, f: Estimating, y: Points) -> tuple[torch.Tensor, int]:
        (y,) = batched(info.batch_size, in_dims[1:], y)
        return _Level.apply(f, y.flatten(0, 1)).unflatten(0, (info.batch_size, -1)), 0


class _LevelSlope(torch.autograd.Function):
    """Gradient of sigma_hat, (n, width); 0 where it is an end of the range."""

    @staticmethod
    def forward(f: Estimating, y: Points, sigma: Rows) -> Points:
        law, level2 = f.law, sigma**2
        rise = law.plain("distance_covariance", y, sigma) / level2[:, None] + 2.0 * (y - law.plain("denoise", y, sigma))
        bend = 2.0 * law.plain("squared_distance", y, sigma) - law.plain("distance_variance", y, sigma) / level2
        inside = (sigma > f.low) & (sigma < f.high)
        return torch.where(inside[:, None], rise * (sigma / bend)[:, None], torch.zeros_like(y))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        raise NotImplementedError(_TWICE)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        raise NotImplementedError(_TWICE)

    @staticmethod
    def vmap(info: Any, in_dims: tuple, f: Estimating, y: Points, sigma: Rows) -> tuple[torch.Tensor, int]:
        y, sigma = batched(info.batch_size, in_dims[1:], y, sigma)
        return _LevelSlope.apply(f, y.flatten(0, 1), sigma.flatten()).unflatten(0, (info.batch_size, -1)), 0


def blind_mean(f: Averaging, y: Points) -> Points:
    """f*(y) with its gradient.

    >>> import manifolds
    >>> from manifolds.denoisers import BlindDenoiser, NoisePrior
    >>> f = BlindDenoiser(manifolds.make("gaussian", dim=1, ambient=3), NoisePrior.discrete([1.0], [1.0]))
    >>> y = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    >>> blind_mean(f, y).sum().backward()
    >>> y.grad
    tensor([[0.5000, 0.0000, 0.0000]], dtype=torch.float64)
    """
    return _Blind.apply(f, y)


def likeliest_level(f: Estimating, y: Points) -> Rows:
    """sigma_hat(y) with its gradient.

    >>> import manifolds
    >>> from manifolds.denoisers import PlugInDenoiser
    >>> f = PlugInDenoiser(manifolds.make("gaussian", dim=1, ambient=5, reduced=True, scale=1e6))
    >>> y = torch.tensor([[1.0, 4.0]], dtype=torch.float64, requires_grad=True)
    >>> likeliest_level(f, y).sum().backward()  # of rho / 2
    >>> y.grad.abs().round(decimals=6)
    tensor([[0.0000, 0.5000]], dtype=torch.float64)
    """
    return _Level.apply(f, y)
