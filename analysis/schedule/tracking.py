"""Whether a blind run knows where it is: its residual noise estimate beside the implicit schedule, step by step.

Two estimates of the noise level are recorded. The residual |f*(y) - y|/sqrt(d) is what a sampler can compute and what
figures 3 and 11 of arXiv 2602.09639 plot; its mean square is sigma^2 (1 - k_eff/d), so its logarithm is biased by about
-(k_eff + 1)/(2d), the 1 being the logarithm's own (E log chi2_d/d = -1/d). The mean of log sigma under the noise posterior is the second; it is biased by order 1/d only.
"""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.integrators.catalogue import build, in_space
from analysis.samplers import Schedule, sample
from analysis.schedule.figure2 import plane_mixture
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.laws.gaussian import IsotropicGaussian

__all__ = ["PLANE", "cell_rate", "cell_tracking"]

PLANE = ("plane_gaussian", "plane_mixture")  # laws that fill a plane: in d = 2 nothing is normal to them


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


def cell_tracking(params: dict, seed: int) -> list[dict]:
    """One blind run, one row a step: mean over samples of log(sigma_hat/sigma_t), by both estimates.

    sabotage: "none"; "truth" (no run: fresh draws of p_{sigma_t} at every step, the best that tracking can be);
    "injection" (the run follows a = 0.3 while it is compared with the schedule of a, at the same times).
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
        run = sample(f, law, walked, n, stream.child("run"), record="path")
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


def cell_rate(params: dict, seed: int) -> list[dict]:
    """How fast sigma_hat falls in a run with the parameters that figure 3 of arXiv 2602.09639 states, and with others.

    Per sample, the mean fall of log sigma_hat a step; from it the number of steps between the two levels.
    """
    law = build("gaussian", params["dim"], params["ambient"])
    schedule = Schedule.constant_step(params["h"], params["a"], params["sigma_0"], params["sigma_T"])
    # a prior wider than the run, so that its ends do not bend the first and last estimates
    f = BlindDenoiser(law, NoisePrior.power(-1.0, params["sigma_T"] / 4, 4 * params["sigma_0"]))
    if params["denoiser"] == "conditional":
        f = ConditionalDenoiser(law)
    stream = manifolds.stream(seed, "rate", *(params[key] for key in sorted(params)))
    run = sample(f, law, schedule, params["n"], stream)
    whole = schedule.steps - 1  # the last step is shortened so as to end at sigma_T
    fall = (run.sigma_hat[0] / run.sigma_hat[whole]).log() / whole
    steps = math.log(params["sigma_0"] / params["sigma_T"]) / fall
    mean, se, _ = _summary(steps)
    return [
        {"steps_needed": mean, "steps_needed_se": se, "fall_a_step": float(fall.mean()), "steps_run": schedule.steps}
    ]
