"""What the image part of the training experiment claims, and its cells."""

from __future__ import annotations

from analysis.runs import Cell, Claim

__all__ = ["IMAGE_CLAIMS", "image_cells"]

_PAPER = "arXiv 2602.09639"

IMAGE_CLAIMS = (
    # 0.3 dB: half of what the exact conditional optimum of each of the four image laws loses, at its worst level, when it is
    # told 1.5 times the noise level (0.58 to 0.74 dB); the exact blind optima lose at most 0.011 dB.
    Claim(
        id="I2",
        kind="paper",
        source=f"{_PAPER}, figure 4",
        statement="a blind and a conditional network of one body have the same PSNR to 0.3 dB at every noise level: images on a 2-manifold",
        quantity="largest |PSNR blind - PSNR conditional| in dB over the levels of the training range; 16 x 16 blobs, trained networks",
        predicted="<= 0.3; the exact optima differ by 0.007",
        allowed=(float("-inf"), 0.3),
    ),
    # 0.015: half of the gap that plain Euler opened between the exact optima in 4 steps, in a pilot; the note has it as measured
    Claim(
        id="I3",
        kind="paper",
        source=f"{_PAPER}, figures 5, 7 and 8; attribution derived here",
        statement="with coefficients that keep the scheduled level, samples of a blind and a conditional network from matched starts "
        "are equally good; the gap under plain Euler is one of coefficients",
        quantity="largest |difference| of squared sliced W2 to the law, blind - conditional, over its variance; 4 and 16 steps from "
        "3 to 0.5 (exponential Euler, a = 0); 16 x 16 blobs, trained networks",
        predicted="<= 0.015; the exact optima differ by 0.001",
        allowed=(float("-inf"), 0.015),
    ),
    Claim(
        id="I4",
        kind="finding",
        source=f"{_PAPER}, figure 4 and the premise k^2 << d",
        statement="blind and conditional networks have the same PSNR to 0.3 dB also where k_eff^2 << d fails: smooth random images, k_eff^2/d from 1 to 44",
        quantity="largest |PSNR blind - PSNR conditional| in dB over the levels with k_eff^2/d > 1, k_eff = mmse/sigma^2; trained networks",
        predicted="<= 0.3: the condition is linear in k, the exact optima differ by 0.011",
        allowed=(float("-inf"), 0.3),
    ),
    # 0.1: twice the exact posterior's standard deviation 1/sqrt(2(d - m)) = 0.049
    Claim(
        id="I1b",
        kind="paper",
        source=f"{_PAPER}, figure 12",
        statement="a small convolutional network estimates the noise level of one image to 10 %, inside the range it was trained on",
        quantity="largest root mean square of log(sigma_hat/sigma) over the levels up to 3; 16 x 16 blobs",
        predicted="<= 0.1; the exact posterior mean attains 0.045",
        allowed=(float("-inf"), 0.1),
    ),
    Claim(
        id="I1c",
        kind="finding",
        source=f"{_PAPER}, figure 12",
        statement="the same network does so beyond that range, up to 10 (trained up to 3)",
        quantity="largest root mean square of log(sigma_hat/sigma) over the levels from 3 to 10; 16 x 16 blobs",
        predicted="<= 0.1: its estimate is homogeneous where noise dominates",
        allowed=(float("-inf"), 0.1),
    ),
)

# The low ends are also the finest levels that the quadratures resolve. Priors: equal emphasis on the relative risk, roughly.
_LAWS = {
    "blobs": {"dim": 2, "low": 0.2, "prior": "-3"},
    "discs": {"dim": 2, "low": 0.2, "prior": "-3"},
    "bars": {"dim": 2, "low": 0.2, "prior": "-3"},
    "field": {"dim": 128, "low": 0.1, "prior": "-2"},
}
# Costs: seconds on one core. A step of 64 images takes 0.03 with 16 channels (32 channels take 0.1).
_SIZES = {
    "smoke": {"ambient": 64, "levels": 3, "points": 100, "channels": 4, "filters": 4, "batch": 32},
    "paper": {"ambient": 256, "levels": 9, "points": 1000, "channels": 16, "filters": 16, "batch": 64},
}
_SIZES["full"] = {**_SIZES["paper"], "points": 4000, "channels": 32, "batch": 128}
_STEPS = {
    "smoke": {"blobs": 20, "field": 20},
    "paper": {"blobs": 2000, "field": 1200},
    "full": {"blobs": 10_000, "field": 10_000},
}
_ESTIMATOR_STEPS = {"smoke": 20, "paper": 2500, "full": 10_000}
_TOP = 10.0  # estimators are tested up to here
_EXTRA_LEVELS = 4


def image_cells(options) -> list[Cell]:
    """Exact optima of every image law; denoisers, blind and conditional, on two of them; an estimator on one."""
    profile = options.profile
    sizes, cells = _SIZES[profile], []
    laws = {
        law: {"law": law, **own, "high": 3.0, **{key: sizes[key] for key in ("ambient", "levels", "points")}}
        for law, own in _LAWS.items()
    }
    if profile == "smoke":
        laws = {law: {**own, "low": 0.5, "dim": min(own["dim"], 32)} for law, own in laws.items()}
    laws["blobs"]["run_points"] = sizes["points"]
    measuring = 0.01 * sizes["points"]
    shared = {"filters": sizes["filters"], "batch": sizes["batch"], "lr": 8e-3, "device": options.device}
    for law, own in laws.items():
        cells.append(Cell("training_images", {"task": "exact", **own}, cost=measuring))
        for blind in (True, False) if law in _STEPS[profile] else ():
            steps = _STEPS[profile][law]
            training = {
                "task": "denoise",
                "blind": blind,
                "architecture": "conv",
                "channels": sizes["channels"],
                "steps": steps,
            }
            cost = 2.0 * measuring + 0.002 * sizes["channels"] * sizes["batch"] / 64 * steps
            cells.append(Cell("training_images", {**own, **shared, **training}, cost=cost))
    tested = {"top": _TOP, "levels": sizes["levels"] + _EXTRA_LEVELS, "exact_points": sizes["points"] // 5}
    training = {
        "task": "level",
        "blind": True,
        "architecture": "conv_noise_level",
        "steps": _ESTIMATOR_STEPS[profile],
        "prior": "-1",
    }
    blobs = {key: value for key, value in laws["blobs"].items() if key != "run_points"}
    params = {**blobs, **shared, **tested, **training, "filters": 2 * sizes["filters"], "batch": 2 * sizes["batch"]}
    return [*cells, Cell("training_images", params, cost=3.0 * measuring + 0.01 * _ESTIMATOR_STEPS[profile])]
