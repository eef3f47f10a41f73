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
    # 0.1: twice 1/sqrt(2 d) = 0.0505, the least that an exact posterior could attain
    Claim(
        id="I1d",
        kind="paper",
        source=f"{_PAPER}, figure 12",
        statement="a small convolutional network estimates the noise level of one real image to 10 %: handwritten digits that it has not seen",
        quantity="largest root mean square of log(sigma_hat/sigma) over the levels of the training range; 500 MNIST digits of 14 x 14 pixels",
        predicted="<= 0.1; 1/sqrt(2 d) = 0.05 at best",
        allowed=(float("-inf"), 0.1),
    ),
)

# Costs: seconds on one core.
_SIZES = {
    "smoke": {"side": 7, "levels": 3, "copies": 1, "channels": 4, "filters": 4, "batch": 32, "steps": 20, "level_steps": 20},
    "paper": {"side": 14, "levels": 9, "copies": 2, "channels": 16, "filters": 16, "batch": 64, "steps": 2000, "level_steps": 2500},
    "full": {"side": 28, "levels": 9, "copies": 4, "channels": 32, "filters": 16, "batch": 128, "steps": 10_000, "level_steps": 10_000},
}


def real_cells(options) -> list[Cell]:
    """One cell trains three denoisers, which are compared image by image; one trains an estimator of the noise level."""
    size = dict(_SIZES[options.profile])
    steps, level_steps, channels = (size.pop(name) for name in ("steps", "level_steps", "channels"))
    shared = {"low": 0.1, "high": 3.0, "lr": 8e-3, "device": options.device, **size}
    pair = {"task": "pair", "architecture": "conv", "channels": channels, "prior": "-2", "steps": steps}
    level = {"task": "level", "architecture": "conv_noise_level", "prior": "-1", "steps": level_steps}
    level |= {"filters": 2 * size["filters"], "batch": 2 * size["batch"]}
    each = 0.0015 * channels * size["batch"] / 64 * (size["side"] / 14) ** 2
    return [
        Cell("training_real", {**shared, **pair}, cost=10.0 + 3.0 * each * steps),
        Cell("training_real", {**shared, **level}, cost=5.0 + 0.01 * level_steps),
    ]
