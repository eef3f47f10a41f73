"""Where float64 loses digits first: nearly equal weights, densities that are large and alike, levels that are one."""

import math

import mpmath as mp
import pytest
import torch

import manifolds
from manifolds.core import ROUNDING
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.laws.atoms import Atoms
from manifolds.special.blind_weights import BlindWeights
from manifolds.special.level_integral import LevelIntegral


@pytest.mark.parametrize(
    "d, sigma, norm", [(3, 2e4, 8e7), (3, 5.0, 40.0), (1000, 2e4, 8e7), (1000, 1e6, 1e9), (3, 1.0, 1.9)]
)
@pytest.mark.parametrize("name", ["two_scale", "scale_mixture"])
def test_scale_mixtures_far_beyond_their_scales_are_those_of_mpmath(name, d, sigma, norm):
    """Densities of e^(1e7), alike but for what the scales add: once 6e-11 off, twice that for every step farther."""
    law = manifolds.make(name, dim=d, ambient=d, reduced=True)
    found = float(law.denoise(torch.tensor([[norm]], dtype=torch.float64), sigma))
    with mp.workdps(40):
        totals = [mp.mpf(scale) ** 2 + mp.mpf(sigma) ** 2 for scale in law.core.scales.tolist()]
        logs = [-(d * mp.log(total) + mp.mpf(norm) ** 2 / total) / 2 for total in totals]
        share = [mp.exp(value - max(logs)) for value in logs]  # (of equal weights)
        gain = sum(part * (1 - mp.mpf(sigma) ** 2 / total) for part, total in zip(share, totals)) / sum(share)
        assert found == pytest.approx(float(norm * gain), rel=1e-13)


@pytest.mark.parametrize("d", [3, 40, 2000])
@pytest.mark.parametrize("place", [0.3, 1.0, 1.3, 30.0])
def test_nearly_equal_weights_keep_relative_digits(d, place):
    """Ratios of two atoms' weights less one, of size 1e-9 to 1, where ends of the prior are felt; by mpmath."""
    low, high, a = 0.05, 7.0, 0.5 * d  # of a density 1/sigma
    weigher = BlindWeights(NoisePrior.power(-1.0, low, high), d)

    def h(s):
        return -a * mp.log(s) + mp.log(mp.gammainc(a, s / (2 * mp.mpf(high) ** 2), s / (2 * mp.mpf(low) ** 2)))

    for end in (low, high):
        square, gaps = 2.0 * a * end**2 * place, [2.0 * end**2 * rise for rise in (1e-9, 1e-4, 0.1, 2.0)]
        gap = torch.tensor([[0.0, gap] for gap in gaps], dtype=torch.float64)
        share, error = weigher.shares(torch.full_like(gap[:, 0], square), gap, torch.zeros_like(gap[0]))
        found = ((share[:, 1] - share[:, 0]) / share[:, 0]).tolist()
        with mp.workdps(50):
            exact = [float(mp.expm1(h(mp.mpf(square) + mp.mpf(gap)) - h(mp.mpf(square)))) for gap in gaps]
        for ours, right, bound in zip(found, exact, error.tolist()):
            # (what a weight itself is rounded by: ROUNDING in manifolds.core)
            assert abs(ours - right) <= ROUNDING + bound


@pytest.mark.parametrize("m", [2, 9])
@pytest.mark.parametrize("top, norm", [(1e3, 1e3), (1e7, 8e8), (1e9, 8e10), (1e9, 1e14)])
def test_atoms_far_off_under_noise_wider_than_they_are_apart_keep_relative_digits(m, top, norm):
    """A mean of size |y|/sigma^2, 1e-3 to 1e-7: squared distances, rounded, once left some digits of it, told the level
    or not."""
    points = manifolds.stream(0).normal(30, m)
    points = torch.cat([points, -points])  # (of mean 0: what is left is all that the weights differ by)
    law = manifolds.Law(Atoms(points), m)
    low, y = 1e-3 * top, norm * manifolds.stream(1).normal(1, m)
    with mp.workdps(60):
        exactly = [[mp.mpf(v) for v in row] for row in points.tolist()]
        square = [sum((a - mp.mpf(b)) ** 2 for a, b in zip(row, y[0].tolist())) for row in exactly]

        def mean(mass):
            parts = [sum(v * row[i] for v, row in zip(mass, exactly)) / sum(mass) for i in range(m)]
            return torch.tensor([float(part) for part in parts], dtype=torch.float64)

        half = mp.mpf(m) / 2
        blind = [s**-half * mp.gammainc(half, s / (2 * mp.mpf(top) ** 2), s / (2 * mp.mpf(low) ** 2)) for s in square]
        told = mean([mp.exp((min(square) - s) / (2 * mp.mpf(top) ** 2)) for s in square])
        blind = mean([v / max(blind) for v in blind])
    for found, right in (
        (law.denoise(y, top)[0], told),
        (BlindDenoiser(law, NoisePrior.power(-1.0, low, top))(y)[0], blind),
    ):
        assert float((found - right).norm() / right.norm()) < 1e-11 + law.core.rounding / float(right.norm())


@pytest.mark.parametrize("d, exponent, low, high", [(6, 4.0, 1.1, 1e24), (6, 4.9, 1.1, 1e24), (3, 0.0, 1e-3, 1e9)])
def test_the_level_integral_of_a_slowly_falling_density_keeps_its_digits(d, exponent, low, high):
    """As sigma^(e - d) to 24 decades: one panel of 40 nodes for all of them once left 4e-11 of its logarithm."""
    integral, a = LevelIntegral(NoisePrior.power(exponent, low, high), d), mp.mpf(d - 1 - exponent) / 2
    squares = [low**2 * 10.0**e for e in (-20.0, -4.0, -1.0, 0.0, 0.3, 0.6, 1.0, 2.0)]
    found = integral.remainder(torch.tensor(squares, dtype=torch.float64).log()).tolist()
    with mp.workdps(40):
        ends = [(s / (2 * mp.mpf(high) ** 2), s / (2 * mp.mpf(low) ** 2)) for s in squares]
        exact = [float(mp.log(mp.gammainc(a, *pair))) for pair in ends]
    gaps = [ours - right for ours, right in zip(found, exact)]  # (the same constant)
    assert max(gaps) - min(gaps) < 1e-12


def test_levels_that_are_one_in_float64_are_refused():
    """They once gave a slope without a number, and the denoiser NaN."""
    level = 0.006036337375768891
    assert math.nextafter(level, 1.0) > level and math.log(math.nextafter(level, 1.0)) == math.log(level)
    for build in (
        lambda: NoisePrior.tabulated([0.003, level, math.nextafter(level, 1.0), 1.0], [0.0, 8.0, 2.0, 0.0]),
        lambda: NoisePrior.power(-1.0, level, math.nextafter(level, 1.0)),
    ):
        with pytest.raises(ValueError, match="levels must be increasing, and by enough for their logs to differ"):
            build()
