"""Exact denoisers: conditional, blind (an average over the noise posterior), plug-in; and priors of the noise level."""

from manifolds.denoisers.blind import BlindDenoiser
from manifolds.denoisers.conditional import ConditionalDenoiser, Denoiser, as_denoiser
from manifolds.denoisers.noise_posterior import NoisePosterior
from manifolds.denoisers.plug_in import PlugInDenoiser
from manifolds.denoisers.prior import NoisePrior

__all__ = [
    "BlindDenoiser",
    "ConditionalDenoiser",
    "Denoiser",
    "NoisePosterior",
    "NoisePrior",
    "PlugInDenoiser",
    "as_denoiser",
]
