"""The formulas of DERIVATIONS.md, those without a function of their own too, against the recursions and quadratures."""

import math
import re

import house
import numpy as np
import pytest
from scipy import integrate, optimize, stats

from analysis import registry
from analysis.theory import coefficients, discretisation, gaussian_run, grid

PAGE = (house.ROOT / "analysis" / "theory" / "DERIVATIONS.md").read_text()


def test_every_claim_that_the_page_names_is_registered():
    named = {c for line in re.findall(r"Claims?\s+([^.;()]*)", PAGE) for c in re.findall(r"\b[A-Z]\d+[a-z]?\b", line)}
    registered = {c.id for name in registry.NAMES for c in registry.load(name).claims}
    assert len(named) > 25 and named <= registered


def test_statements_are_numbered_in_order_and_say_where_they_are_checked():
    numbers = re.findall(r"^(?:- )?\*\*(\d\.\d+)", PAGE, flags=re.M)
    assert (
        numbers == sorted(numbers, key=lambda n: tuple(map(int, n.split("."))))
        and len(numbers) == len(set(numbers)) > 30
    )
    sections = re.split(r"^(?:- )?\*\*\d\.\d+", PAGE, flags=re.M)[1:]
    silent = [n for n, text in zip(numbers, sections) if not re.search(r"[Cc]laims?\s+[A-Z]|claimed|is computed", text)]
    assert silent in ([], ["2.1"])  # 2.1 is used by the next two


@pytest.mark.parametrize(("h", "edge"), [(0.15, 0.473), (0.3, 0.443), (0.5, 0.394), (0.75, 0.315), (1.0, 0.203)])
def test_sign_law_of_plain_euler(h, edge):
    """5.2: the true level ends below the schedule iff a < a*(h)."""
    found = optimize.brentq(lambda a: (1 - a) * (1 - h) ** 2 - math.exp(-2 * (1 - a) * h) + a, -0.5, 0.4999)
    assert np.isclose(found, edge, atol=6e-4)
    for a in (found - 0.05, found + 0.05):
        levels = np.exp(-(1 - a) * h * np.arange(300))
        q = math.exp(-2 * (1 - a) * h)
        end = coefficients.schedule_mismatch(levels, *coefficients.plain_euler(levels, a))[-1]
        assert np.isclose(math.exp(2 * end), a / (1 - a) * (1 - q) / (q - (1 - h) ** 2), rtol=1e-6, atol=0)
        assert (end < 0) == (a < found)


@pytest.mark.parametrize("n", [100, 10_000])
def test_inconsistent_coefficients_need_steps_of_order_root_n(n):
    """5.3: eta^2 = sigma^2 - sigma_+^2 with c = sigma_+^2/sigma^2 ends at the ratio 1/r."""

    def divergence(steps):
        levels = grid.constant_levels(20.0, 0.02, steps)
        ratio = (levels[1:] / levels[:-1]) ** 2
        eta = np.sqrt(levels[:-1] ** 2 - levels[1:] ** 2)
        end = coefficients.noise_variance(ratio, eta, levels[0] ** 2)[-1]
        assert np.isclose(end, levels[-1] ** 2 / ratio[0], rtol=0.02, atol=0)
        return gaussian_run.gaussian_divergence(levels[-1] ** 2, end, n)

    expected = math.log(1000) * math.sqrt(n / 0.01)
    assert divergence(int(0.99 * expected)) > 0.01 > divergence(int(1.01 * expected))


def test_the_certificate_is_attained_by_a_constant_error():
    """3.10, by the linear run itself: frozen steps are exact for a constant f."""
    start, end, c = 3.0, 0.5, 0.7
    levels = grid.constant_levels(start, end, 7)
    shrink, eta = coefficients.ancestral(levels)
    mean, variance = 0.0, start**2
    for a, b in zip(shrink, eta):
        mean, variance = c + a * (mean - c), a**2 * variance + b**2
    path = c**2 * integrate.quad(lambda sigma: sigma**-3, end, start)[0]
    marginal = mean**2 / (2 * end**2)
    assert np.isclose(variance, end**2, rtol=1e-12, atol=0)
    assert np.isclose(marginal / path, 1 - (end / start) ** 2, rtol=1e-10, atol=0)
    small = 2 * stats.norm.cdf(1e-4 * mean / (2 * end)) - 1
    assert np.isclose(small / math.sqrt(1e-8 * marginal / 2), math.sqrt(2 / math.pi), rtol=1e-6, atol=0)


def test_half_a_step_a_nat():
    """4.2: disc = (h/2)[I - k_eff/2], first order in h, Gaussian k = 2: .0921 at 512 steps."""

    def error(steps):
        h = 2 * math.log(1000) / steps
        gain = math.log1p(0.02**-2) - math.log1p(20.0**-2)
        effective = [discretisation.gaussian_mmse(s, 2, 1.0) / s**2 for s in (0.02, 20.0)]
        predicted = h / 2 * (gain - (effective[0] - effective[1]) / 2)
        if steps == 512:
            assert np.isclose(predicted, 0.0921, atol=5e-5)
        return discretisation.gaussian_discretisation(grid.constant_levels(20.0, 0.02, steps), 2, 1.0) / predicted - 1

    assert 0 < error(512) < 0.01 and np.isclose(error(512) / error(1024), 2.0, rtol=0.02, atol=0)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_constant_steps_are_minimax(scale):
    """4.3 and 4.4: best grid <= constant grid <= k L^2 (1 + 1/L)/(4N) for every law with lambda mmse <= k."""
    span, steps = 2 * math.log(1000), 4000
    best = grid.gaussian_optimal_limit(3, scale, 20.0, 0.02) / steps
    constant = discretisation.gaussian_discretisation(grid.constant_levels(20.0, 0.02, steps), 3, scale)
    assert best < constant * (1 + 1e-3) and constant < 3 * span**2 * (1 + 1 / span) / (4 * steps)


@pytest.mark.parametrize("a", [0.0, 0.3, 0.7])
def test_one_frozen_step_misses_the_gaussian_variance_by_its_defect(a):
    """4.5: exactly -sigma^2 g (1-c)^2."""
    s, levels = 1.3, np.array([1.0, 0.9])
    c, eta = coefficients.exponential_euler(levels, a)
    after = gaussian_run.run_variances(c, eta, levels, s, start_variance=s**2 + 1)[0][1]
    assert np.isclose(after - (s**2 + 0.81), -(s**2) / (s**2 + 1) * (1 - c[0]) ** 2, rtol=1e-10, atol=0)


def test_price_of_a_velocity_prediction():
    """6.3: the integral in closed form."""

    def primitive(sigma):
        return 0.5 * (math.log(sigma / (1 + sigma)) + 1 / (1 + sigma))

    price, _ = integrate.quad(lambda s: 0.5 / (s * (1 + s) ** 2), 0.02, 20.0)
    assert np.isclose(primitive(20.0) - primitive(0.02), price, rtol=1e-10, atol=0)


@pytest.mark.parametrize(("power", "factor"), [(1, 0.5), (2, 2.0)])
def test_what_a_prediction_loses_by_not_knowing_the_level(power, factor):
    """6.1 and 6.2: n Var(sigma^p E[w^-p | y]) -> 1/2 for p = 1 and 2 for p = 2, lambda | y a Gamma law."""
    n = 4000
    nodes = np.linspace(-8, 8, 4001) * math.sqrt(2 * n) + n
    weight = stats.chi2.pdf(nodes, n)
    shape = n / 2 + 1
    moment = np.exp(np.array([math.lgamma(shape + power / 2) - math.lgamma(shape)])) * (nodes / 2) ** (-power / 2)
    mean_square = weight @ (nodes * (1 - moment) ** 2) / weight.sum()
    assert np.isclose(mean_square, factor, rtol=5e-3, atol=0)


@pytest.mark.parametrize(("n", "spacing"), [(2000, 0.03), (2000, 0.05), (200_000, 0.004)])
def test_a_fixed_grid_of_levels_misses_a_peak_by_what_poisson_summation_says(n, spacing):
    """2.6: worst place of a Gaussian bump of width 1/sqrt(2n) on a grid."""
    width = 1 / math.sqrt(2 * n)
    nodes = spacing * np.arange(-400, 401)
    sums = [spacing * stats.norm.pdf(nodes, shift * spacing, width).sum() for shift in np.linspace(0, 0.5, 51)]
    assert max(np.abs(np.array(sums) - 1)) == pytest.approx(2 * math.exp(-(math.pi**2) / (n * spacing**2)), rel=0.03)


def test_squared_defects_at_n_steps_go_as_one_over_one_minus_a_squared():
    """5.7: the recursion of 4.5 on geometric levels; the defect is -L/(2(1-a)N)."""
    span = math.log(1e8)
    for a in (0.2, 0.5):
        for steps in (2000, 8000):
            levels = 1e4 * np.exp(-span * np.arange(steps + 1) / steps)
            h = span / steps / (1 - a)
            u = 1 + levels[0] ** 2
            for now, after in zip(levels[:-1], levels[1:], strict=True):
                share = now**2 / (1 + now**2)
                c = math.exp(-h)
                u = (1 - share * (1 - c)) ** 2 * u + after**2 - c**2 * now**2
            defect = u / (1 + levels[-1] ** 2) - 1
            assert defect == pytest.approx(-span / (2 * (1 - a) * steps), rel=0.02)


def test_a_normal_part_moves_the_level_by_the_sum_that_is_forgotten():
    """5.8: first order in delta, against the recursion for v."""
    a, h, steps, delta = 0.3, 0.2, 40, 1e-5 * np.cos(np.arange(40.0))
    levels = 10 * np.exp(-(1 - a) * h * np.arange(steps + 1))
    c, v, x = math.exp(-h), levels[0] ** 2, 0.0
    for i in range(steps):
        eta2 = levels[i + 1] ** 2 - c**2 * levels[i] ** 2
        v = (c + (1 - c) * delta[i]) ** 2 * v + eta2
        x = math.exp(-2 * a * h) * (x + delta[i] * (1 - c) / c)
    assert math.log(v / levels[-1] ** 2) / 2 == pytest.approx(x, rel=1e-3)
