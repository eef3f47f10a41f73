"""How the questions about the neighbours decide: tables by hand, truths that hold, mistakes that flip the verdict."""

import math

import numpy as np
import pandas as pd
import pytest
from deciding import control, decided, ends

from analysis.neighbours import (
    accuracy,
    adaptivity,
    ambient,
    codes,
    coefficients,
    components,
    entropy,
    full_rank,
    grids,
    information,
    optimum,
    placing,
    predictions,
    reading_time,
    start_error,
    tangent,
    unions,
)

POWERS = {"x": -1.0, "eps": 0.0, "score": 0.0, "velocity": 0.0}


def interval(value, half=0.002, name="price"):
    return {name: value, f"{name}_low": value * (1 - half), f"{name}_high": value * (1 + half)}


def price_table(bias=1.0, power=0.0):
    """Prices of every prediction, off by a factor and by d^power."""
    rows = []

    def add(law, d, predicts, reads, factor):
        own = {"law": law, "dim": 2, "ambient": d, "predicts": predicts, "reads": reads, "n": 1}
        form = predictions.form(predicts, 2, d)
        rows.append(own | interval(form * factor) | {"form": form})

    for law in ("gaussian", "sphere", "torus", "mixture", "random_code"):
        for d in (10**3, 10**5, 10**7, 10**9):
            for predicts in POWERS:
                own = bias * (d / 1000) ** power if law == "torus" else 1.0
                add(law, d, predicts, d, own)
    for predicts, factor in (("eps", 1.03), ("score", 1.03), ("velocity", 1.045)):
        add("gaussian", 10**5, predicts, 97_000, factor)
    for d in (10**3, 10**5, 10**7, 10**9):
        add("gaussian", d, "x", 2 + round(d**0.6), d**0.4)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("claim", ["E1", "E3", "E4"])
@pytest.mark.parametrize("bias, outcome", [(1.0, "holds"), (1.006, "holds"), (1.05, "violated"), (0.94, "violated")])
def test_prices_follow_their_rule_in_the_worst_cell(claim, bias, outcome):
    measurement, found = decided(predictions, {"neighbours_price": price_table(bias)}, claim)
    assert found == outcome
    assert measurement.measured == pytest.approx(bias)
    assert measurement.cell.startswith("torus" if bias != 1.0 else "")


@pytest.mark.parametrize("power, outcome", [(0.0, "holds"), (0.1, "holds"), (0.4, "violated"), (-0.4, "violated")])
def test_exponents_of_the_price_in_d(power, outcome):
    measurement, found = decided(predictions, {"neighbours_price": price_table(1.0, power)}, "U13")
    assert found == outcome
    assert measurement.measured == pytest.approx(power, abs=2e-4)
    assert control(measurement, "power")[0] > 0.39


def start_table(ratio=1.0, forgotten=0.92):
    rows = []
    for law in ("gaussian", "sphere", "mixture"):
        for low, d in ((0.2, 10**5), (0.2, 10**7), (0.02, 10**7)):
            own = {"law": law, "ambient": d, "sigma_T": low, "a": 0.0, "level": 1.0, "predicted": 0.1}
            rows.append(own | interval(ratio if law == "mixture" else 1.0, name="ratio"))
    for a, value in ((0.0, 1.0), (0.02, forgotten)):
        own = {"law": "gaussian", "ambient": 10**9, "sigma_T": 0.2, "a": a, "level": 1.0, "predicted": 0.1}
        rows.append(own | interval(value, name="ratio"))
    return {"neighbours_start": pd.DataFrame(rows)}


@pytest.mark.parametrize("ratio, outcome", [(1.0, "holds"), (0.9, "violated"), (1.05, "inconclusive")])
def test_the_start_s_error_is_kept(ratio, outcome):
    assert decided(start_error, start_table(ratio))[1] == outcome
    assert decided(start_error, start_table(1.0, forgotten=0.97))[1] == "inconclusive"  # a sabotage that does not show


def information_table(ratio=1.0, off=1.017):
    laws = list(information._LAWS)
    rows = [
        {"law": law, "off": 1.0, "nats": 5.0} | interval(ratio if law == "cube 4" else 1.0, name="ratio")
        for law in laws
    ]
    rows.append({"law": "gaussian 2", "off": 1.05, "nats": 5.0} | interval(off, name="ratio"))
    return {"neighbours_information": pd.DataFrame(rows)}


@pytest.mark.parametrize("ratio, outcome", [(1.0, "holds"), (1.02, "violated"), (1.009, "inconclusive")])
def test_half_a_step_for_every_nat(ratio, outcome):
    assert decided(information, information_table(ratio))[1] == outcome
    assert decided(information, information_table(1.0, off=1.03))[1] == "inconclusive"  # too far to show the limit


def grid_table(best=1.01, wide=1.004, las=1.04, moved=1.0165, tilted=1.03, uneven=1.15):
    rows = []
    for law in grids._LAWS:
        own = {"law": law, "over_minimax": math.nan}
        over = best if law == "mixture 2" else 1.005
        rows.append(own | {"N": 256, "grid": "optimal", "over_bound": over, "over_best": 1.0})
        rows.append(own | {"N": 256, "grid": "moved", "over_bound": moved, "over_best": 1.0})
        for grid in ("constant", "edm", "tangent", "cosine"):
            rows.append(own | {"N": 64, "grid": grid, "over_bound": 1.0, "over_best": 2.0})
        rows.append(
            own
            | {
                "N": 64,
                "grid": "las",
                "over_bound": 1.0,
                "over_best": 9.0 if law == "zipf 100" else las if law == "cube 4" else 1.02,
            }
        )
        rows.append(own | {"N": 64, "grid": "uneven", "over_bound": 1.0, "over_best": uneven})
        share = wide if law == "wide 2" else 0.5
        rows.append(own | {"N": 1024, "grid": "constant", "over_bound": 1.0, "over_best": 1.0, "over_minimax": share})
        rows.append(own | {"N": 1024, "grid": "tilted", "over_bound": 1.0, "over_best": 1.0, "over_minimax": tilted})
    return {"neighbours_grid": pd.DataFrame(rows)}


@pytest.mark.parametrize(
    ("claim", "changes", "outcome", "measured"),
    [
        ("D9", {}, "holds", 1.01),
        ("D9", {"best": 1.03, "moved": 1.03}, "violated", 1.03),
        ("D9", {"moved": 1.015}, "inconclusive", 1.01),
        ("D9b", {}, "holds", 1.004),
        ("D9b", {"tilted": 1.01}, "inconclusive", 1.004),
        ("D10", {}, "holds", 1.04),
        ("D10", {"las": 1.2}, "violated", 1.2),
        ("D10", {"uneven": 1.5}, "inconclusive", 1.04),
    ],
)
def test_grids_against_the_bound_and_the_optimum(claim, changes, outcome, measured):
    table = grid_table(**({"moved": 1.0215} | changes))
    measurement, found = decided(grids, table, claim)
    assert (found, measurement.measured) == (outcome, pytest.approx(measured))


def code_table(power=1.1, fast=1.28):
    rows = [
        {"dim": k, "power": 1.0, "how": "extreme", "copy": 0} | interval(k**power, 0.01, "J") for k in (40, 80, 160)
    ]
    rows += [{"dim": 6, "power": 1.0, "how": "direct", "copy": c} | interval(8.6, 0.01, "J") for c in (0, 1)]
    rows += [{"dim": k, "power": 1.2, "how": "extreme", "copy": 0} | interval(k**fast, 0.01, "J") for k in (80, 160)]
    table = pd.DataFrame(rows)
    return {"neighbours_code": table.assign(J_over_k=table.J / table.dim)}


@pytest.mark.parametrize("power, outcome", [(1.1, "holds"), (1.39, "violated"), (1.19, "inconclusive")])
def test_the_exponent_of_codes(power, outcome):
    measurement, found = decided(codes, code_table(power))
    assert found == outcome and measurement.measured == pytest.approx(power)
    assert decided(codes, code_table(1.1, fast=1.6))[1] == "inconclusive"


def union_tables(extra=0.0, near=6.0, local=1.0, wrong=1.4):
    def spread(v):
        return v * (1 + 0.01 * np.linspace(-1, 1, 16))

    values = {"union": 5.0 + extra, "centres": 1.25, "near": near, "farther": 5.0}
    rows = [{"law": k, "J": v} for k, mean in values.items() for v in spread(mean)]
    levels = {"union": local, "farther": 1.0, "wrong": wrong}
    curves = [{"law": k, "local": 3.75 * v} for k, mean in levels.items() for v in spread(mean)]
    return {"neighbours_union": pd.DataFrame(rows), "neighbours_local": pd.DataFrame(curves)}


@pytest.mark.parametrize(
    ("claim", "changes", "outcome"),
    [
        ("B8", {"near": 5.9}, "holds"),
        ("B8", {"near": 5.9, "extra": 1.0}, "violated"),
        ("B8", {"near": 5.2}, "inconclusive"),
        ("U14", {}, "holds"),
        ("U14", {"local": 8 / 3.75}, "violated"),
        ("U14", {"wrong": 1.2}, "inconclusive"),
    ],
)
def test_unions_pay_for_the_mean_dimension(claim, changes, outcome):
    assert decided(unions, union_tables(**changes), claim)[1] == outcome


def full_rank_table(own=0.5, midpoint=0.25, leak=0.85, belief=0.41):
    rows = [{"what": "path", "s": 1.0, "d": d, "steps": 100 * d} for d in (10.0, 1e2, 1e3)]
    for what, s, power in (
        ("exponential_euler", 1.0, own),
        ("exponential_euler", 2.0, 0.5),
        ("leaking", 1.0, leak),
        ("randomised_midpoint", 1.0, midpoint),
        ("randomised_midpoint", 2.0, 0.25),
        ("believing", 1.0, belief),
    ):
        rows += [{"what": what, "s": s, "d": d, "steps": 3 * d**power} for d in (1e2, 1e3, 1e4, 1e5)]
    return {"neighbours_full_rank": pd.DataFrame(rows)}


@pytest.mark.parametrize(
    ("claim", "changes", "outcome", "measured"),
    [
        ("U1", {}, "holds", 0.5),
        ("U1", {"own": 1.0}, "violated", 1.0),
        ("U1", {"leak": 1.4}, "inconclusive", 0.5),
        ("U10", {}, "holds", 0.25),
        ("U10", {"midpoint": 0.5}, "violated", 0.5),
        ("U10", {"belief": 0.3}, "inconclusive", 0.25),
    ],
)
def test_full_rank(claim, changes, outcome, measured):
    measurement, found = decided(full_rank, full_rank_table(**changes), claim)
    assert (found, measurement.measured) == (outcome, pytest.approx(measured))
    assert ends(measurement) == pytest.approx((measured,) * 3)


def test_the_other_exponents_hold_at_their_value_and_fail_at_the_rival_s():
    """One table each: the exponent predicted holds, the rate it is to be told from is violated."""

    def adaptive(p):
        rows = [
            {
                "law": law,
                "dim": k,
                "widened": w,
                "steps": 100 * k ** (1.35 if w else p if law == "cube" else 1),
                "output": 5,
            }
            for law in adaptivity._LAWS
            for k in (4, 8, 16, 32)
            for w in (0, 1)
            if not w or law == "torus"
        ]
        return {"neighbours_adaptivity": pd.DataFrame(rows)}

    def many(p):
        rows = [
            {"kind": kind, "components": j, "steps": 100 * j**e}
            for kind, e in (("mixture", p), ("one place", 0.0), ("growing", 0.6))
            for j in (16, 64, 256, 1024, 4096)
        ]
        return {"neighbours_components": pd.DataFrame(rows)}

    def ladder(p):
        powers = {"ladder": p, "wide": 2.0, "crowded": 1.4}
        rows = [{"law": f"{k} {b}", "H": b, "N_disc": b**e} for k, e in powers.items() for b in (4, 8, 16, 32)]
        rows += [{"law": f"random_code {k}", "H": k, "N_disc": k} for k in (3, 4, 5, 6)]
        rows += [{"law": f"zipf {n}", "H": math.log(n), "N_disc": 1.0} for n in (10, 100, 1000)]
        return {"neighbours_entropy": pd.DataFrame(rows)}

    def flow(c):
        def error(d, own):
            return 0.1 * (2 + own * math.log(d)) / (2 + own * math.log(1e3))

        rows = [
            {"law": law, "kind": kind, "ambient": d, "batch": b, "error": error(d, own) + 1e-4 * b}
            for law, kind, own in (
                ("sphere", "blind", c),
                ("sphere", "told", 0.0),
                ("gaussian", "blind", 0.0),
                ("gaussian", "told", 0.0),
                ("gaussian", "growing", 0.4),
            )
            for d in (10**3, 10**5, 10**7, 10**9)
            for b in range(20)
        ]
        return {"neighbours_ambient": pd.DataFrame(rows)}

    for question, table, truth, rival in (
        (adaptivity, adaptive, 1.0, 0.5),
        (components, many, 0.1, 1.0),
        (entropy, ladder, 2.0, 1.0),
        (ambient, flow, 0.0, 1.0),
    ):
        measurement, found = decided(question, table(truth))
        assert (found, measurement.measured) == ("holds", pytest.approx(truth, abs=0.02)), question.__name__
        assert decided(question, table(rival))[1] == "violated", question.__name__


def test_orders_and_levels_hold_at_their_value_and_fail_at_the_rival_s():
    def orders(tv=1.0, kl=2.0, second=4.0):
        counts = np.array([16, 32, 64])
        rows = []
        for law in accuracy._LAWS:
            for n in counts:
                own = -tv if law == "cube 1" else -1.0
                line = -kl if law == "line 8" else -2.0
                rows.append({"law": law, "N": n, "kl": n**line, "tv": n**own})
        runs = []
        for name, power in (
            ("heun", 4.0),
            ("dpm_solver_2m", second),
            ("randomised_midpoint", 4.0),
            ("exponential_euler", 2.0),
            ("leaking", 1.5),
            ("believing", 2.2),
        ):
            for n in (32.0, 64.0, 128.0, 256.0):
                runs.append({"integrator": name, "N": n, "kl": n**-power, "tv": n ** (-power / 2), "path": 1 / n})
        return {"neighbours_accuracy": pd.DataFrame(rows), "neighbours_order": pd.DataFrame(runs)}

    for claim, changes in (("U3", {"tv": 0.5}), ("U7", {"kl": 1.0}), ("U11", {"second": 2.0})):
        assert decided(accuracy, orders(), claim)[1] == "holds"
        assert decided(accuracy, orders(**changes), claim)[1] == "violated"

    def levels(p=0.5, order=1.0):
        powers = {"ancestral_large": p, "ddpm": 0.5, "leaking": 0.72, "order one": 0.5}
        steps = [{"integrator": k, "d": d, "steps": d**e} for k, e in powers.items() for d in (1e2, 1e3, 1e4, 1e5)]
        shifts = {"euler": 2.0, "euler_maruyama": 1.0, "score_freezing": order, "ancestral_large": 1.0, "ddpm": 1.0}
        shifts |= {"order one": 1.0, "slower": 0.6, "ddim": 9.0}
        runs = [
            {"integrator": k, "N": n, "run": -(n**-e), "recursion": -(n**-e)}
            for k, e in shifts.items()
            for n in (32.0, 64.0, 128.0)
        ]
        return {"neighbours_coefficients": pd.DataFrame(steps), "neighbours_shift": pd.DataFrame(runs)}

    for claim, changes in (("U4", {"p": 0.0}), ("U16", {"order": 2.0})):
        assert decided(coefficients, levels(), claim)[1] == "holds"
        assert decided(coefficients, levels(**changes), claim)[1] == "violated"

    def widths(own=-0.5, time=-0.5):
        rows = []
        for dim, share, power in ((2, 1.0, own), (8, 1.0, -0.5), (2, 0.4, -0.2)):
            for d in (1e3, 1e4, 1e6, 1e8):
                own_row = {"predicts": "eps", "dim": dim, "ambient": d, "share": share, "level": 0.3}
                rows.append(own_row | {"codimension": d, "sd": d**power, "over_limit": 1.0})
        for share, level, power in ((1.0, 0.05, time), (1.0, 0.03, -0.5), (0.6, 0.05, -0.3)):
            for n in (360, 200, 100, 40):
                own_row = {"predicts": "velocity", "dim": 400 - n, "ambient": 400, "share": share, "level": level}
                rows.append(own_row | {"codimension": n, "sd": n**power, "over_limit": 1.0})
        return {"neighbours_reading": pd.DataFrame(rows)}

    for claim, changes in (("U12", {"own": -1.0}), ("U15", {"time": -0.01})):
        assert decided(reading_time, widths(), claim)[1] == "holds"
        assert decided(reading_time, widths(**changes), claim)[1] == "violated"


def test_the_tangent_law_and_the_optimal_injection():
    def tangents(worst=1.0, off=1.03):
        rows = [
            {"scales": s, "N": n, "tangent": worst if s == "2" else 1.0, "off": off, "constant": 2.0}
            for s in ("0.5", "1", "2", "1 0.1")
            for n in (8, 16, 32)
        ]
        return {"neighbours_tangent": pd.DataFrame(rows)}

    assert decided(tangent, tangents())[1] == "holds"
    assert decided(tangent, tangents(worst=1.1))[1] == "violated"
    assert decided(tangent, tangents(off=1.3))[1] == "inconclusive"

    def optima(worst=1.0, wrong=1.09):
        rows = [
            {"law": law, "N": n, "reads": 1000, "a": 0.2, "ratio": worst if law == "k = 8" else 1.0}
            for law in optimum._LAWS
            for n in (1024, 4096, 16384)
        ]
        rows += [{"law": "k = 2", "N": n, "reads": 769, "a": 0.2, "ratio": wrong} for n in (1024, 4096, 16384)]
        return {"neighbours_optimum": pd.DataFrame(rows).assign(best=1.0, canonical=2.0, grid_alone=1.5)}

    assert decided(optimum, optima())[1] == "holds"
    assert decided(optimum, optima(worst=1.2))[1] == "violated"
    assert decided(optimum, optima(wrong=1.2))[1] == "inconclusive"


def test_the_table_says_where_a_statement_stands_and_what_was_not_measured():
    printed = pd.DataFrame([{"id": p.id} for p in placing.PRINTED])
    placed = placing.derive({"neighbours_printed": printed} | full_rank_table(own=1.0), None)["neighbours_placed"]
    rows = placed.set_index("id")
    assert list(placed.id) == [f"U{i}" for i in range(1, 17)]
    assert rows.loc["U10", "verdict"] == "holds" and rows.loc["U10", "stands"].startswith("holds: loose")
    assert rows.loc["U1", "verdict"] == "violated" and rows.loc["U1", "stands"].startswith("violated")
    assert math.isnan(rows.loc["U3", "measured"])
    text = placing.show({"neighbours_placed": placed}, None)
    assert "U3   arXiv 2501.12982 (abstract)" in text and "not measured" in text
