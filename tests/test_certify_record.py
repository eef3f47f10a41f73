"""Findings of structure, the certificate as text, JSON and frame, and what `certify` refuses."""

import doctest
import json
import math

import pytest
import torch

import manifolds
from analysis.certify import calculation, certify, levels, wrap
from analysis.ledger.telescope import telescope_term
from analysis.samplers import Schedule

F32 = torch.float32
LAW = manifolds.make("sphere", dim=8, ambient=128)
TOLD = LAW.denoise


def optimal(y, s):
    return TOLD(y, s)


def only(f):
    certificate = certify(f, LAW, points=64, runs=False)
    assert len(certificate.findings) == 1, str(certificate)
    return certificate.findings[0]


def _write(y, s):
    y *= 1.0 + 1e-3
    return TOLD(y / (1.0 + 1e-3), s)


def _write32(y, s):
    out = TOLD(y.double(), s.double()).float()
    y.zero_()
    return out


def _raise(y, s):
    raise RuntimeError("mat1 and mat2\nshapes cannot be multiplied")


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (_raise, "raises"),
        (lambda y, s: y[:, :3], "wrong_shape"),
        (lambda y, s: None, "wrong_shape"),
        (wrap(lambda y, s: y[:, :3]), "wrong_shape"),
        (lambda y, s: TOLD(y, s).float(), "wrong_dtype"),
        (wrap(lambda y, s: y.double(), dtype=F32), "wrong_dtype"),
        (lambda y, s: torch.where(y > 2 * s, math.nan, y), "not_finite"),
        (lambda y, s: y / 0.0, "not_finite"),
        (_write, "writes_into_input"),
        (wrap(_write32, dtype=F32), "writes_into_input"),
    ],
)
def test_structure(f, kind):
    finding = only(f)
    assert finding.kind == kind and finding.size is None and "\n" not in finding.sentence


# the record


def test_the_certificate_is_text_json_and_a_frame(tmp_path):
    certificate = certify(lambda y, s: 1.02 * TOLD(y, s), LAW, points=64)
    text = str(certificate)
    assert "1 finding\n  not_optimal: is the optimal denoiser times 1.02 [0.02 factor - 1" in text
    assert all(len(line) <= 120 for line in text.splitlines()[:-1])
    certificate.to_json(tmp_path / "c.json")
    read = json.loads((tmp_path / "c.json").read_text())
    assert read["findings"][0]["kind"] == "not_optimal" and not read["ok"] and len(read["levels"]) == 8
    assert list(certificate.to_frame().columns) == list(read["columns"])[:7]
    assert str(certify(optimal, LAW, points=64, runs=False)).endswith("no finding")


def test_runs_stand_in_the_certificate():
    """The start and the steps' price of S^8 against their own integrals; a scaled denoiser pays for what it adds."""
    certificate = certify(lambda y, s: 1.02 * TOLD(y, s), LAW, points=64)
    runs = certificate.to_frame(runs=True)
    schedule = Schedule.proportional(10.0, 0.01, steps=64)
    disc = telescope_term(LAW, schedule).value
    assert runs.steps.tolist() == [4, 16, 64] and set(runs.columns) <= set(certificate.columns)
    assert runs.discretisation[2] == pytest.approx(disc, rel=1e-9)
    assert runs.total[2] == pytest.approx(runs[["init", "discretisation", "learning"]].iloc[2].sum(), rel=1e-6)
    # E |.02 f|^2 = 4e-4 (1 - mmse), weighed by int dt/(4 a_t)
    sigma = schedule.sigma[:-1]
    learn = 4e-4 * (schedule.kl_weights * (1 - LAW.mmse(sigma))).sum()
    assert runs.learning[2] == pytest.approx(float(learn), rel=0.02)
    assert "discretisation" in str(certificate)


def test_what_is_measured_of_every_denoiser():
    found = {m.name: m for m in certify(lambda y, s: TOLD(y, 1.05 * s), LAW, points=64, runs=False).measures}
    assert set(found) == {"level", "equivariance", "precision"}
    assert found["level"].value == pytest.approx(1.05, abs=1e-3) and found["equivariance"].value < 1e-9
    assert found["precision"].value < 1e-6


def test_a_denoiser_that_raises_in_a_run_only_is_a_finding():
    certificate = certify(lambda y, s: _raise(y, s) if s > 9 else TOLD(y, s), LAW, points=64)
    (finding,) = certificate.findings
    assert finding.kind == "raises" and finding.sentence.endswith("in a run") and certificate.runs == ()


def test_a_law_without_normal_directions_says_why_there_are_no_runs():
    law = manifolds.make("two_scale", dim=2, ambient=16)
    certificate = certify(law.denoise, law, points=64, levels=3)
    assert certificate.ok and certificate.note.startswith("no runs: two_scale fills") and "no runs" in str(certificate)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"denoiser": 3}, "f must be callable"),
        ({"law": "sphere"}, "law must be a Law"),
        ({"points": 3}, "points must be >= 32"),
        ({"levels": 0}, "levels must be an integer >= 1"),
        ({"sigma_low": 20.0}, "sigma_low must be < sigma_high"),
        ({"prior": -3}, "prior must be a NoisePrior"),
        ({"tolerance": 2.0}, "tolerance must lie in"),
        ({"seed": -1}, "seed must be an integer >= 0"),
    ],
)
def test_bad_arguments_are_one_line(arguments, line):
    given = {"denoiser": optimal, "law": LAW} | arguments
    with pytest.raises(ValueError) as problem:
        certify(given.pop("denoiser"), given.pop("law"), **given)
    assert str(problem.value).startswith(line) and "\n" not in str(problem.value)


@pytest.mark.parametrize("module", [calculation, levels])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
