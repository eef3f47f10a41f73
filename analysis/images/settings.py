"""What the questions of this experiment share: which are asked, and sizes and ranges of the images of known law."""

from __future__ import annotations

from analysis.runs import Argument, one_of
from analysis.training.fit import Params

__all__ = ["PART", "PARTS", "SIZES", "known_laws"]

PARTS = ("known", "real", "samples", "patches")
PART = Argument(
    "--part",
    type=one_of(*PARTS),
    nargs="+",
    default=PARTS,
    help="known laws, real images, samples of networks, a law of patches",
)

# The low ends are also the finest levels that the quadratures resolve. Priors: equal emphasis on the relative risk,
# roughly.
_LAWS: dict[str, Params] = {
    "blobs": {"dim": 2, "low": 0.2, "prior": "-3"},
    "discs": {"dim": 2, "low": 0.2, "prior": "-3"},
    "bars": {"dim": 2, "low": 0.2, "prior": "-3"},
    "field": {"dim": 128, "low": 0.1, "prior": "-2"},
}
# Costs: seconds on one core. A step of 64 images takes 0.03 with 16 channels (32 channels take 0.1).
SIZES: dict[str, Params] = {
    "smoke": {"ambient": 64, "levels": 3, "points": 40, "channels": 4, "filters": 4, "batch": 32},
    "paper": {"ambient": 256, "levels": 9, "points": 1000, "channels": 16, "filters": 16, "batch": 64},
    "full": {"ambient": 256, "levels": 9, "points": 4000, "channels": 32, "filters": 16, "batch": 128},
}


def known_laws(profile: str) -> dict[str, Params]:
    """Law, range of levels and sizes of each law, as parameters of its cells."""
    sizes = {key: SIZES[profile][key] for key in ("ambient", "levels", "points")}
    laws = {law: {"law": law, **own, "high": 3.0, **sizes} for law, own in _LAWS.items()}
    if profile == "smoke":
        laws = {law: {**own, "low": 0.5, "dim": min(own["dim"], 32)} for law, own in laws.items()}
    return laws


def measuring(profile: str) -> float:
    """Expected seconds of one measurement at all levels."""
    return 0.01 * SIZES[profile]["points"]
