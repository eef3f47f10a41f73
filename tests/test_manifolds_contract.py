"""Every registered law keeps the contract of `manifolds.check_law`; a new registry line is picked up by itself.

What the contract does not know is in each law's own file: independent values. That it notices mistakes is in
test_manifolds_checking.
"""

import pytest

import manifolds
from manifolds.checking import CHECKS

# where the defaults dim=2, ambient=14 do not fit
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


def example(name, reduced=False, **changes):
    options = {"dim": 2, "ambient": 14, **EXAMPLES.get(name, {}), **changes}
    return manifolds.make(name, reduced=reduced, **options)


@pytest.mark.parametrize("name", manifolds.names())
def test_a_registered_law_keeps_the_contract(name):
    law = example(name)
    held = manifolds.check_law(law)
    # what a law is let off follows from what it says of itself
    let_off = {"far off"} if getattr(law.core, "finest_sigma", 0.0) else set()
    let_off |= {"far off", "little noise"} if law.core.absorbs_normal else set()
    assert {one.check for one in held} == set(CHECKS) - let_off
    assert all(one.error <= one.tolerance for one in held)
    smooth = not (law.core.finite or law.core.absorbs_normal)
    assert any("local rank" in one.expected for one in held) == smooth


@pytest.mark.parametrize("name", manifolds.names())
def test_a_turned_law_and_other_levels_keep_it_too(name):
    law = example(name, rotation=3)
    finest = getattr(law.core, "finest_sigma", 0.0)
    levels = (max(0.15, 1.5 * finest), 3.0)
    held = manifolds.check_law(law, levels=levels, seed=1, only=["tweedie", "slopes in sigma", "trace and divergence"])
    assert len(held) >= 20


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sphere", {"dim": 64, "ambient": 10**6, "radius": 30.0}),
        ("ball", {"dim": 6, "ambient": 10**4, "radius": 1e-3}),
        ("gaussian", {"dim": 3, "ambient": 10**9, "scale": [0.2, 1.0, 4.0]}),
        ("cube", {"dim": 5, "ambient": 5000, "half_width": 1e4}),
        ("torus", {"dim": 3, "ambient": 10**9, "radius": [0.5, 1.0, 3.0]}),
        ("two_scale", {"dim": 30, "ambient": 1000}),
        ("full_gaussian", {"dim": 10**9, "ambient": 10**9}),
    ],
)
def test_laws_of_other_sizes_in_many_dimensions_keep_it(name, options):
    held = manifolds.check_law(manifolds.make(name, reduced=True, **options))
    assert {one.check for one in held} >= set(CHECKS) - {"far off", "little noise", "representations", "dimension"}


@pytest.mark.parametrize("name", manifolds.names())
def test_the_conditional_denoiser_of_a_law_keeps_the_denoisers_contract(name):
    for reduced in (False, True):
        law = example(name, reduced=reduced)
        held = manifolds.check_denoiser(law.denoise, law, tol=1e-8)
        assert {one.check for one in held} >= {"calls", "optimality"}
        assert ("equivariance" in {one.check for one in held}) == (not reduced and law.space.normal_dim > 0)


def test_covering_numbers_of_no_radius_are_refused():
    with pytest.raises(ValueError, match="eps must be > 0"):
        example("sphere").log_covering_number(0.0)
