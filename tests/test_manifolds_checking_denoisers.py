"""check_denoiser refuses denoisers that are broken by one line, and says why in one."""

import pytest
import torch

import manifolds
from manifolds.checking import ContractError
from manifolds.denoisers import BlindDenoiser, NoisePrior

LAW = manifolds.make("sphere", dim=2, ambient=8)
PRIOR = NoisePrior.power(-1.0, 0.1, 2.0)
_noise = manifolds.stream(0, "a denoiser with randomness")


def _in_place(y, sigma):
    return y.mul_(0.5)


def _aside(y, sigma):
    out = LAW.denoise(y, sigma)
    out[:, -1] += 0.3
    return out


BAD_DENOISERS = [
    ("calls", _in_place, "does not write into its argument"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma).to(torch.float32), "float32"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma)[:, :3], r"got \(200, 3\)"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma) + 1e-3 * _noise.normal(len(y), 8), "second call"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma) - y.mean(dim=0), "alone"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma) / (y.norm(dim=1, keepdim=True) < 100.0), "finite"),
    ("calls", lambda y, sigma: LAW.denoise(y, sigma) * float(y.abs().max() > 0), "an answer, got"),
    ("calls", lambda y, sigma: LAW.denoise(y, float(sigma)), "an answer, got"),
    ("optimality", lambda y, sigma: y - LAW.denoise(y, sigma), "optimal denoiser"),
    ("optimality", lambda y, sigma: LAW.denoise(y, 3.0 * torch.as_tensor(sigma)) * -1.0, "optimal denoiser"),
]


@pytest.mark.parametrize(("check", "bad", "message"), BAD_DENOISERS)
def test_a_broken_denoiser_is_refused_with_a_line_that_says_why(check, bad, message):
    with pytest.raises(ContractError, match=message) as caught:
        manifolds.check_denoiser(bad, LAW)
    assert caught.value.check == check and "\n" not in str(caught.value)


def test_symmetry_is_asked_for_to_the_tolerance_of_optimality():
    assert manifolds.check_denoiser(_aside, LAW)
    with pytest.raises(ContractError, match="equivariance"):
        manifolds.check_denoiser(_aside, LAW, tol=1e-6)


def test_a_blind_denoiser_is_held_against_the_optimum_of_its_prior():
    exact = BlindDenoiser(LAW, PRIOR)
    held = manifolds.check_denoiser(exact, LAW, prior=PRIOR, tol=1e-12)
    assert {one.check for one in held} == {"calls", "optimality", "equivariance"}
    assert manifolds.check_denoiser(exact, LAW)  # as any map that is better than nothing
    with pytest.raises(ContractError, match="optimality"):
        manifolds.check_denoiser(BlindDenoiser(LAW, NoisePrior.power(-3.0, 0.1, 2.0)), LAW, prior=PRIOR, tol=1e-3)
