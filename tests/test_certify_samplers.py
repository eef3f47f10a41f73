"""`certify_sampler`: planted faults of integrators are named, with their size; the registered ones are judged."""

import doctest
import math

import pytest

from analysis.certify import certify_sampler, samplers
from analysis.samplers import INTEGRATORS, Schedule, get_integrator
from analysis.samplers.integrators import Ancestral, ExponentialEuler, Heun
from analysis.theory.gaussian_run import run_variances

LOSE_THE_LEVEL = {"euler", "euler_maruyama", "score_freezing", "ancestral_large", "ddpm"}  # claim D6


def only(integrator):
    certificate = certify_sampler(integrator)
    assert len(certificate.findings) == 1, str(certificate)
    return certificate.findings[0]


@pytest.mark.parametrize("name", sorted(set(INTEGRATORS) - LOSE_THE_LEVEL - {"kadkhodaie_simoncelli"}))
def test_methods_that_keep_the_level_are_cleared(name):
    certificate = certify_sampler(name)
    assert certificate.ok, str(certificate)
    assert certificate.exponent_in_d == 0 and str(certificate).endswith("no finding")


@pytest.mark.parametrize("name", ["euler", "ddpm"])
def test_a_level_that_is_lost_has_its_size(name):
    """Against v+ = c^2 v + eta^2, written out in `theory`."""
    finding = only(name)
    schedule = Schedule.proportional(10.0, 0.1, steps=16)
    steps = get_integrator(name).coefficients(schedule)
    c, eta = steps.contraction.numpy(), steps.noise_variance.sqrt().numpy()
    _, normal = run_variances(c, eta, schedule.sigma.numpy(), 0.7)
    assert finding.kind == "level_not_kept"
    assert finding.size == pytest.approx(math.sqrt(normal[-1]) / 0.1 - 1, rel=1e-6)


@pytest.mark.parametrize(("name", "p"), [("heun", 0.0), ("euler", 0.25), ("ancestral_large", 0.5)])
def test_steps_grow_with_d_as_the_level_is_lost(name, p):
    assert certify_sampler(name).exponent_in_d == pytest.approx(p, abs=0.03)


class WrongLast(Heun):
    """Heun whose last step leaves the correction out."""

    name = "wrong_last"

    def mean(self, y, fy, i, steps, evaluate):
        first = fy + steps.contraction[i] * (y - fy)
        return first if i == steps.steps - 1 else super().mean(y, fy, i, steps, evaluate)


class ToZero(Ancestral):
    """Goes to noise level 0 in its last step."""

    name = "to_zero"

    def mean(self, y, fy, i, steps, evaluate):
        return fy if i == steps.steps - 1 else super().mean(y, fy, i, steps, evaluate)


def test_a_wrong_last_step_has_its_size():
    """The difference to Heun's own variance, by hand: on a line every step is a factor."""
    sigma, s2 = Schedule.proportional(10.0, 0.1, steps=16).sigma.tolist(), 0.2**2
    factors = []
    for a, b in zip(sigma[:-1], sigma[1:]):
        slope = a / (s2 + a * a)  # (y - f)/sigma of y = 1
        ahead = 1 + (b - a) * slope
        factors.append((1 + (b - a) / 2 * (slope + ahead * b / (s2 + b * b)), ahead))
    right = math.prod(f for f, _ in factors) ** 2
    wrong = right * (factors[-1][1] / factors[-1][0]) ** 2
    size = (wrong - right) * (s2 + 100.0) / (s2 + 0.01)
    finding = only(WrongLast())
    assert finding.kind == "wrong_last_step" and finding.size == pytest.approx(size, rel=0.2)


def test_a_last_step_to_zero_is_no_lost_level():
    finding = only(ToZero())
    assert finding.kind == "wrong_last_step"  # what is injected stays: 1 - c of the last variance
    assert finding.size == pytest.approx(-(0.01 ** (1 / 8)), rel=0.2)


class First(Heun):
    name = "first"

    def mean(self, y, fy, i, steps, evaluate):
        return fy + steps.contraction[i] * (y - fy)


def test_a_wrong_order_is_named():
    finding = only(First())
    assert finding.kind == "wrong_order" and finding.size == pytest.approx(1.0, rel=0.2)
    assert finding.low <= finding.size <= finding.high


class Raising(ExponentialEuler):
    def mean(self, y, fy, i, steps, evaluate):
        raise RuntimeError("out of\nmemory")


class Infinite(ExponentialEuler):
    def mean(self, y, fy, i, steps, evaluate):
        return fy / 0.0


class Narrow(ExponentialEuler):
    def mean(self, y, fy, i, steps, evaluate):
        return fy[:, :1]


class Restless(ExponentialEuler):
    calls = 0

    def mean(self, y, fy, i, steps, evaluate):
        Restless.calls += 1
        return super().mean(y, fy, i, steps, evaluate) * (1 + 1e-12 * Restless.calls)


@pytest.mark.parametrize(
    ("integrator", "kind"),
    [(Raising(), "raises"), (Infinite(), "not_finite"), (Restless(), "not_deterministic")],
)
def test_what_cannot_be_run_is_a_finding(integrator, kind):
    certificate = certify_sampler(integrator)
    assert certificate.kinds()[0] == kind
    assert all("\n" not in finding.sentence for finding in certificate.findings)


def test_a_wrong_shape_is_a_finding_and_no_traceback():
    assert not certify_sampler(Narrow()).ok


def test_a_churn_that_inflates_the_noise_is_seen():
    from analysis.samplers import EDMChurn

    finding = only(EDMChurn(s_noise=1.05))
    assert finding.kind == "level_not_kept" and finding.low < finding.size < finding.high


def test_few_steps_stand_in_the_rows():
    certificate = certify_sampler("heun")
    assert [row.steps for row in certificate.rows] == [1, 2, 3, 16, 32, 64, 128, 256]
    assert certificate.to_dict()["rows"][0]["steps"] == 1


def test_no_integrator_is_one_line():
    with pytest.raises(ValueError, match="^integrator must be") as problem:
        certify_sampler("nothing")
    assert "\n" not in str(problem.value)


def test_examples():
    assert doctest.testmod(samplers).failed == 0
