"""The runs of the scaling experiment: its laws, one range of noise levels, one prior, a = 1/2; what may be asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import manifolds
from analysis.ledger.sizes import resolved_level
from analysis.runs import Argument, whole
from analysis.samplers import Schedule
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.references import cached
from manifolds.registry import law_name

__all__ = [
    "ARGUMENTS",
    "CENTRAL",
    "DIMS",
    "EPS",
    "PAPER",
    "SIGMA_END",
    "SIGMA_START",
    "SIZES",
    "TABULATED",
    "A",
    "blind_denoiser",
    "decades",
    "ends",
    "make_law",
    "schedule",
    "selection",
    "slowness",
    "stream_of",
    "wide",
]

PAPER = "arXiv 2602.09639"
# the laws have scale 1 or so, so that sigma_T << s << sigma_0, as the closed forms ask
SIGMA_START, SIGMA_END, A = 20.0, 0.02, 0.5
# nats at which R2 is decided and sigma_T varies: small enough for disc ~ h, and ten times the price of blindness at
# d = 10^3 or more
EPS = 0.2
IMAGE_SIDE = 16  # pixels of an image, whatever d: the further coordinates hold noise alone

# points: of a price, of a telescope and of a run; ledger points are shared by the steps of a run
SIZES = {
    "smoke": {"price": 1 << 11, "telescope": 1 << 9, "run": 300, "ledger": 1 << 9, "coupled": 32},
    "paper": {"price": 1 << 16, "telescope": 1 << 13, "run": 2000, "ledger": 1 << 14, "coupled": 256},
    "full": {"price": 1 << 18, "telescope": 1 << 15, "run": 16000, "ledger": 1 << 17, "coupled": 2048},
}
# the laws that a default sweep runs at every size; it takes prices, steps and coupled runs of the rest of the catalogue
CENTRAL = ("gaussian", "sphere", "mixture")
DIMS = (2, 4, 8, 16, 32)
# curves, surfaces and images, whose every answer is a quadrature over their nodes -> k
TABULATED = {"ellipse": 1, "trefoil": 1, "moebius": 2, "swiss_roll": 2, "bars": 2, "blobs": 2, "discs": 2}
# e^k points: the largest k that is affordable
MOST = {"random_code": 8}
REST = ("torus", "cube", "ball", "product", "mixture_of_spheres", "union_of_subspaces", "random_code", *TABULATED)
# seconds on one core, per million points and steps
RATIO = {"gaussian": 1.0, "sphere": 4.0, "ball": 30.0, "union_of_subspaces": 60.0} | dict.fromkeys(TABULATED, 100.0)

ARGUMENTS = (
    Argument(
        "--dim",
        type=whole(1, 10**4),
        nargs="+",
        default=DIMS,
        help="intrinsic dimensions k",
        by_profile={"smoke": (2, 8)},
    ),
    Argument(
        "--law",
        type=law_name,
        nargs="+",
        default=(*CENTRAL, *REST),
        metavar="LAW",
        help=f"data laws; beside all of {', '.join(CENTRAL)} the others are swept in short: "
        "prices, steps, coupled runs",
        by_profile={"smoke": ("gaussian", "sphere")},
    ),
    Argument(
        "--ambient",
        type=whole(1, 10**18),
        nargs="+",
        default=(10**3, 10**6, 10**9),
        help="ambient dimensions d (1e9 is as cheap as 1e3)",
    ),
    Argument(
        "--steps",
        type=whole(1, 10**6),
        nargs="+",
        default=(8, 16, 32, 64, 128, 256, 512),
        help="step counts N",
        by_profile={"smoke": (8, 16, 32)},
    ),
)


def selection(options: Any) -> Iterator[tuple[str, int, bool]]:
    """(law, k, whether in short) of a selection, laws first; refuses laws that do not fit into the ambient space."""
    some = set(CENTRAL) <= set(options.law)
    for law in options.law:
        short = some and law not in CENTRAL
        for dim in _dims_of(law, options.dim, short):
            for ambient in () if short else options.ambient:
                try:
                    make_law(law, dim, ambient)
                except ValueError as error:
                    raise ValueError(f"argument --ambient: {error} (--law {law} --dim {dim})") from error
            yield law, dim, short


def _dims_of(law: str, asked: tuple[int, ...], short: bool) -> tuple[int, ...]:
    """The k of a law: in short every second one, those it can have, or its only one in the default sweep."""
    if not short:
        return tuple(asked)
    if law in TABULATED:
        return (TABULATED[law],) if TABULATED[law] in asked or tuple(asked) == DIMS else ()
    if law in MOST:
        return tuple(k for k in asked if k <= MOST[law])
    return tuple(asked)[:: 2 if len(asked) > 3 else 1]


def decades(ambient: tuple[int, ...]) -> list[int]:
    """The ambient dimensions asked for, and the powers of ten between them."""
    low, high = min(ambient), max(ambient)
    return sorted({*ambient, *(10**p for p in range(len(str(high))) if low < 10**p < high)})


def wide(law: str, dim: int, ambient: tuple[int, ...]) -> list[int]:
    """Of these d, those where 1/(d - m) is a power of d to 1 %; in steps of ten where that leaves few."""
    least = 10 * make_law(law, dim, max(ambient)).core_dim
    found = [d for d in ambient if d >= least]
    return found if len(found) >= 3 or len(ambient) < 3 else [d for d in decades(ambient) if d >= least]


def slowness(law: str, dim: int) -> float:
    """Seconds on one core per million points and steps."""
    return 8.0 + 0.03 * math.exp(dim) if law in MOST else RATIO.get(law, 8.0)


def make_law(name: str, dim: int, ambient: int) -> manifolds.Law:
    """A registered law at its default options, in quotient coordinates; images keep their pixels, whatever d."""
    if name in ("bars", "blobs", "discs"):
        return _images(name, dim).with_ambient(ambient)
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True)


@cached(8)
def _images(name: str, dim: int) -> manifolds.Law:
    """Kept, since image manifolds tabulate their nodes."""
    return manifolds.make(name, dim=dim, ambient=IMAGE_SIDE**2, reduced=True)


def ends(law: manifolds.Law) -> tuple[float, float]:
    """(sigma_0, sigma_T) of the experiment; a law of tabulated nodes ends where they resolve it, with 30 % to spare."""
    return SIGMA_START, resolved_level(law, SIGMA_END)


def schedule(law: manifolds.Law, steps: int) -> Schedule:
    """Constant steps between the ends of a law."""
    start, end = ends(law)
    return Schedule.proportional(start, end, a=A, steps=steps)


def blind_denoiser(law: manifolds.Law) -> BlindDenoiser:
    """f* for the prior of the theory, flat in sigma^-2, on the range of the schedule."""
    start, end = ends(law)
    return BlindDenoiser(law, NoisePrior.power(-3.0, end, start))


def stream_of(seed: int, part: str, params: dict) -> manifolds.Stream:
    """Draws depend on law and dimension alone: cells that differ in steps or ambient dimension share theirs."""
    return manifolds.stream(seed, "scaling", part, params["law"], params["dim"])
