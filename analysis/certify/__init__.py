"""The suite turned on a reader's own denoiser: `certify(denoiser, law)` names what is wrong with it, and by how much.

`certify_data(denoiser, data)` says what can be said without a law, `certify_sampler(integrator)` judges a sampler.
`wrap` first makes a denoiser of a network that predicts something else than a clean estimate.
"""

from analysis.certify.calculation import certify
from analysis.certify.data import certify_data
from analysis.certify.data_record import DataCertificate
from analysis.certify.orders import Order, observed_order
from analysis.certify.record import Certificate, Finding
from analysis.certify.samplers import SamplerCertificate, certify_sampler
from analysis.certify.wrapping import Wrapped, wrap

__all__ = [
    "Certificate", "DataCertificate", "Finding", "Order", "SamplerCertificate", "Wrapped", "certify", "certify_data",
    "certify_sampler", "observed_order", "wrap",
]  # fmt: skip
