"""How near to its true level is the noise posterior of one sample, as d and k grow?

E|lambda - lambda_t|^2/lambda_t^2 for lambda = sigma^-2 drawn from the posterior (arXiv 2602.09639, Prop 3.8).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

import manifolds
from analysis.laws.settings import build, noisy, prior_around, rms, shape
from analysis.noise_level.settings import (
    AMBIENT,
    DIM,
    LAW,
    PAPER,
    as_control,
    fewer_draws,
    labels,
    least,
    low_dimensional,
    measured,
    of_profile,
    refuse_unused,
    seeds_of,
    worst,
)
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.runs.claims import Revision
from analysis.theory import noise as theory
from manifolds import Law, stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = ["CLAIMS", "QUESTION", "SCAN_DIM", "cell_concentration", "cell_linear", "decide", "squared_error"]

CLAIMS = (
    # the closed form of linear data times 1 +- .4: three half widths of the cell with fewest draws is .4; limit set
    # after a pilot. In the paper's form 4/(1 + k^2/d), whose constant is not stated
    Claim(
        "N1",
        "paper",
        f"{PAPER}, Prop 3.8",
        "E|lambda - lambda_t|^2 <= C lambda_t^2 (1/d + k^2/d^2), and C = 4/(1 + k^2/d) (1 + O(1/d)) as for linear "
        "data: d >= 4 m, k = 1 to 1024 the dimension of the data, not k_cov; laws whose sums are short enough for 200 "
        "draws (limit set after a pilot)",
        "E|lambda - lambda_t|^2/lambda_t^2 over (4n+32)/((n-2)(n-4)), n = d - k (d - m for codes): the farthest from 1 "
        "over laws, k, d and levels",
        "1",
        (0.6, 1.4),
        revised=Revision("C <= 9", "C was 4 to 5: nothing near 9 was tried, and the sabotage gave 16000"),
        seeds=3,
    ),
    # three simultaneous standard errors of the heaviest tail (n = 30)
    Claim(
        "N2",
        "sharper",
        "derived here",
        "linear data: E|lambda - lambda_t|^2/lambda_t^2 = (4n+32)/((n-2)(n-4)), n = d - k, and its form "
        "for other priors: n = 30 to 10^6, priors flat in lambda and in log sigma",
        "measured over formula, worst n and prior",
        "1",
        (0.96, 1.04),
        seeds=3,
        revised=Revision("the same, beside 1.2 n in the formula", "the nearest sabotage lay 9 limits away"),
    ),
)

# draws of all seeds
_DRAWS = {"smoke": 200, "paper": 1_200, "full": 4_000}
_CURVES = ("ellipse", "trefoil")  # cheap for laws that are sums over nodes: as many draws as the others
_LINEAR_DRAWS = {"smoke": 1_000, "paper": 40_000, "full": 200_000}
SCAN_DIM = (4, 16, 64, 256, 1024)


def cells(options) -> list[Cell]:
    """Laws with normal directions over d and k; a scan over k at d = 4096; and linear data."""
    smoke, seeds = options.profile == "smoke", seeds_of(options.profile)
    draws = _DRAWS[options.profile] // seeds
    found = []
    for name in low_dimensional(options):
        for k in (*options.dim, *_own_dims(name, options.dim)):
            at = shape(name, k)
            for d in options.ambient:
                if at.dim != k or 4 * at.core_dim > d or at.finest > 0.2:
                    continue  # the law has no such k, or next to no normal directions, or no such level
                own = draws if name in _CURVES else fewer_draws(name, draws)
                params = {"law": name, "dim": k, "ambient": d, "level": 0.3, "draws": own}
                found.append(Cell("concentration", params, 0.1, seeds))
    refuse_unused(options, {(cell.params["dim"], cell.params["ambient"]) for cell in found})
    # linear and curved data at one d and any k, noise a tenth of the data's size per axis: unlike the worst case
    for name in () if smoke else ("gaussian", "sphere"):
        for k in SCAN_DIM if name in options.law else ():
            params = {"law": name, "dim": k, "ambient": 4096, "level": 0.1 / k**0.5, "draws": draws}
            found.append(Cell("concentration", params, 0.1, seeds))
    for n in (30, 1000) if smoke else (30, 100, 1000, 10**6):
        for alpha in (0.0, 2.0):
            params = {"normal_dim": n, "alpha": alpha, "draws": _LINEAR_DRAWS[options.profile] // seeds}
            params["draws"] *= 3 if n == 30 and not smoke else 1  # its tail is the heaviest
            found.append(Cell("linear", params, 0.4, seeds))
    return found


def _own_dims(name: str, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The k of a law that has none of those asked for (a curve has k = 1)."""
    own = shape(name, dims[0]).dim
    return () if own is None or any(shape(name, k).dim == k for k in dims) else (own,)


_LEAST_DRAWS = 66  # of one seed
_CHUNK = 1 << 13
# of the sabotages, in posterior widths, so that they are felt alike at every d: the ratio grows by their square
OFF, SLIGHTLY_OFF = 0.85, 0.25


def squared_error(
    law: Law, sigma: float, prior: NoisePrior, y: torch.Tensor, true: float | None = None
) -> dict[str, float]:
    """Mean over the rows of y of the posterior mean of |lambda - lambda_t|^2/lambda_t^2, and its standard error."""
    f = BlindDenoiser(law, prior)
    error = torch.cat([f.noise_posterior(part).squared_error(true or sigma) for part in y.split(_CHUNK)])
    return {"error": float(error.mean()), "error_se": float(error.std()) / math.sqrt(len(error))}


def cell_concentration(params: dict, seed: int) -> list[dict]:
    """One law, k, d and level: the mean squared relative error; and if lambda_t is taken OFF widths too small.

    The widths are those of the posterior for linear data. `k_cov` is the paper's k (Definition 3.5) for runs that end
    at this level and start at 20 times the data's size; infinite where the support is unbounded.
    """
    law = build(params, reduced=True)
    sigma = params["level"] * rms(law)
    source = stream(seed, "concentration", *(params[key] for key in ("law", "dim", "ambient", "level")))
    _, y = noisy(law, sigma, params["draws"], source)
    row = {"core_dim": law.core_dim, **squared_error(law, sigma, prior_around(law, sigma), y)}
    normal = max(law.ambient_dim - law.intrinsic_dim, 5)  # with fewer the second moment is infinite
    width = math.sqrt(theory.linear_second_moment(normal))
    wrong = squared_error(law, sigma, prior_around(law, sigma), y, true=sigma * math.sqrt(1 + OFF * width))
    low, high = law.log_covering_number(sigma**2 / (20 * rms(law) * math.sqrt(law.ambient_dim)))
    row |= {"k_cov_low": 1 + float(low), "k_cov_high": 1 + float(high)}
    return [{**row, "wrong": wrong["error"], "wrong_se": wrong["error_se"]}]


def cell_linear(params: dict, seed: int) -> list[dict]:
    """A line in R^(n+1) with noise far below the data's scale: what the closed form is about.

    The prior is sigma^(alpha-3). `gamma` has lambda drawn from its Gamma law, with no law or quadrature of ours;
    `wrong` has lambda_t SLIGHTLY_OFF posterior widths too small.
    """
    n, alpha, sigma, draws = params["normal_dim"], params["alpha"], 1e-3, params["draws"]
    source = stream(seed, "linear", n, alpha)
    law = manifolds.make("gaussian", dim=1, ambient=n + 1, reduced=True)
    prior = NoisePrior.power(alpha - 3.0, sigma / 1000.0, 1000.0 * sigma)
    _, y = noisy(law, sigma, draws, source.child("points"))
    exact = theory.linear_second_moment(n, alpha)
    # lambda/lambda_t = 2 Gamma(A)/chi2_n with A = (n - alpha)/2 + 1
    ratio = (
        2.0
        * source.child("gamma").gamma((n - alpha) / 2.0 + 1.0, 10 * draws)
        / source.child("chi2").chi2(n, 10 * draws)
    )
    direct = (ratio - 1.0).square()
    gamma = {"gamma": float(direct.mean()), "gamma_se": float(direct.std()) / math.sqrt(len(direct))}
    off = squared_error(law, sigma, prior, y, true=sigma * math.sqrt(1 + SLIGHTLY_OFF * math.sqrt(exact)))
    wrong = {"wrong": off["error"], "wrong_se": off["error_se"]}
    return [{**squared_error(law, sigma, prior, y), **gamma, **wrong}]


def decide(tables, options) -> list[Measurement]:
    """N1 and N2: the ratios to the closed forms that are furthest from 1."""
    rules = {"concentration": _constant, "linear": _linear}
    found = [rule(tables[part]) for part, rule in rules.items() if part in tables]
    return of_profile([m for m in found if m is not None], CLAIMS, options)


def _constant(rows: pd.DataFrame) -> Measurement | None:
    # with four normal directions or fewer linear data have no second moment; with few draws nothing is seen
    rows = rows[(rows.ambient - rows.dim > 4) & ((rows.draws >= _LEAST_DRAWS) | (rows.draws.max() < _LEAST_DRAWS))]
    if not len(rows):
        return None
    pairs = list(zip(rows.ambient, rows.dim))
    # points of a code take no direction from the noise: their k is that of the space they lie in at most
    linear = np.array([theory.linear_second_moment(d - min(k, m)) for (d, k), m in zip(pairs, rows.core_dim)])
    # Gaussian data are the truth that the others are set against: measured with the same code, and left out of it
    names, known = labels(rows, "law", "dim", "ambient"), (rows.law == "gaussian").to_numpy()
    if known.all() or not known.any():
        return None
    value, error = rows.error / linear, rows.error_se / linear
    truth, where = worst(value[~known], error[~known], 1.0, names[~known])
    null, _ = worst(value[known], error[known], 1.0)
    # every cell must notice the sabotage: the one that notices least counts
    spoilt, name = least(rows.wrong / linear, rows.wrong_se / linear, 1.0, names)
    controls = [
        as_control("null", "Gaussian data, which the claim leaves out", null),
        as_control("power", f"true lambda taken {OFF:g} posterior widths too small, {name}", spoilt),
    ]
    form = np.array([theory.second_moment_form(d, min(k, d - 1)) for d, k in pairs])
    bounded = rows[np.isfinite(rows.k_cov_high)]
    by_cover = bounded.error / (1 / bounded.ambient + bounded.k_cov_low**2 / bounded.ambient**2)
    note = f"(law k d); C {(rows.error / form).min():.2f} to {(rows.error / form).max():.2f} with k"
    if len(bounded):
        note += f", {by_cover.min():.2g} to {by_cover.max():.2g} with k_cov on bounded laws"
    note += _trend(rows[~known], value[~known], error[~known])
    return measured("N1", truth, controls, f"farthest at {where} {note}")


def _trend(rows: pd.DataFrame, value: pd.Series, error: pd.Series) -> str:
    """Slopes of the log ratio on log d and log k over all cells, weighted by their errors, with 95 % half widths."""
    if rows.ambient.nunique() < 3 or rows.dim.nunique() < 3:
        return ""
    design = np.column_stack([np.ones(len(rows)), np.log(rows.ambient), np.log(rows.dim)])
    weight = (value / error).to_numpy() ** 2
    covariance = np.linalg.inv(design.T @ (design * weight[:, None]))
    slope, half = covariance @ (design.T @ (weight * np.log(value))), 1.96 * np.sqrt(np.diag(covariance))
    parts = (f"{slope[i]:+.4f} ({half[i]:.4f}) in log {name}" for i, name in ((1, "d"), (2, "k")))
    return f"; slope of the log ratio {', '.join(parts)}"


def _linear(rows: pd.DataFrame) -> Measurement:
    below = [theory.linear_second_moment(n, a) for n, a in zip(rows.normal_dim, rows.alpha)]

    def ratio(column: str, of=worst):
        return of(rows[column] / below, rows[f"{column}_se"] / below, 1.0, labels(rows, "normal_dim", "alpha"))

    (truth, where), (wrong, name) = ratio("error"), ratio("wrong", least)
    controls = [
        as_control("null", "lambda drawn from its Gamma law", ratio("gamma")[0]),
        as_control("power", f"true lambda taken {SLIGHTLY_OFF:g} posterior widths too small, {name}", wrong),
    ]
    return measured("N2", truth, controls, f"{where} (n alpha)")


QUESTION = Question(
    cells=cells,
    parts={"concentration": cell_concentration, "linear": cell_linear},
    claims=CLAIMS,
    arguments=(LAW, DIM, AMBIENT),
    decide=decide,
)
