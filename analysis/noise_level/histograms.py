"""Histograms of the maximum-likelihood sigma_hat^2 (arXiv 2602.09639, figures 1 and 10), and its spike at 0 when k = d."""

from __future__ import annotations

import math

import numpy as np
import torch

from analysis.laws.cases import noisy
from manifolds import Law, make, stream
from manifolds.denoisers import PlugInDenoiser
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture, low_rank_mixture

__all__ = ["cell_histogram", "cell_spike", "planar_mixture", "paper_law"]

_LOW, _HIGH = 1e-6, 1e6  # a sigma_hat at the lower end reads zero
_BINS = 60


def planar_mixture(separation: float = 6.0) -> Mixture:
    """Two standard Gaussians in the plane, k = m = 2, that far apart; it also exists at d = 2, where k = d."""
    shift = torch.tensor([separation / 2.0, 0.0], dtype=torch.float64)
    parts = [Component(IsotropicGaussian(2), None, sign * shift) for sign in (1.0, -1.0)]
    core = Mixture(parts)
    core.needs_normal = False
    return core


def paper_law(figure: int, ambient: int) -> Law:
    """The two-component mixture of figure 1 (k = 2, one plane) or 10 (k = 1, two lines in a plane); scales are ours."""
    core = planar_mixture() if figure == 1 else low_rank_mixture(1, components=2, scale=2.0, separation=1.0)
    return Law(core, ambient, reduced=True)


def _sigma_hat2(law: Law, sigma: float, n: int, source) -> torch.Tensor:
    """Squared MLE of n noisy draws, exactly 0 where the likelihood rises towards sigma = 0."""
    _, y = noisy(law, sigma, n, source)
    hat = PlugInDenoiser(law, _LOW, _HIGH).sigma_hat(y)
    return torch.where(hat > 1.01 * _LOW, hat, torch.zeros_like(hat)).square()


def cell_histogram(params: dict, seed: int) -> list[dict]:
    """One row a bin of sigma_hat^2 at sigma = 1 (the bin at 0 is the spike), each with the summary of the whole sample.

    `variance_ratio` is Var(sigma_hat^2) over 2 sigma^4/(d-k); `peak` the highest density, of a window of a quarter
    standard deviation; k = d has neither. `exact_ratio` is of chi-square draws, `shifted_ratio` of data at 1.1 sigma.
    """
    d, figure, n = params["ambient"], params["figure"], params["draws"]
    law, sigma = paper_law(figure, d), 1.0
    k = law.intrinsic_dim
    source = stream(seed, "histogram", figure, d)
    value = _sigma_hat2(law, sigma, n, source.child("draws")).numpy()
    summary = {"dim": k, "core_dim": law.core_dim, "zeros": int((value == 0).sum()), "mean": value.mean()}
    if d > k:
        expected = 2.0 * sigma**4 / (d - k)
        samples = {
            "variance_ratio": value,
            "exact_ratio": sigma**2 * source.child("chi2").chi2(d - k, n).numpy() / (d - k),
        }
        samples["shifted_ratio"] = _sigma_hat2(law, 1.1 * sigma, n, source.child("shifted")).numpy()
        for name, sample in samples.items():
            square = (sample - sample.mean()) ** 2
            summary |= {name: square.mean() / expected, f"{name}_se": square.std() / math.sqrt(n) / expected}
        summary["peak"], summary["peak_se"] = _peak(value)
    edges = np.linspace(0.0, float(np.quantile(value, 0.9995)), _BINS + 1)
    positive = value[value > 0]
    counts, _ = np.histogram(positive, edges)
    rows = [{"left": 0.0, "right": 0.0, "count": summary["zeros"]}]
    rows += [{"left": a, "right": b, "count": int(c)} for a, b, c in zip(edges[:-1], edges[1:], counts)]
    return [{**row, **summary} for row in rows]


def _peak(value: np.ndarray) -> tuple[float, float]:
    """(density, standard error) of a window of a quarter standard deviation at the mode of a normal fit's Gamma law."""
    centre = value.mean() - value.var() / value.mean()  # mode of the Gamma law of these two moments
    width = 0.25 * value.std()
    share = float(np.mean(np.abs(value - centre) < width / 2.0))
    return share / width, math.sqrt(share * (1.0 - share) / len(value)) / width


def cell_spike(params: dict, seed: int) -> list[dict]:
    """How often sigma_hat = 0 for N(0, s^2 I_d), s = 3, sigma = 1; by the closed form of the MLE; and for data on a line."""
    d, n, s, sigma = params["ambient"], params["draws"], 3.0, 1.0
    source = stream(seed, "spike", d)
    full = make("full_gaussian", dim=d, ambient=d, reduced=True, scale=s)
    zeros = int((_sigma_hat2(full, sigma, n, source.child("law")) == 0).sum())
    norm2 = (s**2 + sigma**2) * source.child("closed form").chi2(d, n)
    line = make("gaussian", dim=1, ambient=d, reduced=True, scale=s)
    return [
        {
            "zeros": zeros,
            "closed_form_zeros": int((norm2 / d <= s**2).sum()),
            "line_zeros": int((_sigma_hat2(line, sigma, n, source.child("line")) == 0).sum()),
        }
    ]
