"""The cells of the scaling experiment: certificates, runs, the telescope, and the two readings of sigma_0."""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.ledger.calculation import ledger
from analysis.ledger.direct import direct_total
from analysis.ledger.initial import initial_term
from analysis.ledger.price import price_of_blindness, prices
from analysis.ledger.telescope import level_within
from analysis.metrics.gaussian import second_moment_ratio
from analysis.metrics.intervals import from_standard_error, mean
from analysis.metrics.sliced import radial_distance, sliced_with_floor
from analysis.metrics.total_variation import tv_lower_from_samples
from analysis.samplers import Schedule, sample
from analysis.scaling.mmse_curve import curves, discretisation, real_steps
from analysis.scaling.radii import radial_quantile
from analysis.scaling.setting import EPS, A, blind_denoiser, coordinate_scale, ends, level_range, make_law, schedule
from analysis.scaling.weights import total_variation_interval
from analysis.theory.blindness import blindness_bound_form, gaussian_price, gaussian_price_uniform
from analysis.theory.coefficients import exponential_euler
from analysis.theory.discretisation import discretisation_bound_form, gaussian_discretisation
from analysis.theory.gaussian_run import final_divergence
from analysis.theory.initial import initial_bound
from analysis.theory.rates import recipe
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.laws.gaussian import IsotropicGaussian

__all__ = ["EPSILONS", "cell_certificate", "cell_price", "cell_reading", "cell_run", "cell_sabotage", "cell_telescope"]

# nats; small enough that N is far above log(sigma_0/sigma_T), where disc is linear in h, and above the price at d = 10^3
EPSILONS = (0.5, 0.2, 0.1)
# the larger sigma_T, at eps = EPS
COARSER_ENDS = (0.05, 0.1, 0.2)


def cell_price(params: dict, seed: int) -> list[dict]:
    """The price of blindness of one law, k, d, beside its Gaussian form and Theorem 3.6's; and of two stand-ins for f*."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), _stream(seed, "price", params)
    start, end = ends(law)
    found = prices(law, blind_denoiser(law), end, start, params["points"], stream)
    k, d, row = params["dim"], params["ambient"], {}
    for name in ("price", "efficient", "biased"):
        value = mean(found[name])
        row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    row |= {"gaussian_form": gaussian_price(k, d), "gaussian_uniform": gaussian_price_uniform(k, d)}
    return [row | {"paper_form": blindness_bound_form(k, d, math.sqrt(law.second_moment), start, end, A)}]


def cell_certificate(params: dict, seed: int) -> list[dict]:
    """init, blind, and the steps at which the certificate init + blind + disc falls to eps nats.

    One row an ambient dimension and eps; at the largest dimension and EPS also for larger sigma_T (init and blind, which
    do not grow with it, are those of the smallest).
    """
    ambients, points = sorted(int(d) for d in params["ambients"].split()), params["points"]
    stream = _stream(seed, "certificate", params)
    law = make_law(params["law"], params["dim"], ambients[-1])
    start, end = ends(law)
    init = initial_term(law, start, points, stream.child("init")).value
    measured = curves(law, max(points // 16, 32), 8, stream)
    rows = []
    for ambient in ambients:
        law = make_law(params["law"], params["dim"], ambient)
        blind = price_of_blindness(law, blind_denoiser(law), end, start, points, stream.child("price")).value
        wanted = [(eps, end) for eps in EPSILONS]
        wanted += [(EPS, coarser) for coarser in COARSER_ENDS if coarser > end and ambient == ambients[-1]]
        for eps, sigma_T in wanted:
            steps = [real_steps(curve, init + blind, eps, start, sigma_T) for curve in measured]
            found = mean(steps) if len(steps) > 1 else from_standard_error(steps[0], 0.0)
            row = {"ambient": ambient, "eps": eps, "sigma_T": sigma_T, "init": init, "blind": blind}
            rows.append(row | {"steps": found.value, "steps_low": found.low, "steps_high": found.high})
    return rows


def cell_telescope(params: dict, seed: int) -> list[dict]:
    """disc by direct simulation of the joint law of two times, over the same by the MMSE telescope; and with a false joint law.

    One row a step count, from one MMSE curve.
    """
    law, stream = make_law(params["law"], params["dim"], 10**6), _stream(seed, "telescope", params)
    n = params["points"]
    start, end = ends(law)
    init = initial_term(law, start, n, stream.child("start")).value
    measured = curves(law, max(n // 2, 512), 8, stream)
    rows = []
    for steps in sorted(int(count) for count in params["counts"].split()):
        run = schedule(law, steps)
        found = [discretisation(curve, steps, start, end) for curve in measured]
        direct = direct_total(law, ConditionalDenoiser(law), run, n, stream.child("direct"))
        disc = float(direct.per_step.sum())
        relative = float(direct.per_step_error.square().sum().sqrt()) / disc
        telescope = sum(found) / len(found)
        spread = 0.0 if len(found) == 1 else float(torch.tensor(found).std()) / math.sqrt(len(found)) / telescope
        error = math.hypot(relative, spread)
        # one Gaussian coordinate of the same variance: h/2 [log(s/sigma_T) - 1/2] as h -> 0, the logarithm in closed form
        logarithm = gaussian_discretisation(run.sigma.numpy(), 1, coordinate_scale(law))
        row = {
            "steps": steps,
            "h": float(run.h[0]),
            "init": init,
            "disc": telescope,
            "logarithm": logarithm,
            "direct": disc,
        }
        row |= {"ratio": disc / telescope, "ratio_se": disc / telescope * error, "level_range": level_range(law)}
        frozen = direct_total(
            law, lambda y, sigma: 1.2 * law.denoise(y, sigma), run, max(n // 8, 64), stream.child("wrong")
        )
        row["frozen_wrong"] = float(frozen.per_step.sum())
        false = _false_joint(law, run, n, stream.child("false"))
        rows.append(row | {"false_ratio": false / telescope, "false_ratio_se": false / telescope * error})
    return rows


def _false_joint(law, run, n: int, stream) -> float:
    """The direct sum with X_{t_i} given noise of its own instead of that of X_t plus an increment: right margins, wrong pair."""
    total, sigma, weights = 0.0, run.sigma.tolist(), run.kl_weights.tolist()
    for i in range(run.steps):
        own = stream.child(i)
        x = law.sample(n, own.child("data"))
        u = (torch.arange(n, dtype=torch.float64) + own.child("time").uniform(n)) / n
        level = level_within(sigma[i], sigma[i + 1], u)
        later, first = law.add_noise(x, level, own.child("later")), law.add_noise(x, sigma[i], own.child("first"))
        gap = law.denoise(later, level) - law.denoise(first, sigma[i])
        total += weights[i] * float(law.space.sqnorm(gap).mean())
    return total


def cell_run(params: dict, seed: int) -> list[dict]:
    """One blind run: its ledger, the paper's bounds, and how far the law it ends in is from p_{sigma_T}."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), _stream(seed, "run", params)
    run, f, n = schedule(law, params["steps"]), blind_denoiser(law), params["points"]
    start, end = ends(law)
    terms = ledger(law, f, run, max(64, params["ledger_points"] // run.steps), stream.child("ledger"))
    result = sample(f, law, run, n, stream.child("run"))
    truth, other = (law.add_noise(law.sample(n, s), end, s) for s in (stream.child("truth"), stream.child("other")))
    row = {"h": float(run.h[0]), "run_status": result.status, "calls": result.calls, "level_range": level_range(law)}
    for name in ("init", "blind", "discretisation", "learning", "total"):
        term = getattr(terms, name)
        row |= {name: term.value, f"{name}_se": term.standard_error}
    radius = math.sqrt(law.second_moment)
    row |= {"bound_init": initial_bound(law.second_moment, start)}
    row |= {"bound_blind": blindness_bound_form(params["dim"], params["ambient"], radius, start, end, A)}
    row |= {"bound_discretisation": discretisation_bound_form(params["dim"], float(run.h[0]), radius, end, A)}
    row |= {"tv_bound": terms.total_variation}
    return [row | _measured(law, result.y, truth, other, stream) | _gaussian_exact(law, run)]


def _measured(law, y, truth, other, stream) -> dict:
    """Errors of Y_N against p_{sigma_T} in core coordinates, each with its floor or interval."""
    m, end = law.core_dim, ends(law)[1]
    y, truth, other = (law.space.split(p)[0] for p in (y, truth, other))
    moment = second_moment_ratio(y, law.second_moment + m * end**2)
    sliced = sliced_with_floor(y, truth, other, stream.child("slices"))
    row = {"moment_ratio": moment.value, "moment_low": moment.low, "moment_high": moment.high}
    row |= {"sliced_w2": sliced.distance.value, "sliced_low": sliced.distance.low, "sliced_high": sliced.distance.high}
    row |= {
        "sliced_floor": sliced.floor.value,
        "sliced_excess": sliced.excess,
        "sliced_excess_low": sliced.excess_low,
        "sliced_excess_high": sliced.excess_high,
    }
    row |= {"tv_lower": tv_lower_from_samples(y, truth, stream.child("tv"))}
    row |= {"tv_lower_truth": tv_lower_from_samples(other, truth, stream.child("tv"))}
    quantile = radial_quantile(law, end)
    if quantile is None:
        return row | {"radial_w2": None, "radial_floor": None, "radial_floor_95": None}
    radial = radial_distance(y.norm(dim=1), quantile, stream.child("radial"))
    return row | {"radial_w2": radial.value, "radial_floor": radial.floor, "radial_floor_95": radial.floor_95}


def cell_sabotage(params: dict, seed: int) -> list[dict]:
    """A run of a denoiser scaled by 0.8, held against the certificate of the denoiser it pretends to be."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), _stream(seed, "sabotage", params)
    run, f, n = schedule(law, params["steps"]), blind_denoiser(law), params["points"]
    terms = ledger(law, f, run, max(64, params["ledger_points"] // run.steps), stream.child("ledger"))
    source = stream.child("truth")
    truth = law.space.split(law.add_noise(law.sample(n, source), ends(law)[1], source))[0]
    row = {"total": terms.total.value, "total_se": terms.total.standard_error, "tv_bound": terms.total_variation}
    for name, denoiser in (("honest", f), ("sabotaged", lambda y: 0.8 * f(y))):
        end = law.space.split(sample(denoiser, law, run, n, stream.child("run")).y)[0]
        row[f"tv_{name}"] = tv_lower_from_samples(end, truth, stream.child("tv"))
    return [row]


def cell_reading(params: dict, seed: int) -> list[dict]:
    """Corollary 3.10's recipe with one reading of sigma_0: the distance D_X of a run's projection from the data, in units of eps.

    The law: four components of scale .05 at distance 1 from the origin, of weights (.55, .15, .15, .15). D_X is between
    the mass that must change component times the distance it must go, and twice that mass plus the spread within.
    """
    k, eps, n, scale = params["dim"], params["eps"], params["points"], 0.05
    weights = (0.55, 0.15, 0.15, 0.15)
    law = manifolds.make(
        "mixture", dim=k, ambient=10**9, reduced=True, scale=scale, separation=1 / scale, weights=weights
    )
    plan = recipe(
        k, eps, math.sqrt(law.second_moment), params["reading"].removesuffix(", sabotaged"), factor=params["factor"]
    )
    # the sabotage: the exact denoiser of the same components with equal weights
    equal = manifolds.make("mixture", dim=k, ambient=10**9, reduced=True, scale=scale, separation=1 / scale)
    stream = manifolds.stream(seed, "scaling", "reading", k, eps)
    run = Schedule.proportional(plan.sigma_0, plan.sigma_T, A, max(1, math.ceil(plan.steps)))
    f = BlindDenoiser(
        equal if "sabotaged" in params["reading"] else law, NoisePrior.power(-3.0, plan.sigma_T, plan.sigma_0)
    )
    end = law.space.split(sample(f, law, run, n, stream).y)[0]
    found = torch.bincount(law.core.component(end), minlength=4).double().numpy()
    moved = total_variation_interval(found, weights)
    near = min(
        float((a.shift - b.shift).norm()) for a in law.core.components for b in law.core.components if a is not b
    )
    within = scale * math.sqrt(k)  # a point of a component is that far from its centre, in the mean, at most
    low, value, high = (
        max(near - 2 * within, 0.0) * moved.low,
        near * moved.value,
        2 * moved.high + 2 * within * run.h[0].item(),
    )
    row = {"sigma_0": plan.sigma_0, "sigma_T": plan.sigma_T, "steps": run.steps, "moved": moved.value}
    return [row | {"over_eps": value / eps, "over_eps_low": low / eps, "over_eps_high": high / eps}]


def _gaussian_exact(law, run) -> dict:
    """KL(p_{sigma_T} || law of Y_N) of a Gaussian run whose level is read without error (d to infinity), else nothing."""
    if not isinstance(law.core, IsotropicGaussian):
        return {"exact_kl": None}
    levels = run.sigma.numpy()
    tangential, _ = final_divergence(
        *exponential_euler(levels, A), levels, law.core_dim, law.ambient_dim, law.core.scale, told="true"
    )
    return {"exact_kl": float(tangential)}


def _stream(seed: int, part: str, params: dict) -> manifolds.Stream:
    """Draws depend on law and dimension alone: cells that differ in steps or ambient dimension share theirs."""
    return manifolds.stream(seed, "scaling", part, params["law"], params["dim"])
