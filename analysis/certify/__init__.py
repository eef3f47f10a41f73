"""The suite turned on a reader's own denoiser: `certify(denoiser, law)` names what is wrong with it, and by how much.

`wrap` first makes a denoiser of a network that predicts something else than a clean estimate.
"""

from analysis.certify.calculation import certify
from analysis.certify.orders import Order, observed_order
from analysis.certify.record import Certificate, Finding
from analysis.certify.wrapping import Wrapped, wrap

__all__ = ["Certificate", "Finding", "Order", "Wrapped", "certify", "observed_order", "wrap"]
