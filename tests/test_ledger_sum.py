"""The sum of the ledger's terms: against its own undivided total, over priors, references, schedules and batches."""

import math

import pytest
import torch

import manifolds
from analysis.ledger import Ledger, direct_total, ledger
from analysis.ledger.direct import perturbed
from analysis.samplers import Schedule, get_integrator
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
        # at one step f* is the conditional denoiser: the term is rounding alone
        assert abs(result.cross.value) <= Z * result.cross.standard_error + 1e-14 * result.total.value
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

    def moved(t):
        return lambda y: best(y) + t * torch.cos(y)

    one, two = (ledger(law, moved(t), schedule, 500, stream(11), reference="aligned") for t in (0.1, 0.2))
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
    """Of 10 steps of 50 samples, 2 are evaluated together (the last too), or each on its own; draws are the step's."""
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


def test_a_ledger_prints_its_terms_and_gives_them_as_a_table():
    law, schedule = gaussian(dim=2, ambient=30), Schedule.karras(10.0, 0.1, a=0.5, steps=8)
    result = ledger(law, perturbed(BlindDenoiser(law, NoisePrior.aligned(schedule))), schedule, 200, stream(14))
    lines = str(result).splitlines()
    assert [line.split()[0] for line in lines] == [
        "term", "init", "blind", "discretisation", "learning", "cross", "total", "total",
    ]  # fmt: skip
    assert float(lines[6].split()[1]) == pytest.approx(result.total.value, abs=5e-5)
    assert "exact" in lines[1] and "exact" in lines[3] and "exact" not in lines[2]
    assert "8 steps from sigma = 10 to 0.1, 200 samples" in lines[7]
    assert len(repr(result)) < 80
    table = result.to_frame()
    assert table["nats"].drop("total").sum() == pytest.approx(table.loc["total", "nats"], rel=1e-12)
    assert table.loc["learning", "standard_error"] == result.learning.standard_error
    assert list(table.index[table["exact"]]) == list(result.exact)
    steps = result.to_frame(steps=True)
    assert steps["learning"].sum() == pytest.approx(result.learning.value, rel=1e-12)
    assert steps["sigma"].to_list() == schedule.sigma[:-1].tolist()


def test_a_term_that_is_rounding_alone_has_no_error_on_paper():
    law, schedule = gaussian(dim=2, ambient=30), Schedule.proportional(10.0, 0.1, a=0.5, steps=8)
    result = ledger(law, ConditionalDenoiser(law), schedule, 200, stream(18))
    assert isinstance(result, Ledger)
    assert str(result).splitlines()[6].split()[2] == "0"


LAW = gaussian(dim=2, ambient=10)
HALF = Schedule.proportional(10.0, 0.1, a=0.5, steps=4)
GOOD = dict(law=LAW, denoiser=lambda y: y, schedule=HALF, n=10, stream=stream(15))
BAD = [
    (dict(n=1), "n must"),
    (dict(n=0), "n must"),
    (dict(n=2.5), "n must"),
    (dict(substeps=-1), "substeps must be an integer >= 1"),
    (dict(substeps=0), "substeps must be an integer >= 1"),
    (dict(substeps=7), "substeps must be even"),
    (dict(substeps="8"), "substeps must be an integer"),
    (dict(law="sphere"), "law must be a Law, got str"),
    (dict(schedule=None), "schedule must be a Schedule, got NoneType"),
    (dict(schedule=Schedule.proportional(10.0, 0.1, a=0.0, steps=4)), "schedule must inject"),
    (dict(denoiser=7), "denoiser"),
    (dict(denoiser=BlindDenoiser(LAW, NoisePrior.power(-3.0, 0.5, 10.0))), "prior must cover"),
]


@pytest.mark.parametrize("total", [ledger, direct_total])
@pytest.mark.parametrize(("arguments", "word"), BAD)
def test_bad_arguments_are_named_in_one_line(total, arguments, word):
    with pytest.raises(ValueError, match=word) as caught:
        total(**{**GOOD, **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "word"), [("blind", "reference"), (ConditionalDenoiser(LAW), "reference must be blind")]
)
def test_references_that_split_nothing_are_refused(reference, word):
    with pytest.raises(ValueError, match=word):
        ledger(**GOOD, reference=reference)
