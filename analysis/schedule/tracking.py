"""Does a blind run know where it is: its residual estimate beside the implicit schedule, step by step? (S4)

Two estimates of the noise level are recorded. The residual |f*(y) - y|/sqrt(d) is what a sampler can compute and what
figures 3 and 11 of arXiv 2602.09639 plot; its mean square is sigma^2 (1 - k_eff/d), so its logarithm is biased by about
-(k_eff + 1)/(2d), the 1 being the logarithm's own (E log chi2_d/d = -1/d). The mean of log sigma under the noise
posterior is the second; it is biased by order 1/d only.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

import manifolds
from analysis.integrators.catalogue import affordable, build, cases, end_level, in_space
from analysis.metrics.intervals import Estimate
from analysis.runs import Argument, Cell, Claim, Control, Measurement, Question, whole
from analysis.samplers import Schedule, sample
from analysis.schedule.figure2 import plane_mixture
from analysis.schedule.settings import FEW, PAPER, Overdosed, largest_deviation, measured, size
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.laws.gaussian import IsotropicGaussian

CLAIMS = (
    Claim(
        id="S4",
        kind="control",
        source=f"{PAPER}, figure 3",
        statement="tracking fails at k = d = 2 (a Gaussian and a mixture that fill the plane)",
        quantity="largest over steps of |mean log(sigma_hat/sigma_t)|, least over laws with k = d = 2",
        predicted="> 0.5",
        allowed=(0.5, math.inf),
        wide="no size is predicted: .5 in the logarithm is a level wrong by a factor 1.65",
    ),
)
ARGUMENTS = (
    Argument(
        "--dim",
        type=whole(1, 1000),
        nargs="+",
        default=(2, 8),
        help="intrinsic dimensions k of the tracking runs",
        by_profile={"smoke": (2,)},
    ),
    Argument(
        "--ratio",
        type=whole(1, 10**12),
        nargs="+",
        default=(256,),
        help="d/k^2 of the tracking runs (image laws need a square d: 256 gives them 32 x 32 pixels)",
        by_profile={"smoke": (2500,)},
    ),
)

PLANE = ("plane_gaussian", "plane_mixture")  # laws that fill a plane: in d = 2 nothing is normal to them


def cells(options) -> list[Cell]:
    """Every law at every (k, d/k^2) asked for (for the figure: what tracks, tracks for free), and those of a plane."""
    smoke = options.profile == "smoke"
    n = (100 if smoke else 300) * size(options.profile)
    shared = {"sigma_0": 10.0, "a": 0.5, "steps": 16 if smoke else 40, "posteriors": 10 if smoke else 40}
    plan = []
    for k in options.dim:
        for ratio in options.ratio:
            d = ratio * k * k
            # curves exist for k = 1 only: they join the smallest k
            dims = (k, 1) if k == min(options.dim) else (k,)
            laws = cases(dims, d, FEW if smoke else None)
            if all(dim != k for _, dim in laws):
                raise ValueError(f"argument --ratio: must give a law d >= 4 m, got {ratio} (d = {d} at --dim {k})")
            for law, dim in laws:
                own = {"sigma_T": end_level(law, dim, d, 0.01), "n": affordable(law, dim, d, n)}
                params = {"law": law, "dim": dim, "ambient": d, "sabotage": "none"}
                plan.append(Cell("tracking", params | shared | own, 1.5))
    plane = [(law, d, sabotage) for law in PLANE for d in (2, 500) for sabotage in ("none", "truth")]
    for law, d, sabotage in plane:
        params = {"law": law, "dim": 2, "ambient": d, "sabotage": sabotage}
        plan.append(Cell("tracking", params | shared | {"sigma_T": 0.01, "n": n}, 1.0))
    return plan


def _law(name: str, dim: int, ambient: int) -> Law:
    """A registered law, or one of the two that fill a plane and may be asked for in d = 2."""
    if name == "plane_gaussian":
        return in_space(IsotropicGaussian(dim), ambient)
    if name == "plane_mixture":
        return plane_mixture(ambient)
    return build(name, dim, ambient)


def _summary(x: torch.Tensor) -> tuple[float, float, float]:
    """Mean, its standard error, standard deviation."""
    sd = float(x.std())
    return float(x.mean()), sd / math.sqrt(len(x)), sd


DOSE = 1.0012  # of the sabotage of S3b


def cell_tracking(params: dict, seed: int) -> list[dict]:
    """One blind run, one row a step: mean over samples of log(sigma_hat/sigma_t), by both estimates.

    sabotage: "none"; "truth" (no run: fresh draws of p_{sigma_t} at every step, the best that tracking can be);
    "injection" (the run follows a = 0.3 while it is compared with the schedule of a, at the same times); "dose" (DOSE
    times the variance is injected that the schedule accounts for, which raises the level by .06 %).
    The prior is log-uniform on the range of levels of the run, as in the paper's synthetic runs.
    """
    law = _law(params["law"], params["dim"], params["ambient"])
    d, n, a, sabotage = law.ambient_dim, params["n"], params["a"], params["sabotage"]
    stream = manifolds.stream(seed, "tracking", *(params[key] for key in sorted(params)))
    schedule = Schedule.proportional(params["sigma_0"], params["sigma_T"], a, params["steps"])
    walked = schedule
    if sabotage == "injection":
        walked = Schedule.proportional(
            params["sigma_0"], params["sigma_0"] * math.exp(-(1 - 0.3) * schedule.horizon), 0.3, params["steps"]
        )
    f = BlindDenoiser(law, NoisePrior.power(-1.0, min(params["sigma_T"], walked.sigma_end), params["sigma_0"]))
    if sabotage == "truth":
        sigma_list = schedule.sigma.tolist()
        path = [
            law.add_noise(law.sample(n, stream.child("x", i)), s, stream.child("z", i))
            for i, s in enumerate(sigma_list)
        ]
        residual = [law.space.sqnorm(f(y) - y).div(d).sqrt() for y in path]
    else:
        integrator = Overdosed(DOSE) if sabotage == "dose" else "exponential_euler"
        run = sample(f, law, walked, n, stream.child("run"), integrator, record="path")
        assert run.path is not None  # asked for
        path, residual = list(run.path), list(run.sigma_hat)
    rows = []
    for i, (sigma, y, estimate) in enumerate(zip(schedule.sigma.tolist(), path, residual)):
        mean, se, sd = _summary(estimate.log() - math.log(sigma))
        few = y[: params["posteriors"]]
        posterior_mean, posterior_se, _ = _summary(f.noise_posterior(few).mean - math.log(sigma))
        effective = float(law.posterior_trace(few, sigma).mean()) / sigma**2
        rows.append(
            {
                "step": i,
                "sigma": sigma,
                "log_ratio": mean,
                "log_ratio_se": se,
                "log_ratio_sd": sd,
                "posterior_log_ratio": posterior_mean,
                "posterior_log_ratio_se": posterior_se,
                "k_eff": effective,
            }
        )
    return rows


def decide(tables, options) -> list[Measurement]:
    """The least deviation of the laws that fill the space."""
    rows = tables["tracking"]
    plane = rows.law.isin(PLANE)
    full, thin = rows[plane & (rows.ambient == 2)], rows[plane & (rows.ambient == 500) & (rows.sabotage == "none")]
    if not len(full) or not len(thin):
        return []
    by_law = {s: [_deviation(g) for _, g in full[full.sabotage == s].groupby("law")] for s in ("none", "truth")}
    least = min(by_law["none"], key=lambda e: e.value)
    fresh = min(by_law["truth"], key=lambda e: e.value)
    tracked = [_deviation(g) for _, g in thin.groupby("law")]
    cannot = "fresh draws of p_{sigma_t}: the level cannot be read at k = d, run or no run"
    controls = [
        Control("null", cannot, fresh.low, fresh.high),
        Control("power", "the same laws in d = 500", min(e.low for e in tracked), max(e.high for e in tracked)),
    ]
    return [measured("S4", least, controls)]


def _deviation(rows) -> Estimate:
    return largest_deviation(rows.log_ratio, rows.log_ratio_se)


def _scaled(rows) -> Estimate:
    root = np.sqrt(rows.ambient.astype(float))
    return largest_deviation(root * rows.log_ratio, root * rows.log_ratio_se)


def show(tables, options) -> str | None:
    """Law by law: the largest deviation and where the estimate's bias puts it."""
    lines = []
    for (law, k, d, sabotage), g in tables["tracking"].groupby(["law", "dim", "ambient", "sabotage"]):
        line = {"law": law, "k": k, "d": d, "run": sabotage, "sqrt(d) max|mean log ratio|": f"{_scaled(g).value:.3f}"}
        lines.append(line | {"k_eff/(2 sqrt d)": f"{float((g.k_eff / (2.0 * np.sqrt(float(d)))).max()):.3f}"})
    return pd.DataFrame(lines).to_string(index=False)


QUESTION = Question(
    claims=CLAIMS,
    arguments=ARGUMENTS,
    cells=cells,
    parts={"tracking": cell_tracking},
    decide=decide,
    show=show,
    figures=("tracking",),
)
