"""The headline with exact denoisers: runs that differ in one thing, closed forms, and what the tables decide."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from toy_mismatch import around, rows

import manifolds
from analysis.metrics.intervals import mean
from analysis.mismatch import EXPERIMENT, headline, pairing, sign_law
from analysis.mismatch.settings import law_of, schedule_of
from analysis.mismatch.variants import RUNS, Run, gaussian_excess, jackknife, output
from analysis.runs import judge
from analysis.theory import coefficients as theory
from analysis.theory.gaussian_run import output_variance

PAPER = SimpleNamespace(profile="paper")
LEVELS = np.geomspace(20.0, 0.02, 26)

# -- runs and closed forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.15, 0.5, 1.0])
def test_plain_euler_keeps_its_level_at_the_injection_of_the_sign_law(h):
    a = theory.sign_change_injection(h)
    schedule = sign_law.schedule_at(a, h)
    np.testing.assert_allclose(schedule.h, h, rtol=1e-12)
    levels = schedule.sigma.numpy()
    for shift, sign in ((-0.05, -1), (0.0, 0), (0.05, 1)):
        c, eta = theory.plain_euler(sign_law.schedule_at(a + shift, h).sigma.numpy(), a + shift)
        off = theory.schedule_mismatch(sign_law.schedule_at(a + shift, h).sigma.numpy(), c, eta)[-1]
        assert abs(off) < 1e-10 if sign == 0 else np.sign(off) == sign
    assert levels[-1] == pytest.approx(0.02, rel=0.6)


@pytest.mark.parametrize("h", [1.28, 3.0])
def test_no_injection_keeps_the_level_of_longer_steps(h):
    with pytest.raises(ValueError, match=r"h must lie in \(0, 1.278\)"):
        theory.sign_change_injection(h)


@pytest.mark.parametrize("a", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("integrator", ["exponential_euler", "euler"])
def test_closed_form_of_the_excess_is_the_recursion_of_two_variances(integrator, a):
    c, eta = (theory.plain_euler if integrator == "euler" else theory.exponential_euler)(LEVELS, a)
    for denoiser, told in (("conditional", "scheduled"), ("blind", "true")):
        expected = (0.5 - output_variance(c, eta, LEVELS, 0.5, told=told) ** 0.5) ** 2
        assert gaussian_excess(Run(denoiser, integrator, a), 0.5, LEVELS) == pytest.approx(expected, rel=1e-9)


def test_what_is_spoilt_is_spoilt_and_nothing_else():
    law, schedule, n = law_of("gaussian", 2000), schedule_of("geometric", 0.5, 5), 50
    runs = {
        name: output(run, law, schedule, n, manifolds.stream(0, "test"))
        for name, run in {
            "ancestral": RUNS["VE-DDPM"],
            "exponential": Run("conditional", "exponential_euler", 0.5),
            "more noise": Run("conditional", "ancestral", 0.5, injects=1.05),
            "misread": Run("conditional", "ancestral", 0.5, reads=1.05),
        }.items()
    }
    torch.testing.assert_close(runs["ancestral"], runs["exponential"], rtol=1e-9, atol=1e-12)
    for name in ("more noise", "misread"):
        assert 1e-4 < float((runs[name] - runs["ancestral"]).norm() / runs["ancestral"].norm()) < 0.2


def test_jackknife_of_a_mean_is_the_t_interval():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    found, expected = jackknife(lambda v: v, x), mean(x)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_line_through_two_gaps_finds_the_crossing():
    law = {"law": "gaussian", "ambient": 2000, "h": 0.75, "injects": 1.0, "samples": 400, "replicates": 3}
    [row] = sign_law.cell_sign(law, 0)
    assert row["gap_below"] > 0 > row["gap_above"]
    assert abs(row["shift"]) < 0.03 and abs(row["shift_closed_form"]) < 0.007
    [spoilt] = sign_law.cell_sign(law | {"injects": 1.1}, 0)
    assert spoilt["shift"] < row["shift"] - 0.02


# -- verdicts ---------------------------------------------------------------------------------------------------------


def matched(vast: float = 0.0002, **changes: float) -> dict:
    """Two laws; every pair at 0 but those that are given, which are of Gaussian data; and these in a vast dimension."""
    given = {"conditional reads x 1.1": 0.3, "blind reads x 1.05": -0.15, "blind reads x 1.015": -0.05} | {
        "euler 0": 1.0, "euler 0.2": 0.5, "euler 0.5": -0.2,
    } | changes  # fmt: skip
    values = {pair: given.get(pair, 0.0) for pair in headline.MATCHED}
    table = rows(
        *(
            {"law": law, "ambient": d, "pair": pair, "k": 4, "log_ratio": around(v, 0.01)}
            for law, d, own in (
                ("gaussian", 2000, values),
                ("cube", 2000, dict.fromkeys(values, 0.0)),
                ("gaussian", headline.VAST, {p: vast if p.startswith("exp") else 9.0 for p in values}),
            )
            for pair, v in own.items()
        )
    )
    return {"mismatch_matched": table}


def printed(log_ratio: float = 0.81, share: float = 1.0, vast: float = 1.0) -> dict:
    values = {"printed": (log_ratio, share), "injection x 1.025": (0.65, 1.0), "blind reads x 1.01": (0.6, 1.35),
              "blind reads x 1.0006": (0.8, 1.0155), "conditional, a = .2": (0.81, 1.0),
              "conditional, a = 0": (1.2, 0.67)}  # fmt: skip
    table = rows(
        *(
            {
                "pair": pair,
                "closed_form": 0.8125,
                "excess_top": 0.0037,
                "excess_bottom": 0.0016,
                "log_ratio": around(v, 0.03),
                "share": around(s, 0.003),
            }  # fmt: skip
            for pair, (v, s) in values.items()
        )
    )
    beside = table[table.pair == "printed"].assign(ambient=headline.VAST, share=vast, share_low=vast, share_high=vast)
    return {"mismatch_printed": pd.concat([table.assign(ambient=2000), beside.assign(log_ratio=9.0)])}


def signs(shift: float = 0.004, spoilt: float = -0.02) -> dict:
    given = [("gaussian", 1.0, shift), ("cube", 1.0, 0.001), ("gaussian", 1.1, spoilt)]
    return {
        "mismatch_sign": rows(
            *(
                {
                    "law": law,
                    "ambient": 2000,
                    "h": 0.5,
                    "injects": injects,
                    "shift": around(v, 0.004),
                    "shift_closed_form": 0.003,
                }
                for law, injects, v in given
            )  # fmt: skip
        )
    }


def phase(*outcomes: str, ends=(-0.2, 0.1, 0.3, 0.2)) -> dict:
    """At h = 1, a* = .203: cells at a = .1, .3 and .4, and one at h = .5, a = .45; their levels end as predicted."""
    cells = zip((0.1, 0.3, 0.4, 0.45), (1.0, 1.0, 1.0, 0.5), outcomes, ends, strict=True)
    return {
        "mismatch_phase": pd.DataFrame([{"a": a, "h": h, "outcome": o, "log_mismatch_end": e} for a, h, o, e in cells])
    }


CASES = [
    ("M6", headline, matched(), "violated", ""),
    ("M6", headline, matched(**{"euler 0.5": 0.2}), "inconclusive", "crosses a limit"),
    ("M6", headline, matched(**{"blind reads x 1.05": 0.1}), "inconclusive", "power control (blind reads x 1.05"),
    ("M6", headline, matched(**{"blind reads x 1.05": -0.9}), "inconclusive", "no power control within a factor 2"),
    ("M6c", headline, matched(), "holds", ""),
    ("M6c", headline, matched(**{"exponential_euler 0.2": 0.05}), "violated", ""),
    ("M6c", headline, matched(**{"blind reads x 1.015": 0.0}), "inconclusive", "power control (blind reads x 1.015"),
    ("M6c", headline, matched(vast=0.05), "inconclusive", "null control (Gaussian data in d = 1e+08"),
    ("M8", pairing, printed(vast=1.02), "inconclusive", "null control (the same in d = 1e+08"),
    ("M6b", pairing, printed(), "holds", ""),
    ("M6b", pairing, printed(0.3), "violated", ""),
    ("M6b", pairing, printed(-0.3), "violated", ""),
    ("M8", pairing, printed(), "holds", ""),
    ("M8", pairing, printed(share=0.5), "violated", ""),
    ("M7", sign_law, signs(), "holds", ""),
    ("M7", sign_law, signs(0.03), "violated", ""),
    ("M7", sign_law, signs(spoilt=0.01), "inconclusive", "power control (injected variance x 1.1"),
    ("M7b", sign_law, phase("wins", "loses", "loses", "loses"), "holds", ""),
    ("M7b", sign_law, phase("loses", "wins", "loses", "loses"), "violated", ""),
    ("M7b", sign_law, phase("wins", "loses", "loses", "loses", ends=(0.2, -0.1, 0.3, 0.2)), "inconclusive", "null"),
]


@pytest.mark.parametrize(("claim", "module", "tables", "outcome", "reason"), CASES)
def test_verdict(claim, module, tables, outcome, reason):
    [measurement] = [m for m in module.decide(tables, PAPER) if m.claim == claim]
    verdict = judge(EXPERIMENT.claim(claim), measurement, seeded=False)
    assert (verdict.outcome, reason in verdict.reason) == (outcome, True), verdict.reason


def test_the_deciding_cell_is_named():
    [m6, _] = headline.decide(matched(), PAPER)
    assert (m6.cell, m6.measured) == ("gaussian, euler 0.5", -0.2)
    assert "exponential_euler 0.2: 0.000 to 0.000" in m6.note


def test_every_claim_takes_three_seeds_where_it_samples():
    options = SimpleNamespace(profile="paper", law=("gaussian", "cube", "mixture"), ambient=2000)
    for question in (headline.QUESTION, pairing.QUESTION, sign_law.QUESTION):
        assert {cell.seeds for cell in question.cells(options)} == {3}
    assert math.isclose(EXPERIMENT.claim("M6").allowed[0], 0.0)
