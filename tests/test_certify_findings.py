"""Planted faults are named by their kind, with their size; correct denoisers are cleared."""

import math

import pytest
import torch

import manifolds
from analysis.certify import certify as certified
from analysis.certify import levels, wrap
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.denoisers.prior import DiscretePrior

F32, F64 = torch.float32, torch.float64
LAW = manifolds.make("sphere", dim=8, ambient=128)
PRIOR = NoisePrior.power(-1.0, 0.01, 10.0)
BLIND = BlindDenoiser(LAW, PRIOR)
BIG = manifolds.make("sphere", dim=8, ambient=1024)
TOLD = LAW.denoise


def certify(f, law, **options):
    """Without runs, which find nothing of their own and cost most of the time."""
    return certified(f, law, runs=False, **options)


def only(f, law=LAW, **options):
    certificate = certify(f, law, **options)
    assert len(certificate.findings) == 1, str(certificate)
    return certificate.findings[0]


def sized(finding, kind, size):
    assert finding.kind == kind
    assert finding.size == pytest.approx(size, rel=0.2)
    assert finding.low <= finding.size <= finding.high
    assert finding.sentence and finding.unit and finding.level


# correct denoisers

CLUSTER = 5 + 0.02 * manifolds.stream(3).normal(40, 6)
ATOMS = manifolds.make("atoms", dim=6, ambient=64, points=CLUSTER.tolist())
LAWS = {
    "sphere": LAW,
    "gaussian": manifolds.make("gaussian", dim=4, ambient=64),
    "mixture": manifolds.make("mixture", dim=2, ambient=64),
    "cube": manifolds.make("cube", dim=4, ambient=64),
    "atoms": manifolds.make("atoms", dim=3, ambient=64, points=manifolds.stream(1).normal(20, 3).tolist()),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("seed", [0, 1])
def test_optimal_denoisers_are_cleared(name, seed):
    law = LAWS[name]
    size = math.sqrt(law.second_moment)
    blind = BlindDenoiser(law, NoisePrior.power(-3.0, 0.01 * size, 10 * size))
    for f in (ConditionalDenoiser(law), lambda y, s: law.denoise(y, s), blind, lambda y: blind(y)):
        assert certify(f, law, points=64, levels=5, seed=seed).ok


def sphere32(y, sigma):
    """k = 2: coth(kappa) - 1/kappa."""
    u = y[:, :3]
    norm = u.norm(dim=1)
    kappa = norm / sigma**2
    out = torch.zeros_like(y)
    out[:, :3] = u / norm[:, None] * (1 / torch.tanh(kappa) - 1 / kappa)[:, None]
    return out


def gaussian32(y, sigma):
    out = torch.zeros_like(y)
    out[:, :4] = y[:, :4] / (1 + sigma[:, None] ** 2)
    return out


def atoms32(points):
    def f(y, sigma):
        p = torch.as_tensor(points, dtype=y.dtype)
        square = ((y[:, None, : p.shape[1]] - p) ** 2).sum(dim=2)
        out = torch.zeros_like(y)
        out[:, : p.shape[1]] = torch.softmax(-square / (2 * sigma[:, None] ** 2), dim=1) @ p
        return out

    return f


def expanded32(points):
    """As atoms32, with |y|^2 - 2 y.x + |x|^2 for the distances."""

    def f(y, sigma):
        p = torch.as_tensor(points, dtype=y.dtype)
        u = y[:, : p.shape[1]]
        square = (u**2).sum(dim=1, keepdim=True) - 2 * u @ p.T + (p**2).sum(dim=1)
        out = torch.zeros_like(y)
        out[:, : p.shape[1]] = torch.softmax(-square / (2 * sigma[:, None] ** 2), dim=1) @ p
        return out

    return f


def blind32(law):
    """A float32 network: everything it is given and everything it returns is rounded."""
    exact = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    return lambda y: exact(y.double()).float()


@pytest.mark.parametrize(
    ("f", "law"),
    [
        (sphere32, manifolds.make("sphere", dim=2, ambient=64)),
        (gaussian32, LAWS["gaussian"]),
        (atoms32(LAWS["atoms"].core.points), LAWS["atoms"]),
        (atoms32(CLUSTER), ATOMS),
        (lambda y, s: LAWS["cube"].denoise(y.double(), s.double()).float(), LAWS["cube"]),
        (lambda y, s: LAWS["mixture"].denoise(y.double(), s.double()).float(), LAWS["mixture"]),
    ],
)
def test_correct_float32_networks_are_cleared(f, law):
    for seed in (0, 1):
        certificate = certify(wrap(f, dtype=F32), law, points=64, seed=seed)
        assert certificate.ok, str(certificate)


def test_a_blind_float32_network_is_cleared():
    assert certify(wrap(blind32(LAW), dtype=F32), LAW, prior=PRIOR).ok


@pytest.mark.parametrize("exponent", [-3.0, -1.0, -0.5])
def test_the_prior_of_a_blind_denoiser_is_found(exponent):
    f = BlindDenoiser(LAW, NoisePrior.power(exponent, 0.01, 10.0))
    certificate = certify(lambda y: f(y), LAW, points=64)
    assert certificate.ok and f"sigma^{exponent:g} on" in certificate.reference


# planted faults


@pytest.mark.parametrize(
    ("f", "size"),
    [
        (lambda y, s: 1.02 * TOLD(y, s), 0.02),
        (lambda y: 1.02 * BLIND(y), 0.02),
        (lambda y, s: 0.98 * TOLD(y, s), -0.02),
    ],
)
def test_scaled(f, size):
    sized(only(f), "not_optimal", size)


@pytest.mark.parametrize("factor", [0.95, 1.05, 1.5])
def test_level_misread(factor):
    finding = only(lambda y, s: TOLD(y, factor * s))
    assert finding.kind == "level_bias"
    assert finding.size - 1 == pytest.approx(factor - 1, rel=0.2)


def test_level_misread_by_a_blind_denoiser():
    n = BIG.space.normal_dim

    def f(y):
        return BIG.denoise(y, 1.05 * (BIG.space.split(y)[1] / n).sqrt())

    finding = only(f, BIG)
    assert finding.kind == "level_bias" and finding.size - 1 == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize(
    ("f", "truth"),
    [
        (lambda y, s: y - TOLD(y, s), lambda y, s, x: y - 2 * x),
        (wrap(lambda y, s: (y - TOLD(y, s)) / s[:, None], "score"), lambda y, s, x: y + s * (y - x) - x),
        (lambda y: y - BLIND(y), lambda y, s, x: y - 2 * x),
    ],
)
def test_declared_as_something_else(f, truth):
    finding = only(f)
    s = finding.level
    y = levels.noisy(LAW, s, 4000, manifolds.stream(9))
    size = float((truth(y, s, TOLD(y, s)) ** 2).sum(dim=1).mean().sqrt()) / s
    sized(finding, "wrong_prediction_type", size)


def test_precision():
    f = wrap(expanded32(CLUSTER), dtype=F32)
    finding = only(f, ATOMS, sigma_low=0.005, sigma_high=5.0)
    y = levels.noisy(ATOMS, finding.level, 40000, manifolds.stream(9))
    error = ((f(y, finding.level) - ATOMS.denoise(y, finding.level)) ** 2).sum(dim=1).mean().sqrt()
    sized(finding, "precision", float(error) / finding.level)


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("place", [(0,), (50,), (0, 50)])
def test_off_centre(blind, place):
    b = torch.zeros(128, dtype=F64)
    b[list(place)] = 0.01 / math.sqrt(len(place))
    f = (lambda y: BLIND(y - b) + b) if blind else (lambda y, s: TOLD(y - b, s) + b)
    sized(only(f), "not_equivariant", 0.01)


def test_not_turned_along():
    """An error that depends on one direction of those that the data do not span."""

    def f(y, s):
        return TOLD(y, s) + 0.3 * torch.sin(3 * y[:, 100:101] / s) * torch.eye(128, dtype=F64)[90] * s

    finding = only(f)
    assert finding.kind == "not_equivariant" and finding.low <= finding.size <= finding.high


@pytest.mark.parametrize("by", [-1, 1])
def test_dimension_off_by_one(by):
    other = manifolds.make("sphere", dim=8 + by, ambient=11)

    def f(y, s):
        u = y[:, :9]
        norm = u.norm(dim=1, keepdim=True)
        point = torch.cat([norm, norm.new_zeros(len(y), 10)], dim=1)
        return LAW.space.embed(u / norm * other.denoise(point, s)[:, :1])

    finding = only(f)
    assert (finding.kind, finding.size) == ("wrong_dimension", by)


@pytest.mark.parametrize(("count", "seed"), [(81, 0), (81, 1), (41, 0)])
def test_a_coarse_grid_of_levels(count, seed):
    grid = torch.logspace(-2, 1, count, dtype=F64)
    f = BlindDenoiser(BIG, DiscretePrior(grid, torch.ones(count, dtype=F64)))
    finding = only(lambda y: f(y), BIG, seed=seed)
    sized(finding, "coarse_level_grid", math.log(1000) / (count - 1))


def test_stochastic():
    draws = torch.Generator().manual_seed(0)

    def f(y, s):
        return TOLD(y, s) + 0.1 * s * torch.randn(y.shape, generator=draws, dtype=F64) / math.sqrt(128)

    sized(only(f), "not_deterministic", 0.1)


def test_no_single_cause():
    finding = only(lambda y, s: TOLD(y, s) + 0.1 * torch.sin(7 * LAW.space.embed(y[:, :9])))
    assert finding.kind == "not_optimal" and "no single cause" in finding.sentence
