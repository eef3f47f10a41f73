"""Gradients of a law's answers in closed form, for autograd and torch.func: no graph through special functions.

With f = E[X | y], C = Cov[X | y], S = E|X - y|^2 and W = Cov(X, |X - y|^2 | y) at noise level sigma,

    df = C dy/sigma^2 + W d sigma/sigma^3              d log p = (f - y).dy/sigma^2 + (S/sigma^2 - d) d sigma/sigma
    dS = (W/sigma^2 + 2 (y - f)).dy + Var(|X - y|^2) d sigma/sigma^3             tr C = S - |f - y|^2

(`shared identities` of arXiv 2602.09639, appendix C; each is a check of the contract). C times a vector is the law's
own `covariance`. Its derivative in y, a third cumulant, is not known: asking for it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from manifolds.shapes import Points, Rows

if TYPE_CHECKING:
    from manifolds.law import Law

__all__ = ["answer", "batched", "product"]

_UNKNOWN = "second derivatives of a denoiser, which are third cumulants of the posterior, are not known"


def _slopes(law: Law, name: str, y: Points, sigma: Rows) -> tuple[torch.Tensor, Rows]:
    """Gradient in y, (n, width), and derivative in sigma, (n,), of an answer that is one number a point."""
    level = sigma[:, None]
    if name in ("distance_covariance", "distance_variance"):
        raise NotImplementedError(_UNKNOWN)
    if name == "log_marginal":
        square = answer(law, "squared_distance", y, sigma)
        return (answer(law, "denoise", y, sigma) - y) / level**2, (square / sigma**2 - law.ambient_dim) / sigma
    w, gap = answer(law, "distance_covariance", y, sigma), answer(law, "denoise", y, sigma) - y
    rise = answer(law, "distance_variance", y, sigma)
    if name == "squared_distance":
        return w / level**2 - 2.0 * gap, rise / sigma**3
    return (w - 2.0 * product(law, y, sigma, gap)) / level**2, (rise - 2.0 * (gap * w).sum(dim=1)) / sigma**3


class _Answer(torch.autograd.Function):
    """An answer of a law at points y (n, width) and levels sigma (n,)."""

    @staticmethod
    def forward(law: Law, name: str, y: Points, sigma: Rows) -> torch.Tensor:
        return law.plain(name, y, sigma)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        ctx.law, ctx.name, y, sigma = inputs
        ctx.save_for_backward(y, sigma)
        ctx.save_for_forward(y, sigma)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        (y, sigma), (grad,) = ctx.saved_tensors, grads
        if ctx.name == "denoise":
            in_y = product(ctx.law, y, sigma, grad) / sigma[:, None] ** 2 if ctx.needs_input_grad[2] else None
            in_sigma = None
            if ctx.needs_input_grad[3]:
                in_sigma = (grad * answer(ctx.law, "distance_covariance", y, sigma)).sum(dim=1) / sigma**3
            return None, None, in_y, in_sigma
        slope, rise = _slopes(ctx.law, ctx.name, y, sigma)
        return None, None, grad[:, None] * slope, grad * rise

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        (y, sigma), (_, _, along, rise) = ctx.saved_tensors, tangents
        along = torch.zeros_like(y) if along is None else along
        if ctx.name == "denoise":
            out = product(ctx.law, y, sigma, along) / sigma[:, None] ** 2
            w = answer(ctx.law, "distance_covariance", y, sigma)
            return out if rise is None else out + w * (rise / sigma**3)[:, None]
        slope, slope_sigma = _slopes(ctx.law, ctx.name, y, sigma)
        out = (slope * along).sum(dim=1)
        return out if rise is None else out + slope_sigma * rise

    @staticmethod
    def vmap(info: Any, in_dims: tuple, law: Law, name: str, y: Points, sigma: Rows) -> tuple[torch.Tensor, int]:
        y, sigma = batched(info.batch_size, in_dims[2:], y, sigma)
        out = _Answer.apply(law, name, y.flatten(0, 1), sigma.flatten())
        return out.unflatten(0, (info.batch_size, -1)), 0


class _Product(torch.autograd.Function):
    """Cov[X | y] v, rows of y, sigma and v together."""

    @staticmethod
    def forward(law: Law, y: Points, sigma: Rows, v: Points) -> Points:
        return law.covariance(y, sigma, v)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        ctx.law, y, sigma, v = inputs
        ctx.save_for_backward(y, sigma)
        ctx.save_for_forward(y, sigma)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            raise NotImplementedError(_UNKNOWN)
        y, sigma = ctx.saved_tensors
        return None, None, None, product(ctx.law, y, sigma, grads[0])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> torch.Tensor:
        if tangents[1] is not None or tangents[2] is not None:
            raise NotImplementedError(_UNKNOWN)
        y, sigma = ctx.saved_tensors
        return product(ctx.law, y, sigma, tangents[3])

    @staticmethod
    def vmap(info: Any, in_dims: tuple, law: Law, y: Points, sigma: Rows, v: Points) -> tuple[torch.Tensor, int]:
        y, sigma, v = batched(info.batch_size, in_dims[1:], y, sigma, v)
        out = _Product.apply(law, y.flatten(0, 1), sigma.flatten(), v.flatten(0, 1))
        return out.unflatten(0, (info.batch_size, -1)), 0


def batched(size: int, dims: tuple, *tensors: torch.Tensor) -> list[torch.Tensor]:
    """Every tensor with the batch in front, those without one repeated.

    >>> [t.shape for t in batched(3, (None, 1), torch.zeros(2), torch.zeros(2, 3))]
    [torch.Size([3, 2]), torch.Size([3, 2])]
    """
    return [t.expand(size, *t.shape) if dim is None else t.movedim(dim, 0) for t, dim in zip(tensors, dims)]


def answer(law: Law, name: str, y: Points, sigma: Rows) -> torch.Tensor:
    """`denoise`, `log_marginal`, `squared_distance` or `posterior_trace` at levels (n,), with its gradient; and
    `distance_covariance` and `distance_variance`, without.

    >>> from manifolds import make
    >>> law, y = make("gaussian", dim=1, ambient=2), torch.ones(1, 2, dtype=torch.float64, requires_grad=True)
    >>> answer(law, "denoise", y, torch.ones(1, dtype=torch.float64)).sum().backward()
    >>> y.grad
    tensor([[0.5000, 0.0000]], dtype=torch.float64)
    """
    return _Answer.apply(law, name, y, sigma)


def product(law: Law, y: Points, sigma: Rows, v: Points) -> Points:
    """Cov[X | y] v at levels (n,), linear in v.

    >>> from manifolds import make
    >>> law, one = make("gaussian", dim=1, ambient=2), torch.ones(1, 2, dtype=torch.float64)
    >>> product(law, one, one[0, :1], one)
    tensor([[0.5000, 0.0000]], dtype=torch.float64)
    """
    return _Product.apply(law, y, sigma, v)
