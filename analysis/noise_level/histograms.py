"""How is the maximum-likelihood level of one sample spread, and what does it say where the data fill their space?

Histograms of sigma_hat^2, samples of the plug-in denoiser (arXiv 2602.09639, figures 1, 10); the spike at 0 if k = d.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from analysis.laws.settings import build, noisy
from analysis.metrics import intervals
from analysis.noise_level.settings import PAPER, as_control, measured, of_profile, pooled, worst
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.runs.claims import Revision
from analysis.samplers import Schedule, sample
from analysis.theory.noise import mle_zero_mass
from manifolds import Law, Stream, make, stream
from manifolds.denoisers import PlugInDenoiser
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture, low_rank_mixture

__all__ = ["CLAIMS", "QUESTION", "cell_histogram", "cell_paper_samples", "cell_spike", "decide", "paper_law"]

CLAIMS = (
    # the formula is the limit of sigma << data scale; at sigma = 1 the data's own directions add 1/(2(d-k)) relative
    Claim(
        "N4",
        "paper",
        f"{PAPER}, figs. 1, 10",
        "sigma_hat^2 concentrates: variance 2 sigma^4/(d-k), the mixtures of the figures, k = 1, 2 (limit set "
        "after a pilot)",
        "variance ratio, worst of d = 100, 500, 1000",
        "1",
        (0.93, 1.07),
        seeds=3,
    ),
    # binomial half width .85 %, three d at once
    Claim(
        "N5",
        "control",
        "derived here",
        "k = d: sigma_hat = 0 with probability P(chi2_d < d s^2/(s^2+sigma^2)), d = 2, 10, 100, s = 3 sigma",
        "measured less predicted mass, worst d",
        "0",
        (-0.02, 0.02),
        seeds=3,
        revised=Revision("the same, beside data on a line", "that has no mass at 0 at all: 25 limits away"),
    ),
)

_DRAWS = {"smoke": 4_000, "paper": 24_000, "full": 100_000}
_PANELS = ((1, 2), (1, 500), (10, 10), (10, 100), (10, 1000))  # (figure, d)
_SPIKE_SCALE = 3.0  # s of the full-rank data, at sigma = 1


def cells(options) -> list[Cell]:
    """The panels of the two figures, whatever laws are chosen."""
    draws, seeds = _DRAWS[options.profile], 1 if options.profile == "smoke" else 3
    found = [
        Cell("histogram", {"figure": figure, "ambient": d, "draws": draws // seeds}, 1.5 / seeds, seeds)
        for figure, d in _PANELS
    ]
    found += [Cell("spike", {"ambient": d, "draws": draws // seeds}, 1.0 / seeds, seeds) for d in (2, 10, 100)]
    lines = {"figure": 10, "law": "paper", "dim": 1, "ambient": 1000, "draws": 400}
    found.append(Cell("paper_samples", lines, cost=0.5))
    if options.profile != "smoke":
        # the default semi-axes are the figure's, 2 and 0.5
        ellipse = {"figure": 10, "law": "ellipse", "dim": 1, "ambient": 100, "draws": 150, "finest": 0.01}
        found.append(Cell("paper_samples", ellipse, cost=6.0))
    return found


LOUDER = 1.03  # the sabotage: noise that is this many times as large as it should be; the variance goes as its fourth
_LOUD = 1.08  # of the spike's sabotage: the mass at d = 100 is then .033 smaller
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


def _sigma_hat2(law: Law, sigma: float, n: int, source: Stream) -> torch.Tensor:
    """Squared MLE of n noisy draws, exactly 0 where the likelihood rises towards sigma = 0."""
    _, y = noisy(law, sigma, n, source)
    hat = PlugInDenoiser(law, _LOW, _HIGH).sigma_hat(y)
    return torch.where(hat > 1.01 * _LOW, hat, torch.zeros_like(hat)).square()


def cell_histogram(params: dict, seed: int) -> list[dict]:
    """One row a bin of sigma_hat^2 at sigma = 1 (the bin at 0 is the spike), each with the summary of the whole sample.

    `variance_ratio` is Var(sigma_hat^2) over 2 sigma^4/(d-k); `peak` the highest density, of a window of a quarter
    standard deviation; k = d has neither. `exact_ratio` is of chi-square draws, `shifted_ratio` of data at
    LOUDER sigma.
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
        samples["shifted_ratio"] = _sigma_hat2(law, LOUDER * sigma, n, source.child("shifted")).numpy()
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
    """How often sigma_hat = 0 for N(0, s^2 I_d), sigma = 1, less the predicted mass: of the law's MLE (`gap`), by the
    closed form of the MLE, for noise at _LOUD sigma, and for data on a line.
    """
    d, n, s, sigma = params["ambient"], params["draws"], _SPIKE_SCALE, 1.0
    source = stream(seed, "spike", d)
    full = make("full_gaussian", dim=d, ambient=d, reduced=True, scale=s)
    norm2 = (s**2 + sigma**2) * source.child("closed form").chi2(d, n)
    line = make("gaussian", dim=1, ambient=d, reduced=True, scale=s)
    at_zero = {
        "gap": _sigma_hat2(full, sigma, n, source.child("law")) == 0,
        "closed_form": norm2 / d <= s**2,
        "loud": _sigma_hat2(full, _LOUD * sigma, n, source.child("loud")) == 0,
        "line": _sigma_hat2(line, sigma, n, source.child("line")) == 0,
    }
    row = {"mass": mle_zero_mass(d, s, sigma)}
    for name, zero in at_zero.items():
        share = float(zero.double().mean())
        row |= {name: share - row["mass"], f"{name}_se": math.sqrt(share * (1.0 - share) / n)}
    return [row]


# where the run starts and stops is ours: well above the data's size, and well below it
_START, _END, _STEP = 20.0, 0.02, 0.3


def cell_paper_samples(params: dict, seed: int) -> list[dict]:
    """Samples of the blind plug-in denoiser at h = 0.3 without injected noise, as in figures 2 and 10.

    One row a sample: the first two core coordinates of the clean output, and its distance to the support.
    """
    law = paper_law(params["figure"], params["ambient"]) if params["law"] == "paper" else build(params, reduced=True)
    steps = math.ceil(math.log(_START / _END) / _STEP)
    schedule = Schedule.proportional(sigma_start=_START, sigma_end=_END, a=0.0, steps=steps)
    source = stream(seed, "paper samples", params["figure"], params["law"], params["ambient"])
    run = sample(PlugInDenoiser(law, _END / 2.0, 2.0 * _START), law, schedule, params["draws"], source)
    truth = law.sample(params["draws"], source.child("truth"))
    distance = law.distance(run.x)
    return [
        {"x1": a[0], "x2": a[1], "true_x1": b[0], "true_x2": b[1], "distance": e}
        for a, b, e in zip(run.x.tolist(), truth.tolist(), distance.tolist())
    ]


def decide(tables, options) -> list[Measurement]:
    """N4 and N5: the variance ratio that is furthest from 1, the mass that is furthest from its prediction."""
    rules = {"histogram": _variance, "spike": _spike}
    return of_profile([rule(tables[part]) for part, rule in rules.items() if part in tables], CLAIMS, options)


def _variance(rows: pd.DataFrame) -> Measurement:
    rows = rows[rows.ambient >= 100].drop_duplicates(["figure", "ambient"])

    def ratio(column: str):
        return worst(rows[column], rows[f"{column}_se"], 1.0, rows.ambient)

    truth, where = ratio("variance_ratio")
    controls = [
        as_control("null", "chi-square draws", pooled(rows.exact_ratio, rows.exact_ratio_se)),
        as_control("power", f"data at {LOUDER:g} sigma, the d that notices least", _least(rows)),
    ]
    peaks = ", ".join(f"{p:.2f} at d={d}" for p, d in zip(rows.peak, rows.ambient))
    return measured("N4", truth, controls, f"d={where}; peak densities {peaks}")


def _least(rows: pd.DataFrame) -> intervals.Estimate:
    """Of the sabotaged ratios, the one nearest to 1."""
    row = rows.iloc[int((rows.shifted_ratio - 1).abs().argmin())]
    return worst([row.shifted_ratio], [row.shifted_ratio_se], 1.0)[0]


def _spike(rows: pd.DataFrame) -> Measurement:
    def farthest(column: str) -> intervals.Estimate:
        return worst(rows[column], rows[f"{column}_se"], 0.0)[0]

    controls = [
        as_control("null", "closed form of the MLE", farthest("closed_form")),
        as_control("power", f"noise at {_LOUD:g} sigma, the d that notices most", farthest("loud")),
        as_control("power", "data on a line, k = 1 < d", farthest("line")),
    ]
    return measured("N5", farthest("gap"), controls)


QUESTION = Question(
    cells=cells,
    parts={"histogram": cell_histogram, "spike": cell_spike, "paper_samples": cell_paper_samples},
    claims=CLAIMS,
    decide=decide,
    figures=("paper_fig1", "paper_fig10"),
)
