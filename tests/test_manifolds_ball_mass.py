"""P(|u + sigma Z| <= R) against Poisson's mixture of central chi-square laws, summed in mpmath: no Bessel function."""

import math

import mpmath as mp
import pytest
import torch

from manifolds.special.ball_mass import ball_mass


def _reference(k, a, b):
    """(log P + (a - b)^2/2, P'/P)."""
    with mp.workdps(40):
        a, b = mp.mpf(a), mp.mpf(b)
        mean = a * a / 2
        terms = int(mean + 20 * mp.sqrt(mean) + 100)
        weight, mass, more = mp.exp(-mean), mp.mpf(0), mp.mpf(0)
        for j in range(terms):
            mass += weight * mp.gammainc(mp.mpf(k) / 2 + j, 0, b * b / 2, regularized=True)
            more += weight * mp.gammainc(mp.mpf(k) / 2 + j + 1, 0, b * b / 2, regularized=True)
            weight *= mean / (j + 1)
        return float(mp.log(mass) + (a - b) ** 2 / 2), float(more / mass)


def _mass(k, a, b, unit=1.0):
    at = torch.tensor([a], dtype=torch.float64)
    log_mass, ratio, known = ball_mass(k, unit * b, unit * at, torch.full_like(at, unit))
    return log_mass.item(), ratio.item(), known.item()


@pytest.mark.parametrize("k", [2, 3, 4, 5, 17, 18, 60, 61, 200])
@pytest.mark.parametrize(
    "a, b",
    [(0.0, 0.05), (0.0, 1.0), (0.0, 20.0), (0.3, 0.2), (0.3, 6.0), (9.0, 9.5), (9.5, 9.0), (15.0, 25.0), (25.0, 10.0)],
)
def test_equals_poisson_mixtures_of_central_laws(k, a, b):
    log_mass, ratio, known = _mass(k, a, b)
    expected = _reference(k, a, b)
    assert known
    assert log_mass == pytest.approx(expected[0], rel=1e-14, abs=1e-13)
    assert ratio == pytest.approx(expected[1], rel=2e-13)


def test_depends_on_the_level_as_a_unit_of_length():
    assert _mass(7, 1.5, 2.0, unit=0.25) == pytest.approx(_mass(7, 1.5, 2.0), rel=1e-14)


@pytest.mark.parametrize("k", [2, 3, 9])
def test_as_many_terms_are_taken_as_the_border_needs(k):
    """At a = b = 100 a thousand are; beyond, the answer is refused instead of being cut short."""
    log_mass, ratio, known = _mass(k, 100.0, 100.0)
    # to second order in 1/a: the border bends away from a half space by (k-1)/(2 a) levels
    assert known and log_mass == pytest.approx(math.log(0.5 - (k - 1) / (2 * 100 * math.sqrt(2 * math.pi))), abs=1e-4)
    assert ratio == pytest.approx(1.0 - 2.0 / (100.0 * math.sqrt(2 * math.pi)), abs=5e-4)
    assert not _mass(k, 1e4, 1e4)[2] or k % 2


def test_many_points_are_answered_as_each_alone_is():
    generator = torch.Generator().manual_seed(0)
    a, b = (30.0 * torch.rand(400, generator=generator, dtype=torch.float64) ** 2 for _ in range(2))
    for k in (4, 5):
        together = ball_mass(k, 1.0, a / b, 1.0 / b)
        alone = [ball_mass(k, 1.0, a[i : i + 1] / b[i], 1.0 / b[i : i + 1]) for i in range(0, 400, 7)]
        for field, parts in zip(together, zip(*alone)):
            assert torch.equal(field[::7], torch.cat(parts))
