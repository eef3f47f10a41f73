"""check_law and check_denoiser notice mistakes of one line: each check catches what is broken for it."""

import math

import pytest
import torch

import manifolds
from manifolds.checking import CHECKS, ContractError
from manifolds.core import Posterior
from manifolds.laws.atoms import Atoms
from manifolds.laws.ball import Ball
from manifolds.laws.cube import Cube
from manifolds.laws.gaussian import AxisGaussian, IsotropicGaussian
from manifolds.laws.mixture import low_rank_mixture
from manifolds.laws.scale_mixture import ScaleMixture
from manifolds.laws.sphere import Sphere, sphere_posterior


def _with(field, change):
    """A sphere one field of whose posterior is changed."""

    class Changed(Sphere):
        def posterior(self, stats, sigma, order):
            post = super().posterior(stats, sigma, order)
            if hasattr(post, field):
                setattr(post, field, change(getattr(post, field), sigma))
            return post

    return Changed(2)


class HigherBesselOrder(Sphere):
    """I_{p/2} where I_{p/2 - 1} belongs, in every field; with `slice` the density's power of sigma is right again."""

    def __init__(self, slice_):
        super().__init__(2)
        self.slice = slice_

    def posterior(self, stats, sigma, order):
        post = sphere_posterior(self.core_dim + 2, self.radius, stats.norm[:, None], sigma, order)
        if self.slice:
            post.log_p = post.log_p + torch.log(2.0 * math.pi * sigma * sigma)
        for field in ("coef", "third"):
            if hasattr(post, field):
                setattr(post, field, getattr(post, field)[..., None])
        return post


class OffTheSupport(Sphere):
    def sample(self, n, stream):
        return 1.0001 * super().sample(n, stream)


class InTheShell(Ball):
    """|X| uniform, not its power k."""

    def sample(self, n, stream):
        x = super().sample(n, stream)
        return x / x.norm(dim=1, keepdim=True) * self.radius * stream.child("length").uniform(n, 1)


class OneHalf(Cube):
    def sample(self, n, stream):
        return super().sample(n, stream).abs()


class UniformDraws(Atoms):
    """Of unequal weights: mean and second moment are those declared."""

    def sample(self, n, stream):
        return self.points[stream.integers(len(self.points), n)]


class HalfWay(Sphere):
    def project(self, u):
        return 0.5 * (u + super().project(u))


class SomewhereElse(Sphere):
    """On the support and idempotent, but not the nearest."""

    def project(self, u):
        return super().project(u * torch.tensor([1.0, 1.0, 1.2], dtype=torch.float64)) if not self.on(u) else u

    def on(self, u):
        return bool(((u.norm(dim=1) - self.radius).abs() < 1e-6 * self.radius).all())


class FirstLevelOnly(IsotropicGaussian):
    def posterior(self, stats, sigma, order):
        post, first = super().posterior(stats, sigma, order), super().posterior(stats, sigma[:, :1], order)
        if order >= 1:
            post.coef = first.coef.expand_as(post.coef)
        return post


class LowOrderElsewhere(IsotropicGaussian):
    """order 0 takes another path, which is wrong."""

    def posterior(self, stats, sigma, order):
        post = super().posterior(stats, sigma, order)
        return Posterior(post.log_p + 1e-6) if order == 0 else post


class ByColumns(IsotropicGaussian):
    """Draws by columns: the first rows depend on how many follow."""

    def sample(self, n, stream):
        return self.scale * stream.normal(self.core_dim, n).T


class SeedOfItsOwn(IsotropicGaussian):
    def sample(self, n, stream):
        return self.scale * manifolds.stream(0).normal(n, self.core_dim)


class TiedToTheBatch(Sphere):
    def statistics(self, u):
        stats = super().statistics(u)
        return stats._replace(norm=stats.norm.clamp(min=0.7 * float(stats.norm.max())) if len(u) else stats.norm)


class WritesIntoItsArgument(Sphere):
    def project(self, u):
        return u.mul_(self.radius / u.norm(dim=1, keepdim=True))


class NeedsARow(Sphere):
    def statistics(self, u):
        u.max()  # torch refuses to reduce nothing
        return super().statistics(u)


class SinglePrecision(Cube):
    def project(self, u):
        return super().project(u).to(torch.float32)


class WrongNumber(Sphere):
    """Another declared number than the samples'."""

    def __init__(self, name, value):
        super().__init__(2)
        self._wrong = {}
        if name in ("second_moment", "mean"):
            self._wrong[name] = value
        else:
            setattr(self, name, value)

    @property
    def second_moment(self):
        return self._wrong.get("second_moment", 1.0)

    @property
    def mean(self):
        return self._wrong.get("mean", torch.zeros(3, dtype=torch.float64))


class NarrowWindow(Cube):
    """A mean that is a little off where the density is of size sigma^-2."""

    def posterior(self, stats, sigma, order):
        post = super().posterior(stats, sigma, order)
        if order >= 1:
            post.coef = torch.where(sigma[..., None] < 1e-3, 1.001 * post.coef, post.coef)
        return post


class Bounds(Sphere):
    def __init__(self, bounds):
        super().__init__(2)
        self._bounds = bounds

    def log_covering_number(self, eps):
        return self._bounds(*super().log_covering_number(eps), eps)


class TwiceTheCovariance(Sphere):
    def covariance(self, stats, sigma, v):
        return 2.0 * super().covariance(stats, sigma, v)


class WrongMMSE(Sphere):
    def mmse(self, sigma):
        return 1.05 * super().mmse(sigma)


class NegativeHints(Sphere):
    def level_hints(self, stats, rho2, normal_dim):
        return -super().level_hints(stats, rho2, normal_dim)


class DenseForgetsTheRest(manifolds.Law):
    """The normal coordinates' part of the density, in reduced points only."""

    def log_marginal(self, y, sigma):
        whole = super().log_marginal(y, sigma)
        return whole if self.reduced else whole + self.space.split(y)[1] / (2.0 * sigma * sigma)


class NormAsIs(ScaleMixture):
    """A sign that dense points do not have."""

    def assemble(self, stats, coef):
        return super().assemble(stats, coef).abs() * torch.where(stats.rho > 0, 1.0, -1.0)[:, None] + 1e-3


SQUARE = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
BROKEN = [
    ("declared", WrongNumber("radius", 0.9)),
    ("declared", WrongNumber("intrinsic_dim", 5)),
    ("declared", WrongNumber("name", "")),
    ("shapes", WritesIntoItsArgument(2)),
    ("shapes", NeedsARow(2)),
    ("shapes", SinglePrecision(2)),
    ("shapes", _with("coef", lambda v, s: torch.where(s > 0.9, math.nan, v))),
    ("streams", ByColumns(2)),
    ("streams", SeedOfItsOwn(2)),
    ("batches", TiedToTheBatch(2)),
    ("representations", DenseForgetsTheRest(Sphere(2), 6)),
    ("levels together", FirstLevelOnly(2)),
    ("levels together", LowOrderElsewhere(2)),
    ("levels together", NegativeHints(2)),
    ("tweedie", _with("coef", lambda v, s: 1.0001 * v)),
    ("tweedie", NormAsIs(6, (0.5, 2.0))),
    ("slopes in sigma", HigherBesselOrder(False)),
    ("trace and divergence", HigherBesselOrder(True)),
    ("trace and divergence", TwiceTheCovariance(2)),
    ("unbiased", HigherBesselOrder(True)),
    ("slopes in sigma", _with("log_p", lambda v, s: v + torch.log(s))),
    ("slopes in sigma", _with("third", lambda v, s: -v)),
    ("slopes in sigma", _with("var_sqdist", lambda v, s: 0.5 * v)),
    ("trace and divergence", _with("trace", lambda v, s: 1.001 * v)),
    ("trace and divergence", _with("sqdist", lambda v, s: 1.001 * v)),
    ("projection", HalfWay(2)),
    ("projection", SomewhereElse(2)),
    ("projection", OffTheSupport(2)),
    ("little noise", _with("coef", lambda v, s: torch.where(s[..., None] < 1e-3, 1.001 * v, v))),
    ("far off", NarrowWindow(2)),
    ("much noise", _with("log_p", lambda v, s: v + 1e-3)),
    ("much noise", WrongNumber("mean", torch.full((3,), 0.1, dtype=torch.float64))),
    ("covering", Bounds(lambda low, high, eps: (high, low))),
    ("covering", Bounds(lambda low, high, eps: (eps, eps + high))),
    ("covering", Bounds(lambda low, high, eps: (low, high + 1.0))),
    ("moments", InTheShell(3)),
    ("moments", OneHalf(2)),
    ("moments", OffTheSupport(2)),
    ("moments", WrongNumber("second_moment", 1.01)),
    ("unbiased", UniformDraws(SQUARE, [0.4, 0.4, 0.1, 0.1])),
    ("unbiased", InTheShell(3)),
    ("unbiased", WrongMMSE(2)),
    ("noisy density", UniformDraws([[2.0, 0.0], [-1.0, 0.3]], [0.8, 0.2])),
    ("dimension", WrongNumber("intrinsic_dim", 1)),
    ("dimension", WrongNumber("intrinsic_dim", 3)),
]


@pytest.mark.parametrize(
    ("check", "broken"), BROKEN, ids=[f"{check}-{type(law).__name__}-{i}" for i, (check, law) in enumerate(BROKEN)]
)
def test_each_check_catches_the_law_that_is_broken_for_it(check, broken):
    with pytest.raises(ContractError) as caught:
        manifolds.check_law(broken, only=[check])
    error = caught.value
    assert error.check == check
    assert "\n" not in str(error) and str(error).startswith(f"{check} (") and "expected" in str(error)
    assert not error.error <= error.tolerance


def test_every_check_has_a_law_that_it_catches_and_no_unbroken_law_is_caught():
    assert {check for check, _ in BROKEN} == set(CHECKS)
    for core in (Sphere(2), Cube(2), Ball(3), IsotropicGaussian(2), Atoms(SQUARE, [0.3, 0.3, 0.2, 0.2])):
        assert len(manifolds.check_law(core)) > 300


@pytest.mark.parametrize(
    "core",
    [
        Sphere(1, 1e-6),
        Cube(3, 1e5),
        Atoms([[0.0, 0.0, 5.0]]),
        ScaleMixture(5, (0.0,)),
        low_rank_mixture(2, components=2, weights=[0.9, 0.1]),
        Sphere(40),
    ],
    ids=lambda core: f"{core.name}-{core.core_dim}",
)
def test_laws_that_nobody_registered_pass(core):
    held = manifolds.check_law(core)
    assert {one.check for one in held} >= {"tweedie", "slopes in sigma", "unbiased", "moments"}


def test_a_law_of_several_lengths_is_looked_at_on_its_smallest():
    core = AxisGaussian([0.05, 1.0, 20.0])
    with pytest.raises(ContractError, match="far off"):
        manifolds.check_law(core)
    assert manifolds.check_law(core, scale=0.05)
