"""Real images behind one loader: digits and photographs that ship inside packages, a reader's own folder or .npz file.

Every set is split before it is cut: digits by digit, patches by photograph, a reader's images by file. What is held out
shares no photograph with what is trained on.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy
import torch

from analysis.images.digits import FULL_SIDE, mnist
from manifolds import stream

__all__ = ["Images", "PHOTOGRAPHS", "Photograph", "evenly", "load", "mnist", "patches"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
PATCH = 32  # pixels a side, of photographs, by default
SHARE, MOST_HELD = 10, 1000  # one in SHARE of a reader's images is held out, but no more than MOST_HELD
MEMORY = 2**27  # numbers in a set: 1 GB


class Photograph(NamedTuple):
    """A photograph inside a package, and the terms under which its authors gave it away."""

    package: str
    path: str
    colour: bool
    licence: str

    def picture(self, colours: int) -> torch.Tensor:
        """(colours, height, width), pixels in [0, 1]; ValueError where the package is missing."""
        package = find_spec(self.package)
        if package is None or not package.submodule_search_locations:
            wheel = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[self.package]
            raise ValueError(f"photographs need the optional extra 'images' ({wheel})")
        return _read(Path(package.submodule_search_locations[0]) / self.path, colours)


# Photographs alone: no drawings, text, or micrographs. One of the stereo pair: the two show one scene.
PHOTOGRAPHS = {
    "astronaut": Photograph("skimage", "data/astronaut.png", True, "public domain (NASA)"),
    "brick": Photograph("skimage", "data/brick.png", False, "CC0 (CC0Textures)"),
    "camera": Photograph("skimage", "data/camera.png", False, "CC0 (Lav Varshney)"),
    "chelsea": Photograph("skimage", "data/chelsea.png", True, "CC0 (Stefan van der Walt)"),
    "clock": Photograph("skimage", "data/clock_motion.png", False, "public domain (Stefan van der Walt)"),
    "coffee": Photograph("skimage", "data/coffee.png", True, "CC0 (Rachel Michetti)"),
    "coins": Photograph("skimage", "data/coins.png", False, "no known restrictions (Brooklyn Museum)"),
    "grass": Photograph("skimage", "data/grass.png", False, "CC0 (linolafett)"),
    "gravel": Photograph("skimage", "data/gravel.png", False, "CC0 (CC0Textures)"),
    "hubble": Photograph("skimage", "data/hubble_deep_field.jpg", True, "public domain (NASA)"),
    "moon": Photograph("skimage", "data/moon.png", False, "as scikit-image (BSD 3-Clause): none stated"),
    "motorcycle": Photograph("skimage", "data/motorcycle_left.png", True, "Middlebury 2014 stereo data: to be cited"),
    "rocket": Photograph("skimage", "data/rocket.jpg", True, "public domain (SpaceX)"),
    "china": Photograph("sklearn", "datasets/images/china.jpg", True, "CC BY 2.0 (danielbuechele)"),
    "flower": Photograph("sklearn", "datasets/images/flower.jpg", True, "CC BY 2.0 (vultilion)"),
}
# A scene, still life, a plant and a texture, two of them in colour; chosen before any training.
HELD_PHOTOGRAPHS = ("camera", "coffee", "flower", "gravel")


@dataclass(frozen=True)
class Images:
    """Images to train on and images held out, as points.

    Attributes:
        name: what was loaded.
        train, held: (n, d) float64, pixels in [0, 1]; d = colours * size^2, one colour after the other, row by row.
        size: pixels a side.
        colours: 1 (grey) or 3.
        groups: (held,) which photograph a held-out image is cut from: images of one group are not independent.
        licences: a line for each photograph.
    """

    name: str
    train: torch.Tensor
    held: torch.Tensor
    size: int
    colours: int
    groups: torch.Tensor
    licences: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Hash of all pixels, bit by bit."""
        pixels = b"".join(part.contiguous().numpy().tobytes() for part in (self.train, self.held))
        return hashlib.sha256(pixels).hexdigest()[:16]


@lru_cache(maxsize=2)
def load(where: str, size: int | None = None, colours: int | None = None, most: int = 20_000) -> Images:
    """Images by name, "mnist" or "photographs", or from a folder or .npz file of the reader's own.

    >>> load("mnist", size=14).train.shape
    torch.Size([4500, 196])

    A folder is searched to its depth for png, jpg, webp, bmp and tif files, in the order of their names. An .npz file
    holds one array (n, h, w) or (n, h, w, 3), or names it `images`: bytes, or numbers in [0, 1].

    Args:
        size: pixels a side. Images are cut to their central square and averaged down to it; photographs are cut into
            patches. None: 28 for digits, 32 for photographs, else the images as they are.
        colours: 1 (colour is turned into grey) or 3. None: what all images have; grey for photographs.
        most: images used at most, evenly spaced in their order; of patches, to train on and to test with.

    Raises:
        ValueError: in one line: no such path, no images in it, a file that is no image, several sizes or not square
            where no size is given, images smaller than the size, grey where three colours are expected, a missing
            package.
    """
    if colours not in (None, 1, 3):
        raise ValueError(f"colours must be 1 or 3, got {colours}")
    if size is not None and size < 1:
        raise ValueError(f"size must be >= 1, got {size}")
    if where == "mnist":
        side = FULL_SIDE if size is None else size
        if colours == 3:
            raise ValueError("mnist has one colour, 3 are expected")
        train, held = mnist(side)
        return Images(where, train, held, side, 1, torch.arange(len(held)), ("MNIST: CC BY-SA 3.0 (LeCun and Cortes)",))
    if where == "photographs":
        return _photographs(PATCH if size is None else size, 1 if colours is None else colours, most)
    return _own(Path(where), size, colours, most)


# -- photographs --------------------------------------------------------------------------------------------------


def _photographs(size: int, colours: int, most: int) -> Images:
    """Patches of the photographs: every half patch to train on, side by side to test with."""
    chosen = {name: p for name, p in PHOTOGRAPHS.items() if p.colour or colours == 1}
    train, held, groups = [], [], []
    for number, (name, photograph) in enumerate(chosen.items()):
        picture = photograph.picture(colours)
        if min(picture.shape[1:]) < size:
            raise ValueError(f"photograph {name} is {_by(picture)} pixels, smaller than --size {size}")
        if name in HELD_PHOTOGRAPHS:
            held.append(patches(picture, size, size))
            groups += [number] * len(held[-1])
        else:
            train.append(patches(picture, size, max(size // 2, 1)))
    licences = tuple(f"{name}: {photograph.licence}" for name, photograph in chosen.items())
    known, tested = torch.cat(train), torch.cat(held)
    rows = evenly(len(tested), most)
    known, tested, photo = known[evenly(len(known), most)], tested[rows], torch.tensor(groups)[rows]
    return Images("photographs", known, tested, size, colours, photo, licences)


def patches(picture: torch.Tensor, size: int, stride: int) -> torch.Tensor:
    """Squares (n, colours * size^2) out of a picture (colours, height, width), every `stride` pixels."""
    cut = picture.unfold(1, size, stride).unfold(2, size, stride)  # (colours, rows, columns, size, size)
    return cut.permute(1, 2, 0, 3, 4).reshape(cut.shape[1] * cut.shape[2], -1)


# -- a reader's own -----------------------------------------------------------------------------------------------


def _own(path: Path, size: int | None, colours: int | None, most: int) -> Images:
    if not path.exists():
        raise ValueError(f"{path} does not exist: expected mnist, photographs, a folder of images or an .npz file")
    if size is not None:
        most = min(most, MEMORY // (3 * size * size))
    squares: list[torch.Tensor] = []  # one after the other: pictures of a large set do not fit into memory
    first: torch.Tensor | None = None
    for name, picture in _from_folder(path, colours, most) if path.is_dir() else _from_npz(path, colours, most):
        first = picture if first is None else first
        if len(picture) != len(first):
            raise ValueError(f"{path} holds grey and colour images: give --colours 1 to turn all into grey")
        if size is None and picture.shape != first.shape:
            both = f"{_by(first)} and {_by(picture)}, ..."
            raise ValueError(f"{path} holds images of several sizes ({both}): give --size N to cut and scale them")
        if size is None and picture.shape[1] != picture.shape[2]:
            raise ValueError(f"{name} is {_by(picture)} pixels, not square: give --size N to cut and scale them")
        if size is not None and min(picture.shape[1:]) < size:
            raise ValueError(f"{name} is {_by(picture)} pixels, smaller than --size {size}")
        squares.append(picture if size is None else square(picture, size))
    if len(squares) < 2 * SHARE:
        raise ValueError(f"{path} holds {len(squares)} images, at least {2 * SHARE} are needed to hold some out")
    points = torch.stack(squares).flatten(1)
    aside = min(len(points) // SHARE, MOST_HELD)
    order = stream(0, "images", "split").uniform(len(points)).argsort()
    train, held = (points[rows.sort().values] for rows in (order[aside:], order[:aside]))
    return Images(str(path), train, held, squares[0].shape[1], len(squares[0]), torch.arange(aside))


def evenly(n: int, most: int) -> torch.Tensor:
    """At most `most` of the numbers 0 .. n - 1, evenly spaced."""
    return torch.arange(n) if n <= most else torch.linspace(0, n - 1, most).round().long()


def square(picture: torch.Tensor, size: int) -> torch.Tensor:
    """The central square of a picture (colours, height, width), averaged down to size x size pixels by area."""
    side = min(picture.shape[1:])
    top, left = ((length - side) // 2 for length in picture.shape[1:])
    edges = torch.arange(size + 1, dtype=torch.float64) * side / size
    old = torch.arange(side, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], old + 1.0) - torch.maximum(edges[:-1, None], old)
    mean = overlap.clamp(min=0.0) * size / side  # (size, side): what each new row takes of the old ones
    return mean @ picture[:, top : top + side, left : left + side] @ mean.T


def _by(picture: torch.Tensor) -> str:
    return f"{picture.shape[2]} x {picture.shape[1]}"


def _from_folder(path: Path, colours: int | None, most: int) -> Iterator[tuple[str, torch.Tensor]]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise ValueError(f"{path} holds no images ({', '.join(s.lstrip('.') for s in SUFFIXES)})")
    for i in evenly(len(files), most).tolist():
        yield str(files[i]), _read(files[i], colours)


def _read(file: Path, colours: int | None) -> torch.Tensor:
    """A picture (colours, height, width) with pixels in [0, 1]."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
            if grey and colours == 3:
                raise ValueError(f"{file} has one colour, 3 are expected")
            deep = image.mode in ("I", "I;16")
            pixels = numpy.asarray(image if deep else image.convert("L" if grey or colours == 1 else "RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for other, or cut, files
        raise ValueError(f"{file} is no image, or not a whole one") from None
    values = torch.from_numpy(pixels.astype(numpy.float64)) / (65535.0 if deep else 255.0)
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1)


def _from_npz(path: Path, colours: int | None, most: int) -> Iterator[tuple[str, torch.Tensor]]:
    if path.suffix != ".npz":
        raise ValueError(f"{path} is no folder of images and no .npz file")
    try:
        with numpy.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        raise ValueError(f"{path} is not a whole .npz file of plain arrays") from None
    fit = {name: a for name, a in arrays.items() if a.ndim == 3 or (a.ndim == 4 and a.shape[3] in (1, 3))}
    name = "images" if "images" in fit else next(iter(fit), "")
    if not name or (len(fit) > 1 and name != "images"):
        shown = ", ".join(f"{name} {a.shape}" for name, a in arrays.items()) or "nothing"
        raise ValueError(f"{path} must hold one array (n, h, w) or (n, h, w, 3), or name it `images`; it holds {shown}")
    values = fit[name]
    if not len(values):
        raise ValueError(f"{path} holds no images")
    pixels = torch.from_numpy(values[evenly(len(values), most).numpy()].astype(numpy.float64))
    pixels = pixels / 255.0 if values.dtype == numpy.uint8 else pixels
    if not bool(((pixels >= 0.0) & (pixels <= 1.0)).all()):
        raise ValueError(f"{path} must hold bytes, or numbers in [0, 1]")
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    if colours == 3 and pixels.shape[1] == 1:
        raise ValueError(f"{path} has one colour, 3 are expected")
    if colours == 1 and pixels.shape[1] == 3:
        # the weights of a grey value that Pillow takes for files (ITU-R 601-2)
        weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
        pixels = torch.einsum("nchw,c->nhw", pixels, weights)[:, None]
    for i, picture in enumerate(pixels):
        yield f"image {i} of {path}", picture
