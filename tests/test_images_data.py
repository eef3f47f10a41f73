"""Real images: splits by photograph, a reader's own folder and .npz file, and one line for everything that is
neither."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis.images import EXPERIMENT
from analysis.images.data import HELD_PHOTOGRAPHS, PHOTOGRAPHS, load, patches, square
from analysis.runs import main
from analysis.runs.options import parse


def folder(path, count=24, size=(20, 16), mode="RGB", seed=0):
    """Random pictures under names in two subfolders; returns them (count, height, width, colours)."""
    draws = np.random.default_rng(seed)
    shape = (count, size[1], size[0], 3) if mode == "RGB" else (count, size[1], size[0])
    pixels = draws.integers(0, 256, size=shape, dtype=np.uint8)
    for i, picture in enumerate(pixels):
        place = path / ("a" if i < count // 2 else "b")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{i:03d}.png")
    return pixels


@pytest.fixture(scope="module")
def photographs():
    return {colours: load("photographs", size=32, colours=colours) for colours in (1, 3)}


def test_photographs_are_split_before_they_are_cut(photographs):
    """No held-out patch is one of those that are trained on, and the groups are the photographs held out."""
    for colours, found in photographs.items():
        names = [name for name, p in PHOTOGRAPHS.items() if p.colour or colours == 1]
        assert [names[g] for g in found.groups.unique().tolist()] == [n for n in names if n in HELD_PHOTOGRAPHS]
        assert found.train.shape[1] == found.held.shape[1] == colours * 32**2 and len(found.train) > 5000
        assert len(found.groups) == len(found.held) > 400
        assert float(found.train.min()) >= 0.0 and float(found.train.max()) <= 1.0
        assert len(found.licences) == len(names) and all(": " in line for line in found.licences)
        # textured patches only: a patch of plain sky is like any other
        held = found.held[found.held.std(dim=1) > 0.1][:100]
        assert float(torch.cdist(held, found.train).min()) > 0.5


def test_patches_are_squares_of_the_picture():
    picture = torch.arange(3 * 7 * 9, dtype=torch.float64).reshape(3, 7, 9)
    cut = patches(picture, 4, 2)
    assert cut.shape == (2 * 3, 3 * 16)
    assert torch.equal(cut[4].reshape(3, 4, 4), picture[:, 2:6, 2:6])


def test_square_is_the_mean_over_blocks_of_the_centre():
    picture = torch.rand(3, 10, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(square(picture, 4), picture[:, 1:9].reshape(3, 4, 2, 4, 2).mean(dim=(2, 4)))
    assert torch.equal(square(picture[:, 1:9], 8), picture[:, 1:9])


def test_a_folder_is_its_pictures_and_files_are_held_out(tmp_path):
    pixels = folder(tmp_path)
    (tmp_path / "list.txt").write_text("not looked at")
    found = load(str(tmp_path), size=8)
    assert (found.size, found.colours, found.train.shape, found.held.shape) == (8, 3, (22, 192), (2, 192))
    expected = torch.stack(
        [square(torch.from_numpy(p.astype(float) / 255).permute(2, 0, 1), 8).reshape(-1) for p in pixels]
    )
    together = torch.cat([found.train, found.held])
    assert torch.allclose(together.sort(dim=0).values, expected.sort(dim=0).values, atol=1e-12)
    assert float(torch.cdist(found.held, found.train).min()) > 0.1
    grey = load(str(tmp_path), size=8, colours=1)
    assert grey.train.shape == (22, 64) and grey.colours == 1
    assert len(load(str(tmp_path), size=8, most=20).train) == 18


@pytest.mark.parametrize("kind", ["bytes", "numbers", "grey"])
def test_an_npz_file_is_the_same_as_its_pictures(tmp_path, kind):
    pixels = folder(tmp_path / "pictures", size=(16, 16), mode="L" if kind == "grey" else "RGB")
    values = pixels / 255.0 if kind == "numbers" else pixels
    np.savez(tmp_path / "own.npz", x=values, labels=np.arange(len(pixels)))
    found, expected = load(str(tmp_path / "own.npz")), load(str(tmp_path / "pictures"))
    assert torch.allclose(found.train, expected.train, atol=1e-12) and torch.equal(found.groups, expected.groups)
    if kind == "bytes":  # grey values to the rounding of a byte
        files, arrays = (load(str(tmp_path / place), colours=1).train for place in ("pictures", "own.npz"))
        assert float((files - arrays).abs().max()) < 0.51 / 255


def _mixed_sizes(path):
    folder(path)
    Image.new("RGB", (30, 30)).save(path / "z.png")


def _mixed_colours(path):
    folder(path, size=(16, 16))
    Image.new("L", (16, 16)).save(path / "z.png")


def _no_image(path):
    folder(path)
    (path / "z.png").write_bytes(b"not an image")


def _cut(path):
    folder(path, size=(64, 64))
    whole = (path / "a" / "000.png").read_bytes()
    (path / "a" / "000.png").write_bytes(whole[: len(whole) // 2])


def _empty(path):
    path.mkdir()
    (path / "readme.txt").write_text("nothing")


BAD = {
    "absent": (lambda path: None, [], "does not exist: expected mnist, photographs, a folder of images or an .npz"),
    "empty": (_empty, [], "holds no images (png, jpg, jpeg, webp, bmp, tif, tiff)"),
    "no image": (_no_image, ["--size", "8"], "z.png is no image, or not a whole one"),
    "cut": (_cut, ["--size", "8"], "000.png is no image, or not a whole one"),
    "sizes": (_mixed_sizes, [], "not square: give --size N to cut and scale them"),
    "square sizes": (
        lambda path: (folder(path, size=(16, 16)), Image.new("RGB", (30, 30)).save(path / "z.png")),
        [],
        "holds images of several sizes (16 x 16 and 30 x 30, ...): give --size N to cut and scale them",
    ),
    "colours": (_mixed_colours, ["--size", "8"], "holds grey and colour images: give --colours 1"),
    "one colour": (
        lambda path: folder(path, mode="L"),
        ["--size", "8", "--colours", "3"],
        "000.png has one colour, 3 are expected",
    ),
    "small": (folder, ["--size", "64"], "000.png is 20 x 16 pixels, smaller than --size 64"),
    "few": (lambda path: folder(path, count=6), ["--size", "8"], "holds 6 images, at least 20 are needed"),
    "a file": (lambda path: path.write_text("x"), [], "is no folder of images and no .npz file"),
}


def test_the_command_takes_a_folder_and_says_nothing_about_the_digits(tmp_path, capsys):
    """Both cells run on a reader's own images; a changed folder has other cells."""
    folder(tmp_path / "own", size=(18, 16))
    command = ["--profile", "smoke", "--part", "real", "--images", str(tmp_path / "own"), "--size", "8"]
    assert main(EXPERIMENT, [*command, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "tables" / "training_real.csv")
    assert set(table.task) == {"pair", "level"} and set(table.status) == {"ok"}
    assert set(table.images) == {str(tmp_path / "own")} and set(table.colours) == {3} and set(table.side) == {8}
    risk = table[(table.measure == "risk") & (table.series == "by heart")]
    assert (risk.value < 1.0).all() and len(risk) == 2
    assert "I2b" not in (tmp_path / "out" / "claims.csv").read_text()
    before = EXPERIMENT.question("I2b").cells(parse(EXPERIMENT, command))
    load.cache_clear()
    Image.new("RGB", (18, 16)).save(tmp_path / "own" / "a" / "000.png")
    after = EXPERIMENT.question("I2b").cells(parse(EXPERIMENT, command))
    assert [c.params["content"] for c in before] != [c.params["content"] for c in after]


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_images_are_one_line_and_leave_nothing(tmp_path, capsys, name):
    make, arguments, line = BAD[name]
    make(tmp_path / "own")
    out = tmp_path / "out"
    status = main(EXPERIMENT, ["--profile", "smoke", "--images", str(tmp_path / "own"), "--out", str(out), *arguments])
    error = capsys.readouterr().err
    assert status == 2 and error.count("\n") == 1
    assert error.startswith("python -m analysis.images: argument --images: ") and line in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"x": np.zeros((30, 8))}, "must hold one array (n, h, w) or (n, h, w, 3), or name it `images`; it holds x"),
        ({"x": np.zeros((30, 8, 8)), "y": np.zeros((30, 8, 8))}, "must hold one array"),
        ({"x": np.full((30, 8, 8), 7.0)}, "must hold bytes, or numbers in [0, 1]"),
        ({"x": np.full((30, 8, 8), np.nan)}, "must hold bytes, or numbers in [0, 1]"),
        ({"x": np.zeros((0, 8, 8))}, "holds no images"),
        ({"x": np.array([{}, {}], dtype=object)}, "is not a whole .npz file of plain arrays"),
    ],
)
def test_bad_arrays_are_one_line(tmp_path, arrays, line):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError) as error:
        load(str(tmp_path / "own.npz"))
    assert line in str(error.value)


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr("analysis.images.data.find_spec", lambda name: None)
    load.cache_clear()
    with pytest.raises(ValueError, match=r"photographs need the optional extra 'images' \(scikit-image\)"):
        load("photographs", size=8)
    load.cache_clear()
