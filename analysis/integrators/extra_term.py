"""What an injection other than a = 1/2 adds to the discretisation term of the path KL (arXiv 2602.09639, Thm 3.9).

For the ideal process X of a_t = a sigma_t^2 and two times t_i < t with lag tau = t - t_i,

    E|f_t(X_t) - f_{t_i}(X_{t_i})|^2 = (a/(1-a)) (mmse(sigma_{t_i}) - mmse(sigma_t)) + extra(tau),
    extra(tau) = (1 - 2a) E|G|^2 tau^2 + O(tau^3),    G = (f - y).grad f + sigma^2 Lap f = (W - C (f - y))/sigma^2.

Derived here. f_{sigma_t}(X_t) has drift (2a - 1) G: the martingale part has the quadratic variation 2a sigma^2 E|grad f|^2, the
first term; the squared drift gives (2a-1)^2 E|G|^2 and its correlation with the martingale -2a (2a-1) E|G|^2, because p_sigma is
reversible for grad log p.grad + Lap. So extra has the sign of 1 - 2a: above a = 1/2 it is a gain.

Measured without a bias in tau: the reversal of the ideal process, dX = (2a-1)(f - X) ds + sqrt(2a) sigma dB with sigma growing, is
run from an exact draw of p_{sigma_t}; the same noise without drift is a martingale with known mean square (control variate), and
mmse differences are estimated on the same noise. Every point is run with a noise and with its opposite: the
product of drift and martingale, odd in the noise, cancels. Only core coordinates matter: normal ones are autonomous and f = 0 there.
"""

from __future__ import annotations

import math

import numpy as np
import torch

import manifolds
from analysis.integrators.catalogue import build
from analysis.theory.discretisation import gaussian_discretisation, gaussian_discretisation_any_a
from manifolds.law import Law

__all__ = ["cell_extra", "cell_extra_exact"]

_SUBSTEP = 0.025  # of the second-order scheme between two lags; its bias is of order substep^2


def _drift_of_f(law: Law, y: torch.Tensor, f: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """G = W/sigma^2 - (f - y).grad f, (n, width); the directional derivative by a central difference."""
    step = 1e-5
    along = (law.denoise(y + step * (f - y), sigma) - law.denoise(y - step * (f - y), sigma)) / (2 * step)
    return law.distance_covariance(y, sigma) / sigma[:, None] ** 2 - along


def _core_law(name: str, dim: int, ambient: int) -> Law:
    """The law on its core alone, dense: no normal coordinate."""
    law = build(name, dim, ambient)
    core = law.core
    return Law(core, core.core_dim + int(core.needs_normal))


def cell_extra(params: dict, seed: int) -> list[dict]:
    """One batch: per lag the mean of extra(tau)/(4 a sigma^2), integrated over the times of the run, and the prediction for it.

    leading: the same integral of the first term. naive: prediction with (2a-1)^2 in place of 1 - 2a (correlation forgotten).
    """
    law, a, n = _core_law(params["law"], params["dim"], params["ambient"]), params["a"], params["n"]
    stream = manifolds.stream(seed, "extra", *(params[key] for key in sorted(params)))
    ends = math.log(params["sigma_T"]), math.log(params["sigma_0"])
    place = (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    sigma = torch.exp(ends[0] + (ends[1] - ends[0]) * place)
    y = law.add_noise(law.sample(n, stream.child("x")), sigma, stream.child("z"))
    f = law.denoise(y, sigma)
    reach = (ends[1] - ends[0]) / (1 - a) / (4 * a)  # dt = d log sigma/(1 - a)
    size = float((reach * (_drift_of_f(law, y, f, sigma) / sigma[:, None]).square().sum(1)).mean())
    y, sigma, f = torch.cat([y, y]), torch.cat([sigma, sigma]), torch.cat([f, f])
    weight, trace = reach / sigma**2, law.posterior_trace(y, sigma)
    X, level, fX, noise, elapsed = y, sigma, f, torch.zeros_like(y), 0.0
    rows = []
    for j, tau in enumerate(float(t) for t in params["lags"].split()):
        count = math.ceil((tau - elapsed) / _SUBSTEP - 1e-9)
        h = (tau - elapsed) / count
        for i in range(count):
            up = level * math.exp((1 - a) * h)
            z = stream.child("step", j, i).normal(n, y.shape[1])
            kick = (a / (1 - a) * (up - level) * (up + level)).sqrt()[:, None] * torch.cat([z, -z])
            ahead = X + (2 * a - 1) * h * (fX - X) + kick
            X = X + (2 * a - 1) * h / 2 * ((fX - X) + (law.denoise(ahead, up) - ahead)) + kick
            level, noise = up, noise + kick
            fX = law.denoise(X, level)
        elapsed = tau
        free, free_level = y + noise, (sigma**2 + a / (1 - a) * (level - sigma) * (level + sigma)).sqrt()
        control = (f - law.denoise(free, free_level)).square().sum(1) - (
            law.posterior_trace(free, free_level) - trace
        )  # mean 0
        leading = a / (1 - a) * (law.posterior_trace(y + noise * ((1 - a) / a) ** 0.5, level) - trace)
        extra = (f - fX).square().sum(1) - control - leading
        square = tau**2 * size
        rows.append(
            {
                "lag": tau,
                "extra": (weight * extra).mean(),
                "leading": (weight * leading).mean(),
                "predicted": (1 - 2 * a) * square,
                "naive": (2 * a - 1) ** 2 * square,
            }
        )
    return rows


def cell_extra_exact(params: dict, seed: int) -> list[dict]:
    """The Gaussian subspace in closed form: what a adds over a whole run in steps of h, beside the leading part.

    disc(a) less disc(1/2) on the same levels times 1/(4 (1-a)^2); the second is the martingale part of the first. Derived here.
    """
    a, s, k = params["a"], 1.0, params["dim"]
    rows = []
    for h in (float(v) for v in params["lags"].split()):
        steps = math.ceil(math.log(params["sigma_0"] / params["sigma_T"]) / ((1 - a) * h))
        levels = np.geomspace(params["sigma_0"], params["sigma_T"], steps + 1)
        own = math.log(params["sigma_0"] / params["sigma_T"]) / ((1 - a) * steps)
        leading = gaussian_discretisation(levels, k, s) / (4 * (1 - a) ** 2)
        rows.append({"lag": own, "extra": gaussian_discretisation_any_a(levels, k, s, a) - leading, "leading": leading})
    return rows
