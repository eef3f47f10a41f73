"""What every registered law must satisfy; a new registry line is picked up by itself.

The answers of a law are tied to each other by exact identities (derivatives in y and sigma by 4th-order differences),
to their limits, and to their own samples by unbiasedness tests. Each law's own file has independent values.
"""

import math

import pytest
import torch

import manifolds
from manifolds.laws.atoms import Atoms

# where the defaults dim=2, ambient=core+4 do not fit
EXAMPLES: dict[str, dict] = {
    "atoms": {
        "points": [[0.6, 0.0, 0.1], [-0.4, 0.4, 0.0], [0.1, -0.5, 0.3], [0.0, 0.1, -0.6]],
        "weights": [0.4, 0.3, 0.2, 0.1],
    },
    "random_code": {"ambient": 20},
    "bars": {"ambient": 64, "finest": 0.28},
    "blobs": {"ambient": 64, "finest": 0.28},
    "discs": {"ambient": 64, "finest": 0.28},
    "ellipse": {"dim": 1, "finest": 0.2},
    "moebius": {"finest": 0.25},
    "full_gaussian": {"dim": 14},
    "scale_mixture": {"dim": 14},
    "swiss_roll": {"finest": 0.25},
    "trefoil": {"dim": 1, "finest": 0.2},
}
ANSWERS = ("denoise", "log_marginal", "posterior_trace", "squared_distance", "distance_covariance", "distance_variance")
LEVELS = (0.3, 1.0)
IMAGES = ("bars", "blobs", "discs")


def example(name, reduced=False, **changes):
    options = {"dim": 2, "ambient": 14, **EXAMPLES.get(name, {}), **changes}
    return manifolds.make(name, reduced=reduced, **options)


def noisy(law, n, sigma, *labels):
    source = manifolds.stream(0, "contract", law.name, sigma, *labels)
    x = law.sample(n, source)
    return x, law.add_noise(x, sigma, source)


every_law = pytest.mark.parametrize("name", manifolds.names())
every_level = pytest.mark.parametrize("sigma", LEVELS)


def derivative(f, at, step):
    """4th-order central difference of f along a number."""
    return (8 * (f(at + step) - f(at - step)) - (f(at + 2 * step) - f(at - 2 * step))) / (12 * step)


def gradient(f, y, step):
    """(n, ..., d): derivatives of f (n, ...) along each coordinate of y (n, d)."""
    columns = []
    for axis in torch.eye(y.shape[1], dtype=torch.float64):
        columns.append(derivative(lambda t, axis=axis: f(y + t * axis), 0.0, step))
    return torch.stack(columns, dim=-1)


def relative(found, exact, scale):
    return float((found - exact).abs().max()) / scale


def reduce_points(law, y):
    u, rho2 = law.space.split(y)
    return torch.cat([u, rho2.sqrt()[:, None]], dim=1)


@every_law
@pytest.mark.parametrize("reduced", [False, True])
def test_first_rows_do_not_depend_on_the_number_of_rows(name, reduced):
    law = example(name, reduced=reduced)
    few, many = (law.add_noise(law.sample(n, s), 0.5, s) for n in (5, 300) for s in [manifolds.stream(1, "rows")])
    if name in IMAGES:  # the draws are the same; the matrix product that makes pixels of them rounds by batch size
        assert float((few - many[:5]).abs().max()) <= 8 * torch.finfo(torch.float64).eps * float(many.abs().max())
    else:
        assert torch.equal(few, many[:5])


@every_law
@every_level
def test_dense_and_reduced_answers_agree(name, sigma):
    dense, reduced = example(name, rotation=3), example(name, reduced=True)
    _, y = noisy(dense, 7, sigma)
    z = reduce_points(dense, y)
    unit = dense.space.normal_part(y)
    norm = unit.norm(dim=1, keepdim=True)
    unit = torch.where(norm > 1e-9, unit / norm, torch.zeros_like(unit))  # zero where m = d: rounding has no direction
    for answer in ANSWERS:
        a, b = getattr(dense, answer)(y, sigma), getattr(reduced, answer)(z, sigma)
        if a.ndim == 2:
            a = torch.cat([dense.space.split(a)[0], (a * unit).sum(dim=1, keepdim=True)], dim=1)
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-11), answer
    assert torch.allclose(dense.distance(y), reduced.distance(z), rtol=1e-9, atol=1e-9)


ANY_LEVEL = [name for name in manifolds.names() if name not in (*IMAGES, "ellipse", "moebius", "swiss_roll", "trefoil")]


@pytest.mark.parametrize("name", ANY_LEVEL)
@pytest.mark.parametrize("sigma", [1e-4, 1e-6, 1e-8])
def test_off_the_support_the_mean_is_the_nearest_point_at_small_levels(name, sigma):
    """Where the log density is of size sigma^-2, and what a quadrature over it adds up differs by little. (Laws of
    quadrature nodes refuse levels that these do not resolve.)"""
    law = example(name, reduced=True)
    source = manifolds.stream(0, "contract", "far", name)
    y = law.add_noise(law.sample(20, source), 0.5, source)
    assert float((law.denoise(y, sigma) - law.project(y)).norm(dim=1).max()) <= sigma


@every_law
@every_level
def test_tweedie_ties_the_denoiser_to_the_density(name, sigma):
    law = example(name)
    _, y = noisy(law, 4, sigma)
    score = gradient(lambda p: law.log_marginal(p, sigma), y, 0.004 * sigma)
    assert relative(law.denoise(y, sigma), y + sigma**2 * score, sigma) < 1e-6


@every_law
@every_level
def test_derivatives_in_sigma_are_the_posterior_moments(name, sigma):
    law = example(name)
    _, y = noisy(law, 5, sigma)
    step, d = 0.003 * sigma, law.ambient_dim
    square = law.squared_distance(y, sigma)
    slope = derivative(lambda s: law.log_marginal(y, s), sigma, step)
    assert relative(sigma * slope, square / sigma**2 - d, d) < 1e-7
    slope = derivative(lambda s: law.denoise(y, s), sigma, step)
    scale = float((slope * sigma**3).abs().max()) + 1e-3 * sigma**3
    assert relative(slope * sigma**3, law.distance_covariance(y, sigma), scale) < 1e-6
    slope = derivative(lambda s: law.squared_distance(y, s), sigma, step)
    assert (
        relative(slope * sigma**3, law.distance_variance(y, sigma), float(law.distance_variance(y, sigma).max())) < 1e-5
    )


@every_law
@every_level
def test_posterior_trace_is_the_divergence_and_completes_the_squared_distance(name, sigma):
    law = example(name)
    _, y = noisy(law, 3, sigma)
    trace = law.posterior_trace(y, sigma)
    jacobian = gradient(lambda p: law.denoise(p, sigma), y, 0.004 * sigma)
    divergence = torch.diagonal(jacobian, dim1=1, dim2=2).sum(dim=1)
    assert relative(sigma**2 * divergence, trace, float(trace.max())) < 1e-5
    assert torch.allclose(jacobian, jacobian.transpose(1, 2), atol=1e-5)  # a covariance over sigma^2
    square = trace + law.space.sqnorm(law.denoise(y, sigma) - y)
    assert torch.allclose(square, law.squared_distance(y, sigma), rtol=1e-10)


@every_law
@every_level
def test_answers_are_unbiased_under_the_law_s_own_samples(name, sigma):
    """E[(X - f) . f] = 0, E|X - f|^2 = E tr Cov, E(|X-Y|^2 - its mean)^2 = E Var, E (X - f)(|X-Y|^2 - mean) = E W.

    At 99.9 % over all laws and statements together: 4.6 standard errors each.
    """
    law = example(name)
    n = 3000
    x, y = noisy(law, n, sigma, "unbiased")
    f = law.denoise(y, sigma)
    gap = x - f
    excess = law.space.sqnorm(x - y) - law.squared_distance(y, sigma)
    w = law.distance_covariance(y, sigma)
    zero_means = {
        "orthogonality": (gap * f).sum(dim=1),
        "trace": law.space.sqnorm(gap) - law.posterior_trace(y, sigma),
        "squared distance": excess,
        "distance variance": excess**2 - law.distance_variance(y, sigma),
        "distance covariance": ((gap * excess[:, None] - w) * (y - f)).sum(dim=1),
    }
    for what, values in zero_means.items():
        spread = float(values.std()) / math.sqrt(n)
        assert abs(float(values.mean())) <= 4.6 * spread + 1e-12, what


@every_law
def test_second_moment_and_mean_agree_with_samples(name):
    law = example(name)
    n = 20_000
    x = law.sample(n, manifolds.stream(0, "contract moments", name))
    square = law.space.sqnorm(x)
    assert abs(float(square.mean()) - law.second_moment) <= 3.3 * float(square.std()) / math.sqrt(n) + 1e-9
    shift = x.mean(dim=0) - law.space.center
    assert bool((shift.abs() <= 4.5 * x.std(dim=0) / math.sqrt(n) + 1e-9).all())
    assert float(square.sqrt().max()) <= law.radius * (1 + 1e-12)


@every_law
def test_huge_noise_leaves_the_prior(name):
    law = example(name)
    sigma = 1e5
    y = law.space.center + sigma * 0.01 * manifolds.stream(0, "huge").normal(3, law.space.width)
    spread = law.second_moment - float(law.space.center @ law.space.center)
    assert relative(law.denoise(y, sigma), law.space.center, math.sqrt(spread)) < 1e-4
    assert torch.allclose(law.posterior_trace(y, sigma), torch.full((3,), spread, dtype=torch.float64), rtol=1e-3)


@every_law
def test_small_noise_leaves_the_projection(name):
    law = example(name)
    sigma = getattr(law.core, "finest_sigma", 1e-4)
    _, y = noisy(law, 50, sigma, "small")
    # curvature 1/r shifts the mean by sigma^2 k/(2 r) and more; a posterior on the support is within a few sigma
    gap = law.space.sqnorm(law.denoise(y, sigma) - law.project(y)).sqrt()
    assert float(gap.median()) <= (0.05 if sigma < 1e-3 else 0.7) * sigma


@every_law
def test_projection_is_the_nearest_point(name):
    law = example(name)
    x, y = noisy(law, 40, 0.5, "project")
    p = law.project(y)
    assert float(law.distance(p).max()) <= 1e-8
    assert bool((law.distance(x) <= getattr(law.core, "spacing", 0.0) + 1e-6).all())
    others = law.sample(2000, manifolds.stream(0, "contract nearest", name))
    assert bool((torch.cdist(y, others).min(dim=1).values >= law.distance(y) - 1e-9).all())


@every_law
def test_answers_do_not_depend_on_the_batch_or_on_how_sigma_is_given(name):
    law = example(name)
    _, y = noisy(law, 5, 0.4, "batch")
    sigma = torch.tensor([0.3, 0.4, 0.6, 1.0, 2.0], dtype=torch.float64)
    for answer in ANSWERS:
        together = getattr(law, answer)(y, sigma)
        alone = torch.cat([getattr(law, answer)(y[i : i + 1], float(sigma[i])) for i in range(5)])
        assert torch.allclose(together, alone, rtol=1e-11, atol=1e-13), answer
    short, long = (law.sample(n, manifolds.stream(0, "contract prefix", name)) for n in (3, 9))
    assert torch.allclose(short, long[:3], rtol=0.0, atol=1e-13)  # matrix products round by shape


@every_law
def test_covering_bounds_are_ordered_and_fall(name):
    law = example(name)
    bounds = [law.log_covering_number(eps) for eps in (0.01, 0.1, 1.0, 1e3)]
    assert all(low <= high for low, high in bounds)
    assert all(a[0] >= b[0] and a[1] >= b[1] for a, b in zip(bounds, bounds[1:]))
    if law.bounded:
        assert bounds[-1][0] == 0.0 and bounds[-1][1] <= math.log(4)  # one ball, or one for each part of a mixture
    with pytest.raises(ValueError, match="eps must be > 0"):
        law.log_covering_number(0.0)


def is_smooth(law):
    """A surface of dimension k; finite sets have none, and laws that absorb the normal coordinates fill R^d, whatever k
    they are counted with."""
    return type(law.core) is not Atoms and not law.core.absorbs_normal


ANY_LEVEL = [name for name in manifolds.names() if is_smooth(example(name))]


@pytest.mark.parametrize("name", ANY_LEVEL)
def test_samples_have_the_declared_local_dimension(name):
    """Singular values of small neighbourhoods, relative to the first: k of them are of order one, the rest small."""
    law = example(name)
    x = law.sample(40_000, manifolds.stream(0, "contract rank", name))
    k = law.intrinsic_dim
    ranks = []
    for centre in x[:15]:
        near = (x - centre).norm(dim=1).argsort()[: 8 * k + 8]
        values = torch.linalg.svdvals(x[near] - x[near].mean(dim=0))
        ranks.append(int((values > 0.25 * values[0]).sum()))
    assert sorted(ranks)[len(ranks) // 2] == k


@pytest.mark.parametrize("name", sorted(set(manifolds.names()) - set(ANY_LEVEL)))
def test_samples_of_laws_without_a_surface_have_the_declared_rank(name):
    """Finitely many points, drawn again and again, that span the core; laws on all of R^d: full rank."""
    law = example(name)
    x = law.sample(2000, manifolds.stream(0, "contract rank", name))
    if law.core.absorbs_normal:
        assert int(torch.linalg.matrix_rank(x)) == law.ambient_dim
    else:
        assert len(torch.unique(x, dim=0)) <= len(law.core.points)
        assert int(torch.linalg.matrix_rank(x)) == min(law.core_dim, len(law.core.points))
