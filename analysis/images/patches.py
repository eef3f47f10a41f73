"""A law near photographs whose blind denoiser is exact: what does blindness cost there, and who reads the level?

A mixture of low-rank Gaussians is fitted to patches of some photographs (`analysis.images.patch_law`). Its exact
denoisers, conditional and blind, are tried on its own draws and on patches of photographs that it has not seen, beside
the classical blind baseline: wavelet shrinkage with the level from the median absolute deviation (scikit-image).
Patches of one photograph are not independent: intervals on photographs leave out one photograph at a time.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas
import torch

from analysis.images.data import evenly, load
from analysis.images.patch_law import patch_law
from analysis.images.quality import BLOCKS, difference, left_out, quantile
from analysis.images.settings import PART
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.theory.noise import fisher_information
from analysis.training.fit import Params, Row, row
from analysis.training.intervals import Interval
from analysis.training.measure import levels_of
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

CLAIMS = (
    # 2: registered in the issue of the claims. Intervals over photographs are too wide: there are four
    Claim(
        id="I9",
        kind="finding",
        source="derived here (Fisher information of log sigma), on patches of photographs",
        statement="the exact noise posterior of a patch mixture reads the level of patches of photographs that it has "
        "not seen within twice the Cramer-Rao bound, from sigma = .1 on",
        quantity="largest root mean square of log(sigma_hat/sigma) over the law's own bound, levels from .1 to 1; 16 x "
        "16 grey patches of four photographs; interval over their patches",
        predicted="<= 2; 1 on the law's own draws",
        allowed=(float("-inf"), 2.0),
        wide="the limit was registered before its interval was known",
        revised=Revision(
            was="the same, interval over photographs",
            why="four photographs left it between .9 and 3.4 in the first run",
        ),
    ),
    # .15 dB: half of the limit of I2b for networks
    Claim(
        id="I9b",
        kind="finding",
        source="arXiv 2602.09639, section 4.2, on an exact law near photographs",
        statement="blindness costs that law's exact denoiser less than .15 dB on photographs that it has not seen "
        "(limit set after a look)",
        quantity="largest PSNR conditional - PSNR blind in dB, levels from .1 to 1; 16 x 16 grey patches of four "
        "photographs; interval over their patches",
        predicted="<= .15; about .05 on the law's own draws, whose k_eff is not small against d",
        allowed=(float("-inf"), 0.15),
        expected="violated",
        revised=Revision(
            was="to .05 dB, registered as holds, interval over photographs",
            why="the law's own draws cost .05 dB, so that the null could not hold; on photographs the first run found "
            ".26 at sigma = .1: there the law reads the level worse than its own bound (I9)",
        ),
    ),
)
OFF, TOLD = (1.12, 1.2), (1.13, 1.2)  # planted factors of the estimate, and of the level that is told
LOW, HIGH = 0.02, 3.0  # of the prior; levels are tested well inside
WAVELETS = "wavelets need the package PyWavelets: their rows are left out"

_SIZES: dict[str, Params] = {
    "smoke": {"size": 8, "components": 2, "most": 500, "points": 24, "levels": 2},
    "paper": {"size": 16, "components": 8, "most": 10_000, "points": 1200, "levels": 4},
    "full": {"size": 16, "components": 32, "most": 40_000, "points": 2000, "levels": 7},
}


def cells(options: Any) -> list[Cell]:
    """One cell: the photographs of the packages; a reader's own images are not fitted."""
    if "patches" not in options.part:
        return []
    sizes = _SIZES[options.profile]
    cost = 20.0 + 0.02 * sizes["points"] * sizes["levels"] * sizes["components"] / 8
    return [Cell("image_patches", {**sizes, "low": 0.1, "high": 1.0}, cost=cost)]


def cell_patches(params: Params, seed: int) -> list[Row]:
    """Rows of measures by level; series `own` (draws of the law) or `held out` (patches of other photographs)."""
    law = patch_law(params["size"], params["components"], params["most"])
    images = load("photographs", params["size"], 1)
    draws, n = stream(seed, "patches", params["size"]), params["points"]
    chosen = evenly(len(images.held), n)
    data = {
        "own": (law.sample(n, draws.child("own")), torch.arange(n) % BLOCKS),
        "held out": (images.held[chosen], torch.arange(n) % BLOCKS),  # patches of every photograph in every block
    }
    blind = BlindDenoiser(law, NoisePrior.power(-1.0, LOW, HIGH))
    rows = [row("intrinsic_dim", law.intrinsic_dim), row("photographs", len(images.groups[chosen].unique()))]
    for sigma in levels_of(params):
        for series, (x, blocks) in data.items():
            y = law.add_noise(x, sigma, draws.child(series, sigma))
            rows += _level(law, blind, x, y, sigma, blocks, series)
            if series == "held out":
                rows += _photographs(blind, y, sigma, images.groups[chosen])
            rows += _wavelets(x, y, params["size"], sigma, blocks, series)
    return rows


def _level(law, blind: BlindDenoiser, x, y, sigma: float, blocks: torch.Tensor, series: str) -> list[Row]:
    d = law.ambient_dim
    error = blind.noise_posterior(y).mean - math.log(sigma)
    rows = _blockwise("log_square", error.square(), blocks, sigma, series)
    for factor in OFF:
        rows += _blockwise(f"log_square {factor:g}", (error + math.log(factor)).square(), blocks, sigma, series)
    fy, told = blind(y), law.denoise(y, sigma)
    rows += _blockwise("risk", (fy - x).square().mean(dim=1), blocks, sigma, f"{series}: blind")
    rows += _blockwise("risk", (told - x).square().mean(dim=1), blocks, sigma, f"{series}: conditional")
    for factor in TOLD:
        off = (law.denoise(y, factor * sigma) - x).square().mean(dim=1)
        rows += _blockwise("risk", off, blocks, sigma, f"{series}: told {factor:g}")
    if series == "own":
        spread = law.distance_variance(y, sigma).mean()
        rows.append(row("information", fisher_information(d, float(spread), sigma), level=sigma, series=series))
        gap = law.space.sqnorm(fy - told) / sigma**2
        rows.append(row("price", float(gap.mean()), float(gap.std()) / math.sqrt(len(gap)), sigma, series))
    return rows


def _photographs(blind: BlindDenoiser, y, sigma: float, groups: torch.Tensor) -> list[Row]:
    """Mean square of log(sigma_hat/sigma) of each photograph alone."""
    error = blind.noise_posterior(y).mean - math.log(sigma)
    names = groups.unique().tolist()
    return [row("log_square_alone", float(error[groups == g].square().mean()), 0.0, sigma, f"{g}") for g in names]


def _wavelets(x, y, size: int, sigma: float, blocks: torch.Tensor, series: str) -> list[Row]:
    """Bayes shrinkage of each patch with its own estimate of the level."""
    if find_spec("skimage") is None or find_spec("pywt") is None:
        return []
    from skimage.restoration import denoise_wavelet, estimate_sigma

    pictures = y.view(len(y), size, size).numpy()
    found = np.array([estimate_sigma(picture) for picture in pictures])
    clean = np.stack([denoise_wavelet(p, s, wavelet="db2", rescale_sigma=False) for p, s in zip(pictures, found)])
    error = torch.from_numpy(np.log(found / sigma))
    squares = (torch.from_numpy(clean).reshape(len(y), -1) - x).square().mean(dim=1)
    return _blockwise("log_square", error.square(), blocks, sigma, f"{series}: MAD") + _blockwise(
        "risk", squares, blocks, sigma, f"{series}: wavelets"
    )


def _blockwise(measure: str, each: torch.Tensor, blocks: torch.Tensor, level: float, series: str) -> list[Row]:
    """A mean over points (n,), and it with each block left out."""
    parts = [float(part.mean()) for part in left_out(each, blocks)]
    whole = row(measure, *difference(float(each.mean()), parts), level, series)
    return [whole, *(row(f"{measure}#", value, 0.0, level, f"{series}#{i}") for i, value in enumerate(parts))]


# -- verdicts -----------------------------------------------------------------------------------------------------


def curves(table: pandas.DataFrame, measure: str, series: str) -> pandas.DataFrame:
    """A row a level: the mean in column 0, then the means with each block left out."""
    whole = table[(table.measure == measure) & (table.series == series)].assign(block=0)
    parts = table[(table.measure == f"{measure}#") & table.series.str.startswith(f"{series}#")]
    parts = parts.assign(block=1 + parts.series.str.split("#").str[1].astype(int))
    return pandas.concat([whole, parts]).pivot_table(index="level", columns="block", values="value")


def _largest(values: pandas.DataFrame) -> tuple[Interval, float]:
    """The largest of the levels' values, with a simultaneous interval; and the level."""
    errors = np.array([difference(0.0, values.loc[level].iloc[1:].to_numpy())[1] for level in values.index])
    z, whole = quantile(values.shape[1] - 1, len(values)), values.iloc[:, 0].to_numpy()
    at = float(values.index[int(whole.argmax())])
    return (float(whole.max()), float((whole - z * errors).max()), float((whole + z * errors).max())), at


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I9 and I9b; a smoke run fits too little."""
    table = tables["image_patches"]
    if options.profile == "smoke" or table.empty:
        return []
    information = table[table.measure == "information"].set_index("level").value

    def over_bound(measure: str, series: str) -> tuple[Interval, float]:
        squares = curves(table, measure, series)
        return _largest(squares.mul(information, axis=0).map(math.sqrt))

    def loss(series: str, other: str) -> tuple[Interval, float]:
        ratio = curves(table, "risk", series) / curves(table, "risk", other)
        return _largest(10.0 * ratio.map(math.log10))

    read, at = over_bound("log_square", "held out")
    controls = [
        Control("null", "draws of the law itself", *over_bound("log_square", "own")[0][1:]),
        Control("power", f"those, {OFF[0]:g} times off", *over_bound(f"log_square {OFF[0]:g}", "own")[0][1:]),
    ]
    bound = 1.0 / math.sqrt(information[at])
    alone = table[(table.measure == "log_square_alone") & (table.level == at)].value.map(math.sqrt) / bound
    note = f"at sigma = {at:.3g}, where the bound is {bound:.3f}; photograph by photograph {alone.min():.2f} to "
    note += f"{alone.max():.2f}"
    found = [Measurement("I9", *read, controls=controls, note=note)]
    cost, at = loss("held out: blind", "held out: conditional")
    controls = [
        Control("null", "draws of the law itself", *loss("own: blind", "own: conditional")[0][1:]),
        Control(
            "power",
            f"told {TOLD[0]:g} times the level, draws of the law",
            *loss(f"own: told {TOLD[0]:g}", "own: conditional")[0][1:],
        ),
    ]
    own = table[table.measure == "price"].sort_values("level")
    note = (
        f"at sigma = {at:.3g}; |f* - f|^2/sigma^2 on the law's own draws {own.value.min():.3g} to {own.value.max():.3g}"
    )
    return [*found, Measurement("I9b", *cost, controls=controls, note=note)]


def show(tables: Tables, options: Any) -> str | None:
    """PSNR of every denoiser and error of every estimate of the level."""
    table = tables["image_patches"]
    if table.empty:
        return None
    risk, log = (table[table.measure == measure] for measure in ("risk", "log_square"))
    psnr = risk.assign(value=-10.0 * np.log10(risk.value)).pivot_table(index="series", columns="level", values="value")
    rms = log.assign(value=np.sqrt(log.value)).pivot_table(index="series", columns="level", values="value")
    lines = ["image_patches: PSNR in dB, by level", psnr.to_string(float_format="%.2f")]
    lines += ["image_patches: root mean square of log(sigma_hat/sigma)", rms.to_string(float_format="%.4f")]
    return "\n".join(lines + ([] if log.series.str.contains("MAD").any() else [WAVELETS]))


QUESTION = Question(
    cells=cells,
    parts={"image_patches": cell_patches},
    claims=CLAIMS,
    arguments=(PART,),
    decide=decide,
    show=show,
)
