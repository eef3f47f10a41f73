"""What the training experiment claims on real images, and its cells."""

from __future__ import annotations

from analysis.runs import Cell, Claim

__all__ = ["REAL_CLAIMS", "real_cells"]

_PAPER = "arXiv 2602.09639"

REAL_CLAIMS = (
    # 0.3 dB: the limit of I2
    Claim(
        id="I2b",
        kind="paper",
        source=f"{_PAPER}, figure 4",
        statement="a blind and a conditional network of one body have the same PSNR to 0.3 dB at every noise level: handwritten digits that neither has seen",
        quantity="largest |PSNR blind - PSNR conditional| in dB over the levels of the training range; 500 MNIST digits of 14 x 14 pixels",
        predicted="<= 0.3",
        allowed=(float("-inf"), 0.3),
    ),
    # 0.1: the limit of I1b
    Claim(
        id="I1d",
        kind="paper",
        source=f"{_PAPER}, figure 12",
        statement="a small convolutional network estimates the noise level of one real image to 10 %: handwritten digits that it has not seen",
        quantity="largest root mean square of log(sigma_hat/sigma) over levels from 0.1 to 3 (trained on 0.03 to 3); 500 MNIST digits of 28 x 28 pixels",
        predicted="<= 0.1; 1/sqrt(2 d) = 0.025 at best",
        allowed=(float("-inf"), 0.1),
    ),
)

# Costs: seconds on one core. Denoisers see averages over 2 x 2 pixels by default: at 28 x 28 a step takes four times as long.
_SIZES = {
    "smoke": {"side": 7, "levels": 2, "copies": 1, "channels": 4, "filters": 4, "batch": 32, "steps": 5},
    "paper": {"side": 14, "levels": 9, "copies": 4, "channels": 16, "filters": 16, "batch": 64, "steps": 5000},
    "full": {"side": 28, "levels": 9, "copies": 4, "channels": 32, "filters": 16, "batch": 128, "steps": 20_000},
}
_ESTIMATOR = {
    "smoke": {"side": 7, "levels": 2, "exact_points": 10, "filters": 8, "batch": 64, "steps": 5},
    "paper": {"side": 28, "levels": 9, "exact_points": 100, "filters": 32, "batch": 128, "steps": 2500},
    "full": {"side": 28, "levels": 9, "exact_points": 500, "filters": 32, "batch": 256, "steps": 10_000},
}
_RANGE = {"low": 0.1, "high": 3.0}


def real_cells(options) -> list[Cell]:
    """One cell trains three denoisers, which are compared image by image; one trains an estimator of the noise level."""
    shared = {**_RANGE, "lr": 8e-3, "device": options.device}
    pair = {"task": "pair", "architecture": "conv", "prior": "-2", **_SIZES[options.profile]}
    # like the paper's, trained from (almost) no noise on
    level = {
        "task": "level",
        "architecture": "conv_noise_level",
        "prior": "-1",
        "tested": _RANGE["low"],
        **_ESTIMATOR[options.profile],
    }
    step = 0.0014 * pair["channels"] * pair["batch"] / 64 * (pair["side"] / 14) ** 2
    return [
        Cell("training_real", {**shared, **pair}, cost=10.0 + 3.0 * step * pair["steps"]),
        Cell("training_real", {**shared, **level, "low": 0.03}, cost=5.0 + 0.04 * level["steps"]),
    ]
