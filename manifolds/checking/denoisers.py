"""check_denoiser: what holds for every map from noisy points to clean estimates, exact or trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from manifolds.checking.case import Case
from manifolds.checking.report import Checked, ContractError
from manifolds.denoisers import BlindDenoiser, Denoiser, NoisePrior, as_denoiser
from manifolds.law import Law
from manifolds.shapes import Points

__all__ = ["check_denoiser"]

_ROWS = 200


def check_denoiser(
    denoiser: Denoiser | Callable[..., torch.Tensor],
    law: Law,
    prior: NoisePrior | None = None,
    levels: Sequence[float] | None = None,
    tol: float = 1.0,
    seed: int = 0,
) -> tuple[Checked, ...]:
    """The contract of a denoiser on the noisy points of a law.

    It returns clean estimates, never residuals, of the shape and type of its argument, the same at each call; it treats
    rows one by one, none at all too, stays finite, and leaves its argument alone. Its distance to the optimal denoiser
    is at most `tol` times the distance that doing nothing leaves, in root mean square at every level; the same goes for
    its commuting with rotations of the coordinates normal to the data, under which the law is invariant.

    Args:
        denoiser: f(y), or f(y, sigma).
        law: where its points come from; `denoiser` takes points of `law.space`.
        prior: of the noise level. A blind denoiser is then held against the optimal one for that prior, and without one
            against what is told the level, which it need not reach.
        levels: noise standard deviations; None is .3 and 1 of the law's scale, or, of a prior, in the middle of its
        range. tol: 1 asks of a trained network that it be nearer to the optimum than its argument is; 1e-8 asks for
        exactness. seed: of all draws.

    Returns:
        What held, with the errors that were found.

    Raises:
        ContractError: the first statement that does not hold, in one line.
        ValueError: the denoiser is not callable as f(y) or f(y, sigma).

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=2, ambient=6)
    >>> held = check_denoiser(law.denoise, law, tol=1e-12)
    >>> check_denoiser(lambda y, sigma: y - law.denoise(y, sigma), law)
    Traceback (most recent call last):
    manifolds.checking.report.ContractError: optimality (gaussian, sigma = 0.3): error 8.29, allowed 1; expected ...
    """
    f = as_denoiser(denoiser, law.space)
    case = Case(law, levels, None, seed)
    own = case.levels if levels is not None or prior is None else _inside(prior, case.finest)
    for sigma in own:
        where = f"{law.name}, sigma = {sigma:.3g}"
        told = () if f.blind else (sigma,)
        _, y = case.noisy(law, _ROWS, sigma)
        _calls(case, where, law, denoiser, f, y, told)
        best = BlindDenoiser(law, prior)(y) if f.blind and prior is not None else law.denoise(y, sigma)
        left = float(law.space.sqnorm(y - best).mean().sqrt())
        _turned(case, where, law, f, y, told, left, tol)
        gap = float(law.space.sqnorm(f(y, *told) - best).mean().sqrt()) / left
        if not f.blind or prior is not None or tol >= 1.0:
            case.report.check = "optimality"
            case.report.small(where, gap, tol, "the optimal denoiser, in units of |y - E[X | y]|")
    return tuple(case.report.found)


def _inside(prior: NoisePrior, finest: float) -> tuple[float, float]:
    """Two levels of a prior, a fourth and three fourths up its range in log sigma."""
    low, high = max(prior.low, finest), prior.high
    return low**0.75 * high**0.25, low**0.25 * high**0.75


def _calls(
    case: Case,
    where: str,
    law: Law,
    raw: Callable[..., torch.Tensor],
    f: Denoiser,
    y: Points,
    told: tuple[float, ...],
) -> None:
    """Shape, type, determinism, rows, emptiness, finiteness."""
    case.report.check = "calls"
    before = y.clone()
    try:
        out = raw(y, *told)
        alone = torch.equal(y, before)
        case.report.true(where, alone, "a denoiser that does not write into its argument")
        holds = isinstance(out, torch.Tensor) and out.shape == y.shape and out.dtype == y.dtype
        got = f"{tuple(out.shape)} of {out.dtype}" if isinstance(out, torch.Tensor) else type(out).__name__
        case.report.true(where, holds, f"estimates of shape {tuple(y.shape)} and {y.dtype}, got {got}")
        case.report.true(where, bool(torch.isfinite(out).all()), "finite estimates")
        repeated = torch.equal(raw(y, *told), out)
        case.report.true(where, repeated, "the same estimates at the second call")
        size = float(out.norm(dim=1).max()) + float(y.norm(dim=1).max())
        few = torch.cat([f(y[i : i + 1], *told) for i in range(3)])
        # float32 networks round by batch size
        case.report.close(where, few, out[:3], size, 1e-5, "a row's estimate alone to be that in a batch")
        if told:
            each = f(y, torch.full((len(y),), told[0], dtype=torch.float64))
            case.report.close(where, each, out, size, 1e-5, "one level for each row to mean what a number means")
        none = f(y[:0], *told)
        case.report.true(where, none.shape == y[:0].shape, f"no estimates of no rows, got {tuple(none.shape)}")
        far = f(law.space.center + 1e3 * (y - law.space.center), *told)
        case.report.true(where, bool(torch.isfinite(far).all()), "finite estimates far from the data")
    except ContractError:
        raise
    except Exception as error:
        raise ContractError.of("calls", where, error) from error


def _turned(
    case: Case, where: str, law: Law, f: Denoiser, y: Points, told: tuple[float, ...], left: float, tol: float
) -> None:
    """f(g y) = g f(y) for a reflection g of the coordinates normal to the core: the law is the same after it."""
    case.report.check = "equivariance"
    n = law.space.normal_dim
    if law.reduced or n == 0:
        return
    axis = law.space.normal_part(case.stream("axis").normal(1, law.ambient_dim))
    axis = axis / axis.norm()

    def turn(v: Points) -> Points:
        return v - 2.0 * (v @ axis.T) * axis

    gap = float(law.space.sqnorm(f(turn(y), *told) - turn(f(y, *told))).mean().sqrt()) / left
    expected = "f(g y) = g f(y) for a reflection g of the normal coordinates, in units of |y - E[X | y]|"
    case.report.small(where, gap, tol, expected)
