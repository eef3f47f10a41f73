"""Coefficients against quadrature, closed forms and each other; observed order against declared order."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

import manifolds
from analysis.samplers import (
    INTEGRATORS,
    BrownianNoise,
    Coefficients,
    Integrator,
    KadkhodaieSimoncelli,
    Schedule,
    get_integrator,
    sample,
)
from analysis.samplers.second_order import EDMChurn
from manifolds import Space, stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior

GENERAL = Schedule.from_injection(lambda t: 2.0 * torch.exp(-t) / (1 + t), sigma_start=3.0, horizon=6.0, steps=8)
CONSISTENT = {"exponential_euler", "ddim", "ancestral", "kadkhodaie_simoncelli", "heun"} | {
    "edm",
    "dpm_solver_2m",
    "randomised_midpoint",
}


def close(actual, expected, rtol=1e-12):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=torch.float64), rtol=rtol, atol=0)


def test_euler_coefficients_are_the_stated_integrals_for_any_injection():
    def rate(s):
        return 2.0 * math.exp(-s) / (1 + s)

    steps = list(zip(GENERAL.t[:-1].tolist(), GENERAL.t[1:].tolist()))
    ou = [quad(lambda s, e=e: 2 * rate(s) * math.exp(-2 * (e - s)), b, e, epsabs=0, epsrel=1e-13)[0] for b, e in steps]
    plain = [quad(lambda s: 2 * rate(s), b, e, epsabs=0, epsrel=1e-13)[0] for b, e in steps]
    exponential, euler, maruyama, freezing = (
        get_integrator(name).coefficients(GENERAL)
        for name in ("exponential_euler", "euler", "euler_maruyama", "score_freezing")
    )
    h = 6.0 / 8
    close(exponential.contraction, [math.exp(-h)] * 8)
    close(exponential.noise_variance, ou)
    close(euler.contraction, [1 - h] * 8)
    close(euler.noise_variance, plain)
    close(maruyama.contraction, [1 - h] * 8)
    close(maruyama.noise_variance, [2 * rate(b) * h for b, _ in steps])
    close(freezing.noise_variance, plain)
    level2 = [quad(lambda s: float(GENERAL.level(s)) ** 2, b, e, epsabs=0, epsrel=1e-10)[0] for b, e in steps]
    close(freezing.contraction, 1 - torch.tensor(level2, dtype=torch.float64) / GENERAL.sigma[:-1] ** 2, rtol=1e-8)


@pytest.mark.parametrize("name", sorted(INTEGRATORS))
def test_exactly_the_consistent_integrators_keep_the_normal_variance(name):
    steps = get_integrator(name).coefficients(Schedule.karras(4.0, 0.05, a=0.3, steps=25))
    assert steps.normal_consistent == (name in CONSISTENT)
    relative = (steps.normal_variance() / steps.levels**2 - 1).abs().max()
    assert (float(relative) < 1e-11) == (name in CONSISTENT)


@pytest.mark.parametrize("grid", [Schedule.proportional, Schedule.karras, Schedule.cosine])
def test_ddim_and_ancestral_are_exponential_euler_at_a_0_and_a_half(grid):
    for name, a in (("ddim", 0.0), ("ancestral", 0.5)):
        schedule = grid(10.0, 0.01, a=a, steps=33)
        named, base = (
            get_integrator(name).coefficients(schedule),
            get_integrator("exponential_euler").coefficients(schedule),
        )
        close(named.contraction, base.contraction, rtol=1e-13)
        close(named.noise_variance, base.noise_variance, rtol=1e-12)


def test_score_freezing_at_a_half_is_the_reverse_brownian_exponential_integrator():
    schedule = Schedule.karras(10.0, 0.01, a=0.5, steps=9)
    steps = get_integrator("score_freezing").coefficients(schedule)
    variance = schedule.sigma**2
    close(steps.contraction, variance[1:] / variance[:-1])
    close(steps.noise_variance, variance[:-1] - variance[1:])


def test_kadkhodaie_simoncelli_step_law_noise_and_number_of_steps():
    schedule = Schedule.proportional(4.0, 0.05, a=0.8, steps=50)
    steps = KadkhodaieSimoncelli(h0=0.01).coefficients(schedule)  # beta = 1 - a = .2
    level, count = 4.0, 0
    while level > 0.05:
        count += 1
        h = 0.01 * count / (1 + 0.01 * (count - 1))
        assert float(steps.contraction[count - 1]) == pytest.approx(1 - h, rel=1e-14)
        noise = ((1 - 0.2 * h) ** 2 - (1 - h) ** 2) * level**2
        assert float(steps.noise_variance[count - 1]) == pytest.approx(noise, rel=1e-10)
        level *= 1 - 0.2 * h
    assert steps.steps == count == 80
    assert float(steps.levels[-1]) == pytest.approx(level, rel=1e-12)


def test_kadkhodaie_simoncelli_with_a_constant_step():
    """h = .2, beta = .2 from 4 to .05: the level falls by .96 a step, log(80) / -log(.96) = 107.3 steps."""
    steps = KadkhodaieSimoncelli(h0=0.2, beta=0.2, growing=False).coefficients(Schedule.proportional(4.0, 0.05))
    assert steps.steps == 108
    close(steps.levels, 4.0 * 0.96 ** torch.arange(109, dtype=torch.float64))


@pytest.mark.parametrize("growing", [True, False])
def test_kadkhodaie_simoncelli_fitted_to_the_steps_of_a_schedule(growing):
    steps = KadkhodaieSimoncelli(h0=None, growing=growing).coefficients(
        Schedule.proportional(4.0, 0.05, a=0.5, steps=40)
    )
    assert steps.steps == 40
    assert float(steps.levels[-1]) == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize("name", sorted(INTEGRATORS))
def test_variance_recursion_is_a_product_form_of_its_steps(name):
    """v_N = v_0 prod c^2 + sum_i eta_i^2 prod_{j > i} c_j^2, summed independently; churn enters before the step."""
    steps = get_integrator(name).coefficients(Schedule.cosine(4.0, 0.05, a=0.3, steps=12))
    c2, noise = np.asarray(steps.contraction) ** 2, np.asarray(steps.noise_variance)
    if steps.churn_variance is not None:
        assert float(steps.churn_variance[-1]) == 0.0
        noise = noise + c2 * np.asarray(steps.churn_variance)[:-1]
    later = [np.prod(c2[i + 1 :]) for i in range(len(c2))]
    expected = 7.0 * np.prod(c2) + np.dot(noise, later)
    assert float(steps.normal_variance(7.0)[-1]) == pytest.approx(expected, rel=1e-12)


def test_continued_steps_repeat_the_last_ratio():
    steps = get_integrator("exponential_euler").coefficients(Schedule.proportional(4.0, 0.05, a=0.2, steps=20))
    longer = steps.extended(30)
    reference = get_integrator("exponential_euler").coefficients(
        Schedule.proportional(4.0, 4.0 * (0.05 / 4.0) ** 1.5, a=0.2, steps=30)
    )
    for field in ("levels", "contraction", "noise_variance"):
        close(getattr(longer, field), getattr(reference, field), rtol=1e-11)
    assert steps.extended(5).levels.tolist() == steps.levels[:6].tolist()


SCALES = np.array([2.0, 0.7, 0.3])


def edm_variances(schedule):
    """Algorithm 2 of arXiv 2206.00364 with s_churn = 10 on N(0, s^2), by hand."""
    sigma, variance = schedule.sigma.numpy(), SCALES**2 + 64.0
    gamma = min(10 / schedule.steps, math.sqrt(2) - 1)
    for now, after in zip(sigma[:-1], sigma[1:]):
        hat = now * (1 + gamma)
        variance = variance + hat**2 - now**2
        slope = hat / (SCALES**2 + hat**2)  # (y - f)/sigma over y
        ahead = 1 + (after - hat) * slope
        variance = variance * (1 + (after - hat) / 2 * (slope + ahead * after / (SCALES**2 + after**2))) ** 2
    return variance


def multistep_variances(schedule):
    """Algorithm 2 of arXiv 2211.01095 with alpha = 1: lambda = -log sigma, in the paper's own variables."""
    sigma, y, before = schedule.sigma.numpy(), np.ones(3), None
    lam = -np.log(sigma)
    for i in range(schedule.steps):
        h, clean = lam[i + 1] - lam[i], SCALES**2 / (SCALES**2 + sigma[i] ** 2) * y
        D = clean
        if before is not None:
            r = (lam[i] - lam[i - 1]) / h
            D = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * before
        y, before = sigma[i + 1] / sigma[i] * y - np.expm1(-h) * D, clean
    return y**2 * (SCALES**2 + 64.0)


def midpoint_variances(schedule):
    """Second moments of one step given the place m, averaged over its density e^m / (e^h - 1) by quadrature."""
    sigma, times, variance = schedule.sigma.numpy(), schedule.t.numpy(), SCALES**2 + 64.0
    nodes, weights = np.polynomial.legendre.leggauss(12)
    for now, after, h in zip(sigma[:-1], sigma[1:], np.diff(times)):
        m = h * (nodes[:, None] + 1) / 2
        density = weights[:, None] / 2 * h * np.exp(m) / np.expm1(h)
        between = now * np.exp(-0.7 * m)
        first = between**2 - np.exp(-2 * m) * now**2
        keep, g = SCALES**2 / (SCALES**2 + now**2), SCALES**2 / (SCALES**2 + between**2)
        pull = 1 - math.exp(-h)
        own = math.exp(-h) + pull * g * (np.exp(-m) + (1 - np.exp(-m)) * keep)
        early = np.exp(m - h) + pull * g
        late = after**2 - np.exp(-2 * (h - m)) * between**2
        variance = (density * (own**2 * variance + early**2 * first + late)).sum(0)
    return variance


OWN_RECURSION = {"edm": edm_variances, "dpm_solver_2m": multistep_variances, "randomised_midpoint": midpoint_variances}


def weak_error(name, count):
    """Error of the three variances of an anisotropic Gaussian after a linear, conditional run from p_{sigma_0}."""
    schedule = Schedule.proportional(8.0, 0.1, a=0.3, steps=count)
    if name in OWN_RECURSION:
        return np.linalg.norm(OWN_RECURSION[name](schedule) - SCALES**2 - 0.1**2)
    integrator = KadkhodaieSimoncelli(h0=None) if name == "kadkhodaie_simoncelli" else get_integrator(name)
    steps = integrator.coefficients(schedule)
    levels = np.asarray(steps.levels)
    keep = SCALES**2 / (SCALES**2 + levels[:, None] ** 2)
    variance = SCALES**2 + levels[0] ** 2
    for i, (c, noise) in enumerate(zip(np.asarray(steps.contraction), np.asarray(steps.noise_variance))):
        factor = keep[i] + c * (1 - keep[i])
        if name == "heun":
            slopes = (1 - keep[i]) / levels[i] + (1 - keep[i + 1]) * factor / levels[i + 1]
            factor = 1 + (levels[i + 1] - levels[i]) / 2 * slopes
        variance = factor**2 * variance + noise
    return np.linalg.norm(variance - SCALES**2 - levels[-1] ** 2)


def fitted_order(counts, errors, terms):
    """Slope of -log error against log steps with `terms` corrections 1/N^j, and its 95 % half width."""
    design = np.stack([np.ones(len(counts)), -np.log(counts), *(1.0 / counts**j for j in range(1, terms + 1))], axis=1)
    beta, *_ = np.linalg.lstsq(design, np.log(errors), rcond=None)
    rest = np.log(errors) - design @ beta
    free = len(counts) - design.shape[1]
    sd = math.sqrt(rest @ rest / free * np.linalg.inv(design.T @ design)[1, 1])
    return beta[1], stats.t.ppf(0.975, free) * sd


@pytest.mark.parametrize("name", sorted(INTEGRATORS))
def test_observed_weak_order_interval_holds_the_declared_order(name):
    counts = np.array([64, 90, 128, 181, 256, 362, 512, 724, 1024]) * (2 if name == "edm" else 1)  # churn: gamma = 10/N
    errors = np.array([weak_error(name, int(count)) for count in counts])
    assert (np.diff(errors) < 0).all()
    first, _ = fitted_order(counts, errors, 1)
    order, half = fitted_order(counts, errors, 2)
    half += abs(order - first)  # what the truncation of the correction series may still hide
    assert half < 0.002
    assert abs(order - INTEGRATORS[name].weak_order) <= half


class Twice(Integrator):
    """A user's own: two exponential Euler half steps' contraction, no noise."""

    name = "twice"

    def coefficients(self, schedule):
        return Coefficients(schedule.sigma, torch.exp(-2 * schedule.h), 0 * schedule.h)


def test_own_integrator_objects_pass_and_unknown_names_do_not():
    own = Twice()
    assert get_integrator(own) is own
    with pytest.raises(ValueError, match="integrator must be .*exponential_euler"):
        get_integrator("rk4")
    with pytest.raises(ValueError, match="integrator"):
        get_integrator(None)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: KadkhodaieSimoncelli(h0=0.0), "h0"),
        (lambda: KadkhodaieSimoncelli(h0=1.5), "h0"),
        (lambda: KadkhodaieSimoncelli(beta=0.0), "beta"),
        (lambda: KadkhodaieSimoncelli(sigma_stop=-1.0), "sigma_stop"),
        (lambda: KadkhodaieSimoncelli(sigma_stop=9.0).coefficients(Schedule.proportional(4.0, 0.05)), "sigma_stop"),
        (lambda: KadkhodaieSimoncelli().coefficients(GENERAL), "beta"),
        (lambda: EDMChurn(s_churn=-1.0), "s_churn"),
        (lambda: EDMChurn(s_min=math.inf), "s_min"),
        (lambda: EDMChurn(s_max=math.nan), "s_max"),
        (lambda: EDMChurn(s_noise=0.0), "s_noise"),
        (lambda: KadkhodaieSimoncelli(h0=1e-9, beta=1e-6).coefficients(GENERAL), "h0"),
        (
            lambda: KadkhodaieSimoncelli(h0=None, beta=0.2).coefficients(Schedule.proportional(4.0, 0.05, steps=19)),
            "at least 20",
        ),
    ],
)
def test_bad_arguments_are_named(build, word):
    with pytest.raises(ValueError, match=word):
        build()


@pytest.mark.parametrize("name", sorted(OWN_RECURSION))
def test_the_package_runs_the_recursion_written_by_hand(name):
    """Variances of blind and conditional runs at d = 10^9, where a blind denoiser knows the level exactly."""
    n, scale = 100_000, float(SCALES[1])
    law = manifolds.make("gaussian", dim=2, ambient=10**9, scale=scale, reduced=True)
    schedule = Schedule.proportional(8.0, 0.1, a=0.3, steps=6)
    start = law.add_noise(law.sample(n, stream(3, "x")), 8.0, stream(3, "z"))
    expected = OWN_RECURSION[name](schedule)[1]
    assert abs(expected / (scale**2 + 0.01) - 1) > 0.012  # more than the interval below: the step error is seen
    for f in (ConditionalDenoiser(law), BlindDenoiser(law, NoisePrior.power(-1.0, 0.02, 40.0))):
        run = sample(f, law, schedule, n, stream(3, name), name, start=start)
        low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], 2 * n) / (2 * n)
        assert low <= float(run.y[:, :2].square().mean()) / expected <= high
        assert float(run.y[:, 2].mean()) / math.sqrt(1e9) == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("name", ["ancestral_large", "ddpm"])
def test_blind_runs_of_inconsistent_coefficients_assume_the_true_level(name):
    """Conditional: levels as told. Blind, d = 10^9: the level is sqrt(v_i) of the variance recursion."""
    n, scale = 20_000, 0.7
    law = manifolds.make("gaussian", dim=2, ambient=10**9, scale=scale, reduced=True)
    schedule = Schedule.proportional(8.0, 0.1, a=0.5, steps=9)
    steps = get_integrator(name).coefficients(schedule)
    start = law.add_noise(law.sample(n, stream(4, "x")), 8.0, stream(4, "z"))
    told = steps.levels**2, steps.normal_variance()
    for f, levels in zip((ConditionalDenoiser(law), BlindDenoiser(law, NoisePrior.power(-1.0, 0.02, 40.0))), told):
        variance = scale**2 + 64.0
        for level2, c, noise in zip(levels.tolist(), steps.contraction.tolist(), steps.noise_variance.tolist()):
            keep = scale**2 / (scale**2 + level2)
            variance = (keep + c * (1 - keep)) ** 2 * variance + noise
        run = sample(f, law, schedule, n, stream(4, name), name, start=start)
        low, high = stats.chi2.ppf([5e-4, 1 - 5e-4], 2 * n) / (2 * n)
        assert low <= float(run.y[:, :2].square().mean()) / variance <= high


def test_ddpm_is_exact_for_standard_normal_data_at_any_number_of_steps():
    """y / sqrt(1 + sigma^2) is then N(0, I) at every level, told or not."""
    steps = get_integrator("ddpm").coefficients(Schedule.karras(8.0, 0.1, steps=5))
    variance = 65.0
    for level, c, noise in zip(steps.levels.tolist(), steps.contraction.tolist(), steps.noise_variance.tolist()):
        keep = 1 / (1 + level**2)
        variance = (keep + c * (1 - keep)) ** 2 * variance + noise
    assert variance == pytest.approx(1.01, rel=1e-12)


def test_edm_without_churn_is_heun_and_churns_inside_its_range_only():
    schedule = Schedule.karras(8.0, 0.1, steps=6)
    plain, own = get_integrator("heun").coefficients(schedule), EDMChurn(s_churn=0.0).coefficients(schedule)
    assert torch.equal(own.levels, plain.levels) and torch.equal(own.contraction, plain.contraction)
    part = EDMChurn(s_churn=60.0, s_min=0.5, s_max=4.0, s_noise=1.1).coefficients(schedule)
    inside = (schedule.sigma >= 0.5) & (schedule.sigma <= 4.0)
    close(part.levels, torch.where(inside, math.sqrt(2) * schedule.sigma, schedule.sigma))
    close(part.churn_variance, torch.where(inside, 1.21 * schedule.sigma**2, 0.0))
    assert not part.normal_consistent


@pytest.mark.parametrize("name", ["edm", "dpm_solver_2m", "randomised_midpoint"])
def test_methods_with_noise_or_memory_of_their_own_are_neither_adaptive_nor_coupled(name):
    law, schedule = manifolds.make("gaussian", dim=1, ambient=5), Schedule.proportional(4.0, 0.1, steps=4)
    with pytest.raises(ValueError, match=f"adaptive must be False for {name}"):
        sample(ConditionalDenoiser(law), law, schedule, 2, stream(0), name, adaptive=True)
    if name != "dpm_solver_2m":
        with pytest.raises(ValueError, match=f"coupled for {name}"):
            sample(
                ConditionalDenoiser(law), law, schedule, 2, stream(0), name, noise=BrownianNoise(schedule, stream(0))
            )


def test_a_randomised_midpoint_cannot_carry_a_normal_part_in_reduced_form():
    with pytest.raises(ValueError, match="reduced=False"):
        sample(
            lambda y: 0.5 * y,
            Space(5, 1, reduced=True),
            Schedule.proportional(4.0, 0.1, steps=4),
            2,
            stream(0),
            "randomised_midpoint",
        )


def test_heun_step_is_the_trapezium_of_two_slopes():
    """dy/dsigma = (y - f)/sigma, in numpy: Y+ = Y + (sigma_+ - sigma)/2 (slope at Y + slope at the Euler point)."""
    rng = np.random.default_rng(6)
    y = rng.standard_normal((5, 3))
    steps = get_integrator("heun").coefficients(Schedule.from_levels([3.0, 1.2]))

    def f(v, sigma):
        return np.tanh(v) / (1 + sigma)

    slope = (y - f(y, 3.0)) / 3.0
    ahead = y + (1.2 - 3.0) * slope
    expected = y + (1.2 - 3.0) / 2 * (slope + (ahead - f(ahead, 1.2)) / 1.2)

    def torch_f(v, sigma):
        return torch.tanh(v) / (1 + sigma)

    point = torch.from_numpy(y)
    close(get_integrator("heun").mean(point, torch_f(point, 3.0), 0, steps, torch_f), expected, rtol=1e-13)
