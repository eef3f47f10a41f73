"""Networks: their sizes, their initial maps in closed form, the noise scale's behaviour, blind and conditional
bodies."""

from __future__ import annotations

import math

import pytest
import torch

import manifolds
from analysis.learning import DataMoments, Network, architectures

DIM = 25
DENOISERS = ("conv", "locally_linear", "mlp")


@pytest.fixture(scope="module")
def moments() -> DataMoments:
    axes = torch.tensor([3.0, 3.0, 3.0] + [0.0] * (DIM - 3), dtype=torch.float64)
    return DataMoments.of(manifolds.stream(3, "moments").normal(20_000, DIM) * axes + 1.0)


def points(n: int = 7) -> torch.Tensor:
    return 2.0 * manifolds.stream(3, "points").normal(n, DIM).to(torch.float32)


def test_moments_are_the_variance_per_occupied_direction(moments):
    assert moments.variance == pytest.approx(9.0, rel=0.03)  # sd of the estimate about 1 %
    assert moments.total == pytest.approx(27.0, rel=0.03)
    assert torch.allclose(moments.center, torch.ones(DIM, dtype=torch.float64), atol=0.1)


def test_moments_with_more_dimensions_than_points():
    x = manifolds.stream(4, "wide").normal(6, 40)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))
    expected = float((eigenvalues**2).sum() / eigenvalues.sum())
    assert DataMoments.of(x).variance == pytest.approx(expected, rel=1e-10)


def test_equal_points_have_no_scale():
    with pytest.raises(ValueError, match="all one point"):
        DataMoments.of(torch.ones(5, 3, dtype=torch.float64))


@pytest.mark.parametrize("blind", [True, False])
def test_mlp_has_six_layers_of_512(moments, blind):
    module = Network("mlp", blind=blind).build(moments, manifolds.stream(0))
    inputs = DIM + (0 if blind else 1)
    expected = (inputs * 512 + 512) + 4 * (512 * 512 + 512) + (512 * DIM + DIM)
    assert sum(p.numel() for p in module.parameters()) == expected
    assert [type(layer).__name__ for layer in module.stack] == ["Linear", "ReLU"] * 5 + ["Linear"]


@pytest.mark.parametrize("name", DENOISERS)
def test_blind_and_conditional_share_their_body(moments, name):
    counts = [
        sum(p.numel() for p in Network(name, blind=blind).build(moments, manifolds.stream(0)).parameters())
        for blind in (True, False)
    ]
    scale = {"mlp": -512, "locally_linear": 16 + 17 * 32 + 33, "conv": 16 + 17 * 32 + 33}[
        name
    ]  # input column, or noise scale
    assert counts[0] - counts[1] == scale


@pytest.mark.parametrize("blind", [True, False])
def test_locally_linear_starts_as_a_linear_shrinkage(moments, blind):
    module = Network("locally_linear", blind=blind).build(moments, manifolds.stream(1))
    y = points()
    centred = y - 1.0 * moments.center.float()
    if blind:  # the geometric mean of the root mean squares of 16 maps with 16 outputs
        maps = module.maps.detach().reshape(DIM, 16, 16)
        sigma = torch.einsum("nd,dgr->ngr", centred, maps).square().mean(2).sqrt().log().mean(1).exp()
    else:
        sigma = torch.linspace(0.1, 5.0, len(y))
    shrink = moments.variance / (moments.variance + sigma**2)
    expected = moments.center.float() + shrink[:, None] * centred
    output = module(y) if blind else module(y, sigma)
    assert torch.allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_conv_starts_as_a_shrinkage_per_pixel(moments):
    module = Network("conv", blind=False).build(moments, manifolds.stream(1))
    y, sigma = points(), torch.full((7,), 0.5)
    shrink = (moments.total / DIM) / (moments.total / DIM + 0.25)
    expected = moments.center.float() + shrink * (y - moments.center.float())
    assert torch.allclose(module(y, sigma), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["noise_level", "conv_noise_level"])
def test_noise_estimators_follow_the_scale_of_their_input_exactly(moments, name):
    module = Network(name).build(moments, manifolds.stream(2))
    with torch.no_grad():  # away from the initial weights, where the correction is zero
        for p in module.scale.parameters():
            p += 0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(5))
    center = moments.center.float()
    v = points()
    assert torch.allclose(module(center + 8.0 * v) - module(center + v), torch.full((7,), math.log(8.0)), atol=1e-4)


def test_weights_are_a_function_of_the_stream_alone(moments):
    spec = Network("locally_linear", options={"width": 32})
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = spec.build(moments, manifolds.stream(0, "a")).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = (spec.build(moments, manifolds.stream(0, label)).state_dict() for label in ("a", "b"))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["maps"], other["maps"])


@pytest.mark.parametrize("name", sorted(set(architectures()) & set(DENOISERS)))
def test_rows_are_treated_independently(moments, name):
    """A row's estimate does not depend on what it is batched with."""
    module = Network(name).build(moments, manifolds.stream(6)).eval()
    with torch.no_grad():
        for p in module.parameters():
            p += 0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(7))
        y = points(9)
        assert torch.allclose(module(y)[2:5], module(y[2:5]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet"}, "network must be one of conv, conv_noise_level, estimator-paper, locally_linear, mlp, "),
        ({"name": "mlp", "options": {"depth": 3}}, "option of mlp must be one of layers, width, got 'depth'"),
        ({"name": "mlp", "options": {"width": 0}}, "option width of mlp must be an integer >= 1, got 0"),
        ({"name": "mlp", "options": {"width": True}}, "option width of mlp must be an integer >= 1, got True"),
    ],
)
def test_bad_specifications_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Network(**arguments)


def test_convolution_needs_a_square(moments):
    flat = DataMoments(torch.zeros(26, dtype=torch.float64), 1.0, 1.0)
    with pytest.raises(ValueError, match="dimension N\\^2 with N >= 5, got 26"):
        Network("conv").build(flat, manifolds.stream(0))


def test_an_estimator_cannot_be_told_the_level(moments):
    with pytest.raises(ValueError, match="blind must be True"):
        Network("noise_level", blind=False).build(moments, manifolds.stream(0))
