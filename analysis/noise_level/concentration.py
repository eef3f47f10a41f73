"""How near to its true level is the noise posterior of one sample, as d and k grow, and where is it farthest?

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
    exact,
    fewer_draws,
    labels,
    low_dimensional,
    measured,
    of_profile,
    refuse_unused,
    worst,
)
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.runs.claims import Revision
from analysis.theory import noise as theory
from analysis.theory.noise import two_scale_second_moment
from manifolds import Law, Stream, stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = ["CLAIMS", "QUESTION", "cell_concentration", "cell_linear", "cell_worst_case", "decide"]

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
        strict=True,
    ),
    # three simultaneous standard errors of the heaviest tail (n = 30)
    Claim(
        "N2",
        "sharper",
        "derived here",
        "linear data: E|lambda - lambda_t|^2/lambda_t^2 = (4n+32)/((n-2)(n-4)), n = d - k, and its form "
        "for other priors",
        "measured over formula, worst n and prior",
        "1",
        (0.96, 1.04),
    ),
    # Monte Carlo error 1 %; linear data of the same k and d give 0.03 to 0.4
    Claim(
        "N3",
        "sharper",
        "derived here",
        "the k^2/d^2 term of Prop 3.8 is attained by half an atom, half N(0, (k/d) sigma^2 I)",
        "measured over quadrature at (d,k) = (1000,126), (1000,200), (5000,1000), worst",
        "1",
        (0.96, 1.04),
    ),
)

_DRAWS = {"smoke": 200, "paper": 800, "full": 4_000}
_LINEAR_DRAWS = {"smoke": 4_000, "paper": 40_000, "full": 200_000}
_WORST_DRAWS = {"smoke": 1_000, "paper": 8_000, "full": 40_000}
_REFERENCES = ((1000, 126), (1000, 200), (5000, 1000))  # (d, k) at which the worst case is judged
_SCAN_DIM = (4, 16, 64, 256, 1024)


def cells(options) -> list[Cell]:
    """Laws with normal directions over d and k; linear data; the worst case; and a scan over k at d = 4096."""
    smoke, draws = options.profile == "smoke", _DRAWS[options.profile]
    found = []
    for name in low_dimensional(options):
        for k in (*options.dim, *_own_dims(name, options.dim)):
            at = shape(name, k)
            for d in options.ambient:
                if at.dim != k or 4 * at.core_dim > d or at.finest > 0.2:
                    continue  # the law has no such k, or next to no normal directions, or no such level
                params = {"law": name, "dim": k, "ambient": d, "level": 0.3, "draws": fewer_draws(name, draws)}
                found.append(Cell("concentration", params, cost=0.3))
    refuse_unused(options, {(cell.params["dim"], cell.params["ambient"]) for cell in found})
    # linear and curved data at one d and any k, noise a tenth of the data's size per axis: unlike the worst case
    for name in () if smoke else ("gaussian", "sphere"):
        for k in _SCAN_DIM if name in options.law else ():
            params = {"law": name, "dim": k, "ambient": 4096, "level": 0.1 / k**0.5, "draws": draws}
            found.append(Cell("concentration", params, cost=0.3))
    for n in (30, 1000) if smoke else (30, 100, 1000, 10**6):
        for alpha in (0.0, 2.0):
            params = {"normal_dim": n, "alpha": alpha, "draws": _LINEAR_DRAWS[options.profile]}
            found.append(Cell("linear", params, cost=1.0))
    return found + _worst_cells(smoke, _WORST_DRAWS[options.profile])


def _own_dims(name: str, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The k of a law that has none of those asked for (a curve has k = 1)."""
    own = shape(name, dims[0]).dim
    return () if own is None or any(shape(name, k).dim == k for k in dims) else (own,)


def _worst_cells(smoke: bool, draws: int) -> list[Cell]:
    """The points that decide, and two lines to draw: k = d^(3/4), and k at d = 4096."""
    found = [
        Cell("worst_case", {"ambient": d, "dim": k, "draws": draws, "reference": True}, cost=3.0)
        for d, k in (_REFERENCES[:1] if smoke else _REFERENCES)
    ]
    scan = [(d, round(d**0.75)) for d in (256, 1024, 4096, 16384)] + [(4096, k) for k in _SCAN_DIM]
    few = max(draws // 8, 200)
    found += [
        Cell("worst_case", {"ambient": d, "dim": k, "draws": few, "reference": False}, cost=1.0)
        for d, k in (() if smoke else scan)
    ]
    return found


_LEAST_DRAWS = 200
_CHUNK = 1 << 13
OFF = 0.85  # of the sabotage: in posterior widths, so that it is felt alike at every d


def _squared_error(
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
    row = {"core_dim": law.core_dim, **_squared_error(law, sigma, prior_around(law, sigma), y)}
    normal = max(law.ambient_dim - law.intrinsic_dim, 5)  # with fewer the second moment is infinite
    width = math.sqrt(theory.linear_second_moment(normal))
    wrong = _squared_error(law, sigma, prior_around(law, sigma), y, true=sigma * math.sqrt(1 + OFF * width))
    low, high = law.log_covering_number(sigma**2 / (20 * rms(law) * math.sqrt(law.ambient_dim)))
    row |= {"k_cov_low": 1 + float(low), "k_cov_high": 1 + float(high)}
    return [{**row, "wrong": wrong["error"], "wrong_se": wrong["error_se"]}]


def cell_linear(params: dict, seed: int) -> list[dict]:
    """A line in R^(n+1) with noise far below the data's scale: what the closed form is about.

    The prior is sigma^(alpha-3). `gamma` has lambda drawn from its Gamma law, with no law or quadrature of ours.
    """
    n, alpha, sigma, draws = params["normal_dim"], params["alpha"], 1e-3, params["draws"]
    source = stream(seed, "linear", n, alpha)
    law = manifolds.make("gaussian", dim=1, ambient=n + 1, reduced=True)
    prior = NoisePrior.power(alpha - 3.0, sigma / 1000.0, 1000.0 * sigma)
    _, y = noisy(law, sigma, draws, source.child("points"))
    # lambda/lambda_t = 2 Gamma(A)/chi2_n with A = (n - alpha)/2 + 1
    ratio = (
        2.0
        * source.child("gamma").gamma((n - alpha) / 2.0 + 1.0, 10 * draws)
        / source.child("chi2").chi2(n, 10 * draws)
    )
    direct = (ratio - 1.0).square()
    gamma = {"gamma": float(direct.mean()), "gamma_se": float(direct.std()) / math.sqrt(len(direct))}
    return [{**_squared_error(law, sigma, prior, y), **gamma}]


def cell_worst_case(params: dict, seed: int) -> list[dict]:
    """p_X = 1/2 delta_0 + 1/2 N(0, (k/d) I_d), sigma = 1; `linear` data of the same k and d; and the closed quadrature.

    `grid` is the mean over draws of a plain grid posterior in numpy, which shares no code with the law.
    """
    d, k, draws = params["ambient"], params["dim"], params["draws"]
    source = stream(seed, "worst case", k, d)
    prior = NoisePrior.power(-3.0, 1e-2, 1e2)
    worst = manifolds.make("two_scale", dim=k, ambient=d, reduced=True)
    linear = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=100.0)
    row = _squared_error(worst, 1.0, prior, noisy(worst, 1.0, draws, source.child("worst"))[1])
    contrast = _squared_error(linear, 1.0, prior, noisy(linear, 1.0, draws, source.child("linear"))[1])
    row |= {"linear": contrast["error"], "linear_se": contrast["error_se"]}
    row["grid"], row["grid_se"] = _grid_error(d, k, draws, source.child("grid"))
    row["predicted"] = two_scale_second_moment(d, k)
    return [row]


def _grid_error(d: int, k: int, draws: int, source: Stream, nodes: int = 1200) -> tuple[float, float]:
    """As `_squared_error` for the two-scale law, by a sum over lambda in [1/4, 4]: outside there is no mass."""
    wide = source.uniform(draws).numpy() < 0.5
    rho2 = np.where(wide, 1.0 + k / d, 1.0) * source.chi2(d, draws).numpy()
    variance = np.exp(np.linspace(-math.log(4.0), math.log(4.0), nodes))
    narrow = -0.5 * d * np.log(variance)
    broad = -0.5 * d * np.log(variance + k / d)
    error = np.empty(draws)
    for i in range(0, draws, 1000):
        r = rho2[i : i + 1000, None]
        # prior flat in lambda: d lambda = lambda d log lambda
        logs = np.logaddexp(narrow - 0.5 * r / variance, broad - 0.5 * r / (variance + k / d)) - np.log(variance)
        weight = np.exp(logs - logs.max(axis=1, keepdims=True))
        error[i : i + 1000] = weight @ (1.0 / variance - 1.0) ** 2 / weight.sum(axis=1)
    return float(error.mean()), float(error.std()) / math.sqrt(draws)


def decide(tables, options) -> list[Measurement]:
    """N1 to N3: the largest constant; the ratios to the closed forms that are furthest from 1."""
    rules = {"concentration": _constant, "linear": _linear, "worst_case": _worst_case}
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
    truth, where = worst(rows.error / linear, rows.error_se / linear, 1.0, labels(rows, "law", "dim", "ambient"))
    # every cell must notice the sabotage: the one that notices least counts
    wrong = rows.wrong / linear
    least = int((wrong - 1).abs().argmin())
    spoilt = worst([wrong.iloc[least]], [rows.wrong_se.iloc[least] / linear[least]], 1.0)[0]
    name = labels(rows, "law", "dim", "ambient").iloc[least]
    controls = [
        as_control("null", "linear data, closed form", exact(1.0)),
        as_control("power", f"true lambda taken {OFF:g} posterior widths too small, {name}", spoilt),
    ]
    form = np.array([theory.second_moment_form(d, min(k, d - 1)) for d, k in pairs])
    bounded = rows[np.isfinite(rows.k_cov_high)]
    by_cover = bounded.error / (1 / bounded.ambient + bounded.k_cov_low**2 / bounded.ambient**2)
    note = f"(law k d); C {(rows.error / form).min():.2f} to {(rows.error / form).max():.2f} with k"
    if len(bounded):
        note += f", {by_cover.min():.2g} to {by_cover.max():.2g} with k_cov on bounded laws"
    return measured("N1", truth, controls, f"farthest at {where} {note}")


def _linear(rows: pd.DataFrame) -> Measurement:
    def ratio(column: str, factor: float = 1.0):
        below = [theory.linear_second_moment(factor * n, a) for n, a in zip(rows.normal_dim, rows.alpha)]
        return worst(rows[column] / below, rows[f"{column}_se"] / below, 1.0, labels(rows, "normal_dim", "alpha"))

    truth, where = ratio("error")
    controls = [
        as_control("null", "lambda drawn from its Gamma law", ratio("gamma")[0]),
        as_control("power", "codimension 1.2 n in the formula", ratio("error", 1.2)[0]),
    ]
    return measured("N2", truth, controls, f"{where} (n alpha)")


def _worst_case(rows: pd.DataFrame) -> Measurement:
    rows = rows[rows.reference]

    def ratio(column: str):
        return worst(rows[column] / rows.predicted, rows[f"{column}_se"] / rows.predicted, 1.0)[0]

    controls = [
        as_control("null", "plain grid posterior in numpy", ratio("grid")),
        as_control("power", "linear data with the same k and d", ratio("linear")),
    ]
    values = ", ".join(f"{e:.3g} at d={d} k={k}" for e, d, k in zip(rows.error, rows.ambient, rows.dim))
    share = (rows.error * rows.ambient**2 / rows.dim**2).min()
    return measured("N3", ratio("error"), controls, f"{values}; at least {share:.2f} k^2/d^2")


QUESTION = Question(
    cells=cells,
    parts={"concentration": cell_concentration, "linear": cell_linear, "worst_case": cell_worst_case},
    claims=CLAIMS,
    arguments=(LAW, DIM, AMBIENT),
    decide=decide,
    figures=("noise_error",),
)
