"""The interpolated MMSE curve against closed forms and against the law's own answers."""

import numpy as np
import pytest
import torch

import manifolds
from manifolds.special.mmse_curve import known_mmse


@pytest.mark.parametrize("low, high", [(0.01, 10.0), (1e-4, 1e3), (0.5, 0.5001)])
def test_a_gaussians_curve_is_its_closed_form(low, high):
    law = manifolds.make("gaussian", dim=5, ambient=20)
    sigma = np.exp(np.linspace(np.log(low), np.log(high), 997))
    exact = 5 * sigma**2 / (1 + sigma**2)
    assert np.abs(known_mmse(law, low, high)(sigma) / exact - 1.0).max() < 1e-12


@pytest.mark.parametrize("name", ["sphere", "torus", "cube", "ball", "product"])
def test_between_its_points_a_curve_is_what_the_law_answers(name):
    law = manifolds.make(name, dim=3, ambient=20)
    sigma = np.exp(np.linspace(np.log(0.01), np.log(10.0), 37))[:, None]
    found = known_mmse(law, 0.01, 10.0)(sigma)
    assert found.shape == (37, 1)
    exact = law.mmse(torch.from_numpy(sigma[:, 0])).numpy()
    assert np.abs(found[:, 0] / exact - 1.0).max() < 1e-12


def test_a_law_that_knows_none_has_no_curve():
    assert known_mmse(manifolds.make("mixture", dim=2, ambient=20), 0.1, 1.0) is None
