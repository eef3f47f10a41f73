"""The error ledger against closed forms, quadrature over chi-square laws, and its own undivided total."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

import manifolds
from analysis.ledger import direct_total, ledger
from analysis.ledger.initial import initial_term
from analysis.ledger.telescope import telescope_term
from analysis.samplers import Schedule, get_integrator
from analysis.theory.discretisation import gaussian_discretisation
from manifolds import Law, stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, as_denoiser
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture

Z = 3.290527  # 99.9 %


def gaussian(dim=4, ambient=200, scale=1.0, reduced=True):
    return manifolds.make("gaussian", dim=dim, ambient=ambient, reduced=reduced, scale=scale)


def mixture(ambient=20, reduced=True):
    return manifolds.make("mixture", dim=2, ambient=ambient, reduced=reduced)


def two_bumps(ambient=30):
    """1/3 N(-1, .2^2) + 2/3 N(2, .5^2) on a line: no closed-form MMSE, a mean that is not zero."""
    parts = [
        Component(IsotropicGaussian(1, s), None, torch.tensor([c], dtype=torch.float64))
        for c, s in ((-1.0, 0.2), (2.0, 0.5))
    ]
    return Law(Mixture(parts, [1 / 3, 2 / 3]), ambient, reduced=True)


def perturbed(f):
    """A smooth wrong denoiser, for dense and reduced points alike."""
    return lambda y: 0.93 * f(y) + 0.02 * torch.sin(y)


# -- init -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.3, 1.0, [0.5, 2.0, 4.0, 0.1]])
@pytest.mark.parametrize("sigma", [0.5, 5.0, 500.0])
def test_init_of_a_gaussian_is_the_closed_form(scale, sigma):
    """(1/2) sum_i (r_i - log(1 + r_i)), r_i = s_i^2 / sigma^2."""
    scales = np.broadcast_to(scale, 4)
    r = scales**2 / sigma**2
    term = initial_term(gaussian(scale=scale), sigma, 2, stream(0))
    assert term.standard_error == 0
    assert term.value == pytest.approx(0.5 * float((r - np.log1p(r)).sum()), rel=1e-8)


@pytest.mark.parametrize("sigma", [1.0, 6.0])
def test_init_by_monte_carlo_is_the_quadrature_value(sigma):
    def density(u):
        return sum(
            w * stats.norm.pdf(u, c, math.hypot(s, sigma)) for w, c, s in ((1 / 3, -1.0, 0.2), (2 / 3, 2.0, 0.5))
        )

    def integrand(u):
        return density(u) * math.log(density(u) / stats.norm.pdf(u, 1.0, sigma))

    exact = quad(integrand, -12 * sigma, 12 * sigma, epsabs=1e-12, limit=400)[0]
    term = initial_term(two_bumps(), sigma, 40_000, stream(1, sigma))
    assert abs(term.value - exact) <= Z * term.standard_error
    assert term.standard_error < 0.05 * exact


# -- discretisation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [2, 16, 128])
def test_telescope_of_a_gaussian_is_adaptive_quadrature_of_its_mmse_curve(steps):
    scales = [0.5, 2.0, 4.0, 0.1]
    law, schedule = gaussian(scale=scales), Schedule.karras(10.0, 0.05, a=0.5, steps=steps)

    def mmse(level):
        return sum(s * s * level**2 / (s * s + level**2) for s in scales)

    sigma, h = schedule.sigma.tolist(), schedule.h.tolist()
    for i in (0, steps // 2, steps - 1):
        expected = quad(
            lambda t: (mmse(sigma[i]) - mmse(sigma[i] * math.exp(-t / 2))) / (2 * sigma[i] ** 2 * math.exp(-t)),
            0,
            h[i],
            epsabs=0,
            epsrel=1e-10,
        )[0]
        assert float(telescope_term(law, schedule).per_step[i]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("steps", [8, 64, 2048])
def test_telescope_of_few_and_of_many_steps_is_the_closed_form(steps):
    """Of many steps the MMSE curve is interpolated, of few it is not."""
    schedule = Schedule.proportional(20.0, 0.02, 0.5, steps)
    exact = gaussian_discretisation(schedule.sigma.numpy(), 4, 1.0)
    assert telescope_term(gaussian(), schedule).value == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    "law", [gaussian(dim=2, ambient=9, scale=[0.4, 2.0]), mixture(), two_bumps()], ids=lambda law: law.name
)
def test_telescope_equals_the_direct_simulation_of_the_ideal_process(law):
    """D2: the martingale form against E|f_{sigma_t}(X_t) - f_{sigma_i}(X_i)|^2, from different samples."""
    schedule = Schedule.proportional(8.0, 0.05, a=0.5, steps=16)
    conditional = ConditionalDenoiser(law)
    split = ledger(law, conditional, schedule, 6000, stream(2, "split"))
    whole = direct_total(law, conditional, schedule, 6000, stream(2, "whole"))
    assert split.blind.value == split.learning.value == split.cross.value == 0.0
    discretisation = float(whole.per_step.sum())
    error = math.hypot(split.discretisation.standard_error, float(whole.per_step_error.square().sum().sqrt()))
    assert abs(split.discretisation.value - discretisation) <= Z * error
    assert error < 0.012 * discretisation


def linear_discretisation(schedule, i, scale):
    """int E|f_t(X_t) - f_i(X_i)|^2 / (4 a_t) dt over step i, one axis, from the linear dynamics of the ideal process."""
    a, start = schedule.proportion, float(schedule.sigma[i])

    def integrand(t):
        level2 = start**2 * math.exp(-2 * (1 - a) * t)
        now, then = scale**2 + level2, scale**2 + start**2
        memory = (now / then) ** (1 / (2 * (1 - a)))
        keep, kept = scale**2 / now, scale**2 / then
        return (keep**2 * now + kept**2 * then - 2 * keep * kept * memory * then) / (4 * a * level2)

    return quad(integrand, 0, float(schedule.h[i]), epsabs=0, epsrel=1e-10)[0]


@pytest.mark.parametrize("a", [0.2, 0.8])
def test_discretisation_at_general_a_is_that_of_the_linear_dynamics(a):
    law, schedule = gaussian(dim=3, ambient=50), Schedule.proportional(6.0, 0.1, a=a, steps=8)
    result = ledger(law, ConditionalDenoiser(law), schedule, 4000, stream(3, a), substeps=16)
    exact = np.array([3 * linear_discretisation(schedule, i, 1.0) for i in range(8)])
    gap = np.asarray(result.discretisation.per_step) - exact
    error = np.asarray(result.discretisation.per_step_error)
    assert (np.abs(gap) <= 3.9 * error + 0.004 * exact).all()  # .4 %: what the fine grid may leave
    assert abs(gap.sum()) <= Z * result.discretisation.standard_error + 0.004 * exact.sum()
    assert result.discretisation.standard_error < 0.015 * exact.sum()


@pytest.mark.parametrize("a", [0.2, 0.8])
def test_discretisation_and_gap_are_correlated_as_in_the_linear_dynamics(a):
    """f^(y) = .3 u: int 2 E<f_t(X_t) - f_i(X_i), f_i(X_i) - f^(X_i)> / (4 a_t) dt in closed form but for one quadrature."""
    law, schedule = gaussian(dim=3, ambient=50), Schedule.proportional(6.0, 0.1, a=a, steps=8)
    result = ledger(law, lambda y: 0.3 * torch.cat([y[:, :3], 0 * y[:, 3:]], dim=1), schedule, 4000, stream(17, a))
    exact = []
    for start, h in zip(schedule.sigma[:-1].tolist(), schedule.h.tolist()):
        then = 1 + start**2

        def integrand(t):
            level2 = start**2 * math.exp(-2 * (1 - a) * t)
            moved = ((1 + level2) / then) ** (1 / (2 * (1 - a))) / (1 + level2) - 1 / then
            return 2 * 3 * moved * (1 / then - 0.3) * then / (4 * a * level2)

        exact.append(quad(integrand, 0, h, epsabs=0, epsrel=1e-10)[0])
    gap = np.asarray(result.cross_steps.per_step) - exact
    assert (np.abs(gap) <= 3.9 * np.asarray(result.cross_steps.per_step_error) + 0.004 * np.abs(exact)).all()
    assert abs(sum(exact)) > 20 * result.cross_steps.standard_error


def test_general_form_at_a_half_equals_the_martingale_form():
    """The same injection, once recognised as a = 1/2 and once given as a function of time."""
    law, half = mixture(), Schedule.proportional(8.0, 0.2, a=0.5, steps=10)
    given = Schedule.from_injection(lambda t: 32.0 * torch.exp(-t), 8.0, half.horizon, 10)
    f = perturbed(BlindDenoiser(law, NoisePrior.aligned(half)))
    first = ledger(law, f, half, 3000, stream(4, "half"))
    second = ledger(law, f, given, 3000, stream(4, "given"))
    for name in ("blind", "discretisation", "learning", "cross", "total"):
        one, two = getattr(first, name), getattr(second, name)
        assert abs(one.value - two.value) <= Z * math.hypot(one.standard_error, two.standard_error)
    assert abs(second.cross_steps.value) <= Z * second.cross_steps.standard_error


# -- blind ----------------------------------------------------------------------------------------------------------


def chi2_nodes(df, count):
    """Midpoint nodes in probability: equal weights."""
    return stats.chi2.ppf((np.arange(count) + 0.5) / count, df)


def test_blind_term_of_a_gaussian_is_the_quadrature_over_its_two_radii():
    """f* for the discrete aligned prior, from |u|^2 ~ (s^2 + sigma_i^2) chi2_k and rho^2 ~ sigma_i^2 chi2_n alone."""
    k, n = 3, 9
    law, schedule = gaussian(dim=k, ambient=k + n, scale=1.3), Schedule.karras(6.0, 0.1, a=0.5, steps=12)
    result = ledger(law, BlindDenoiser(law, NoisePrior.aligned(schedule)), schedule, 20_000, stream(5))
    sigma2, weight = np.asarray(schedule.sigma[:-1]) ** 2, np.asarray(schedule.kl_weights)
    total2, keep = 1.69 + sigma2, 1.69 / (1.69 + sigma2)
    expected = []
    for i in range(12):
        u2 = (total2[i] * chi2_nodes(k, 600))[:, None, None]
        rho2 = (sigma2[i] * chi2_nodes(n, 600))[None, :, None]
        log_mu = (
            np.log(weight) - k / 2 * np.log(total2) - n / 2 * np.log(sigma2) - u2 / (2 * total2) - rho2 / (2 * sigma2)
        )
        mu = np.exp(log_mu - log_mu.max(axis=2, keepdims=True))
        mean = (mu * keep).sum(2) / mu.sum(2)
        expected.append(weight[i] * (u2[:, :, 0] * (keep[i] - mean) ** 2).mean())
    gap = np.asarray(result.blind.per_step) - expected
    assert (np.abs(gap) <= 3.9 * np.asarray(result.blind.per_step_error) + 1e-3 * np.array(expected)).all()
    assert abs(result.blind.value - sum(expected)) <= Z * result.blind.standard_error
    assert result.blind.standard_error < 0.01 * result.blind.value


@pytest.mark.parametrize("ambient", [2000, 10**9])
def test_price_of_blindness_of_a_gaussian_under_the_continuous_prior(ambient):
    """Derived here, to leading order in 1/n, n = d - k: step i costs (e^h - 1) k/(2n) 2 v / (1 + v)^3, v = sigma_i^2 / s^2.

    E|f_sigma - f*|^2 is E|df / dlog sigma|^2 times the posterior variance 1/(2n) of log sigma, and w_i = (e^h - 1) / (2 sigma_i^2).
    As h -> 0 over a wide range the sum is k / (2 (d - k)), whatever s and the levels.
    """
    k, schedule = 8, Schedule.proportional(100.0, 0.01, a=0.5, steps=64)
    n, h = ambient - k, float(schedule.h[0])
    law = gaussian(dim=k, ambient=ambient)
    prior = NoisePrior.power(-3.0, low=0.009, high=110.0)
    result = ledger(law, BlindDenoiser(law, prior), schedule, 6000, stream(6, ambient))
    v = np.asarray(schedule.sigma[:-1]) ** 2
    expected = math.expm1(h) * k / (2 * n) * float((2 * v / (1 + v) ** 3).sum())
    assert expected * h / math.expm1(h) == pytest.approx(k / (2 * n), rel=1e-3)
    assert abs(result.blind.value - expected) <= Z * result.blind.standard_error
    assert result.blind.standard_error < 0.01 * expected


# -- the sum --------------------------------------------------------------------------------------------------------

SUMS = {
    "gaussian dense": gaussian(dim=2, ambient=12, reduced=False),
    "gaussian": gaussian(dim=3, ambient=40),
    "mixture": mixture(),
    "two bumps": two_bumps(),
}


@pytest.mark.parametrize("a", [0.5, 0.3])
@pytest.mark.parametrize("name", sorted(SUMS))
def test_terms_add_up_to_the_undivided_path_kl(name, a):
    """L1 with a perturbed denoiser: the sum, and the direct Monte Carlo of the integrand from other samples, agree."""
    law, schedule = SUMS[name], Schedule.proportional(10.0, 0.05, a=a, steps=8)
    f = perturbed(BlindDenoiser(law, NoisePrior.aligned(schedule)))
    result = ledger(law, f, schedule, 2500, stream(7, name, a))
    direct = direct_total(law, f, schedule, 2500, stream(8, name, a))
    parts = sum(getattr(result, term).value for term in ("init", "blind", "discretisation", "learning", "cross"))
    assert result.total.value == pytest.approx(parts, rel=1e-12)
    error = math.hypot(result.total.standard_error, direct.standard_error)
    assert abs(result.total.value - direct.value) <= Z * error
    assert error < 0.02 * direct.value
    assert abs(result.cross_prior.value) <= Z * result.cross_prior.standard_error
    if a == 0.5:
        assert result.cross_steps.value == 0.0


def test_terms_add_up_without_a_cross_term_at_every_number_of_steps():
    """The aligned prior is made for its grid: few steps have no cross term either."""
    law = mixture()
    for steps in (1, 2, 3, 32):
        schedule = Schedule.proportional(10.0, 0.05, a=0.5, steps=steps)
        f = perturbed(BlindDenoiser(law, NoisePrior.aligned(schedule)))
        result = ledger(law, f, schedule, 2000, stream(9, steps), reference="aligned")
        assert abs(result.cross.value) <= Z * result.cross.standard_error
        assert result.cross.standard_error < 0.01 * result.total.value


def test_the_cross_term_does_not_vanish_for_another_prior():
    """Power control of the previous test: against f* of a prior flat in sigma the error and the gap are correlated."""
    law, schedule = mixture(ambient=12), Schedule.proportional(10.0, 0.05, a=0.5, steps=16)
    f = as_denoiser(perturbed(BlindDenoiser(law, NoisePrior.aligned(schedule))), law.space)
    result = ledger(law, f, schedule, 2000, stream(10), reference=NoisePrior.power(0.0, 0.05, 10.0))
    assert abs(result.cross.value) > 5 * result.cross.standard_error
    undivided = ledger(law, f, schedule, 2000, stream(10), reference=f)  # the same samples, all of the gap called blind
    parts = result.blind.per_step + result.learning.per_step + result.cross.per_step
    torch.testing.assert_close(parts, undivided.blind.per_step, rtol=1e-10, atol=0)


def test_learning_is_the_quadratic_in_the_size_of_the_perturbation():
    """f^ = f* + t g has learning t^2 sum_i w_i E|g|^2 and the blind term of f* (same samples)."""
    law, schedule = gaussian(dim=2, ambient=30), Schedule.proportional(10.0, 0.1, a=0.5, steps=8)
    best = BlindDenoiser(law, NoisePrior.aligned(schedule))

    def pushed(t):
        return lambda y: best(y) + t * torch.cos(y)

    one, two = (ledger(law, pushed(t), schedule, 500, stream(11), reference="aligned") for t in (0.1, 0.2))
    assert two.learning.value == pytest.approx(4 * one.learning.value, rel=1e-9)
    assert two.cross.value == pytest.approx(2 * one.cross.value, rel=1e-9)
    assert two.blind.value == pytest.approx(one.blind.value, rel=1e-12)


def test_references_by_name_prior_and_denoiser_agree():
    law, schedule = gaussian(dim=2, ambient=30), Schedule.proportional(10.0, 0.1, a=0.5, steps=8)
    best = BlindDenoiser(law, NoisePrior.aligned(schedule))
    f = perturbed(best)
    results = [
        ledger(law, f, schedule, 200, stream(12), reference=reference)
        for reference in (None, "aligned", NoisePrior.aligned(schedule), best)
    ]
    assert len({(r.blind.value, r.learning.value, r.cross.value) for r in results}) == 1
    own = ledger(law, best, schedule, 200, stream(12))
    assert own.learning.value == 0.0 and own.blind.value == pytest.approx(results[0].blind.value, rel=1e-12)


@pytest.mark.parametrize("a", [0.25, 0.5, 0.75])
def test_exact_divergence_of_a_conditional_gaussian_run_lies_below_the_certificate(a):
    """L2 in closed form: the run's law by the variance recursion, from N(0, sigma_0^2); k h^2 / 16 to leading order."""
    k, law = 4, gaussian()
    ratios = []
    for count in (160, 320):
        schedule = Schedule.proportional(50.0, 0.01, a=a, steps=count)
        steps = get_integrator("exponential_euler").coefficients(schedule)
        variance = 50.0**2
        for level, c, noise in zip(steps.levels.tolist(), steps.contraction.tolist(), steps.noise_variance.tolist()):
            keep = 1 / (1 + level**2)
            variance = (keep + c * (1 - keep)) ** 2 * variance + noise
        r = (1 + 0.01**2) / variance
        divergence = k / 2 * (r - 1 - math.log(r))
        ratios.append(divergence / (k * float(schedule.h[0]) ** 2 / 16))
        if count == 160:
            certificate = ledger(law, ConditionalDenoiser(law), schedule, 20, stream(13, a)).total
            assert divergence < certificate.interval()[0]
    assert 2 * ratios[1] - ratios[0] == pytest.approx(1.0, abs=0.01)


def test_dense_and_reduced_ledgers_agree_for_a_law_that_fills_the_normal_directions():
    schedule = Schedule.proportional(10.0, 0.05, a=0.5, steps=16)
    results = []
    for reduced in (False, True):
        law = manifolds.make("two_scale", dim=2, ambient=12, reduced=reduced)
        f = BlindDenoiser(law, NoisePrior.aligned(schedule))
        if reduced:
            with pytest.raises(ValueError, match="law must be dense"):
                direct_total(law, f, schedule, 10, stream(16))
        results.append(ledger(law, f, schedule, 3000, stream(16, reduced)))
    dense, reduced = results
    for name in ("init", "blind", "discretisation", "total"):
        one, two = getattr(dense, name), getattr(reduced, name)
        assert abs(one.value - two.value) <= Z * math.hypot(one.standard_error, two.standard_error) + 1e-9 * abs(
            one.value
        )


@pytest.mark.parametrize(
    "law", [gaussian(), mixture(), mixture(reduced=False)], ids=["gaussian", "mixture", "dense mixture"]
)
@pytest.mark.parametrize("blind", [True, False])
def test_steps_evaluated_together_and_one_by_one_agree(law, blind, monkeypatch):
    """Of 10 steps of 50 samples, 2 are evaluated together (the last ones too), or each on its own; draws are those of each step."""
    run = Schedule.proportional(5.0, 0.05, 0.5, 10)
    f = BlindDenoiser(law, NoisePrior.aligned(run)) if blind else ConditionalDenoiser(law)
    found = []
    for rows in (100, 1):
        monkeypatch.setattr("analysis.ledger.calculation._ROWS", rows)
        seen = []
        found.append(ledger(law, f, run, 50, stream(0, "together"), callback=seen.append))
        assert seen == list(range(10))
    for name in ("blind", "discretisation", "learning", "cross", "total"):
        pair = [getattr(terms, name) for terms in found]
        assert torch.allclose(pair[0].per_step, pair[1].per_step, rtol=1e-9, atol=1e-12), name
        assert torch.allclose(pair[0].per_step_error, pair[1].per_step_error, rtol=1e-7, atol=1e-12), name


def test_rows_add_up_to_the_terms():
    law, schedule = gaussian(dim=2, ambient=30), Schedule.karras(10.0, 0.1, a=0.5, steps=8)
    result = ledger(law, perturbed(BlindDenoiser(law, NoisePrior.aligned(schedule))), schedule, 200, stream(14))
    rows = result.rows()
    for name in ("blind", "discretisation", "learning", "cross"):
        assert sum(row[name] for row in rows) == pytest.approx(getattr(result, name).value, rel=1e-12)
        by_density = sum(
            row[f"{name}_per_log_sigma"] * math.log(s / t)
            for row, s, t in zip(rows, schedule.sigma[:-1].tolist(), schedule.sigma[1:].tolist())
        )
        assert by_density == pytest.approx(getattr(result, name).value, rel=1e-9)
    assert [row["sigma"] for row in rows] == schedule.sigma[:-1].tolist()
    assert result.exact == ("init", "discretisation")
    assert result.total_variation == min(1.0, math.sqrt(result.total.value / 2))


LAW = gaussian(dim=2, ambient=10)
HALF = Schedule.proportional(10.0, 0.1, a=0.5, steps=4)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (dict(n=1), "n must"),
        (dict(n=0), "n must"),
        (dict(schedule=Schedule.proportional(10.0, 0.1, a=0.0, steps=4)), "schedule must inject"),
        (dict(denoiser=7), "denoiser"),
        (dict(reference="blind"), "reference"),
        (dict(reference=ConditionalDenoiser(LAW)), "reference must be blind"),
    ],
)
def test_bad_arguments_are_named_in_one_line(arguments, word):
    good = dict(law=LAW, denoiser=lambda y: y, schedule=HALF, n=10, stream=stream(15))
    with pytest.raises(ValueError, match=word) as caught:
        ledger(**{**good, **arguments})
    assert "\n" not in str(caught.value)
