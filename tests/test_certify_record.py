"""Findings of structure, the certificate as text, JSON and frame, and what `certify` refuses."""

import doctest
import json
import math

import pytest
import torch

import manifolds
from analysis.certify import calculation, certify, levels, wrap

F32 = torch.float32
LAW = manifolds.make("sphere", dim=8, ambient=128)
TOLD = LAW.denoise


def optimal(y, s):
    return TOLD(y, s)


def only(f):
    certificate = certify(f, LAW, points=64)
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
    assert list(certificate.to_frame().columns) == list(read["columns"])
    assert str(certify(optimal, LAW, points=64)).endswith("no finding")


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
