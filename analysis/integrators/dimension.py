"""Marginal error on Gaussian data, exactly: its size k h^2/16 at any a, and what depends on the ambient dimension.

Variance recursions, no sampling: KL(p_{sigma_T} || law of Y_N) splits into k tangential and d - k normal directions.
"""

from __future__ import annotations

import manifolds
from analysis.integrators.catalogue import build
from analysis.integrators.orders import final_variances, named
from analysis.metrics.sliced import sliced_with_floor
from analysis.samplers import Schedule, get_integrator, sample
from analysis.theory.gaussian_run import divergence_limit, gaussian_divergence, run_variances
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = ["cell_clean", "cell_dimension", "cell_marginal_kl"]


def cell_marginal_kl(params: dict, seed: int) -> list[dict]:
    """Tangential KL over k h^2/16 for one a and h, after so many steps that sigma_T is below s by the factor asked for.

    The start is N(0, sigma_0^2 I), as a sampler's is. wrong_target multiplies the variance that the run is compared with (sabotage).
    """
    a, s, k, h = params["a"], params["s"], params["dim"], params["h"]
    schedule = Schedule.constant_step(h, a, params["sigma_0"], params["sigma_T"])
    steps = get_integrator(params["integrator"]).coefficients(schedule)
    c, eta, levels = steps.contraction.numpy(), steps.noise_variance.sqrt().numpy(), steps.levels.numpy()
    u, _ = run_variances(c, eta, levels, s)
    kl = gaussian_divergence(params["wrong_target"] * (s**2 + levels[-1] ** 2), u[-1], k)
    return [{"kl": kl, "limit": divergence_limit(k, h), "ratio": kl / divergence_limit(k, h)}]


def cell_dimension(params: dict, seed: int) -> list[dict]:
    """The two parts of the KL for one integrator, one row an ambient dimension; start at p_{sigma_0}, conditional denoiser."""
    name, s, k = params["integrator"], params["s"], params["dim"]
    integrator = named(name)
    schedule = Schedule.proportional(params["sigma_0"], params["sigma_T"], params["a"], params["steps"])
    consistent = integrator.coefficients(schedule).normal_consistent
    u, v = final_variances(integrator, schedule, s)
    target = schedule.sigma_end**2
    tangential = gaussian_divergence(s**2 + target, u, k)
    rows = []
    for d in (int(float(x)) for x in params["ambients"].split()):
        normal = 0.0 if consistent else gaussian_divergence(target, v, d - k)
        rows.append(
            {"d": d, "tangential": tangential, "normal": normal, "kl": tangential + normal, "consistent": consistent}
        )
    return rows


def cell_clean(params: dict, seed: int) -> list[dict]:
    """Sliced W1 of the clean outputs f*(Y_N) of a blind run on a curved or mixed law to the data, core coordinates, with its floor."""
    law = build(params["law"], params["dim"], params["ambient"])
    n, ends = params["n"], (params["sigma_0"], params["sigma_T"])
    stream = manifolds.stream(seed, "clean", law.name, params["dim"], params["integrator"], params["ambient"])
    schedule = Schedule.proportional(*ends, params["a"], params["steps"])
    f = BlindDenoiser(law, NoisePrior.power(-1.0, ends[1] / 4, 4 * ends[0]))
    run = sample(f, law, schedule, n, stream.child("run"), params["integrator"], False, record="levels")
    truth, other = (law.sample(n, stream.child("truth", i)) for i in (0, 1))
    found = sliced_with_floor(
        run.x, truth, other, stream.child("directions"), p=1, coordinates=list(range(law.core_dim))
    )
    level = float(run.normal_variance[-1].mean().sqrt()) / schedule.sigma_end
    return [
        {
            "w1": found.distance.value,
            "floor": found.floor.value,
            "excess": found.excess,
            "true_level_over_scheduled": level,
        }
    ]
