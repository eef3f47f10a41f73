"""The verdicts of the integrator experiment on tables with known answers: values, intervals, and controls that flip."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.integrators import EXPERIMENT
from analysis.runs import judge


def decided(claim, **tables):
    """(measurement, outcome) of a claim on made-up tables; outcome None where it is not decided."""
    found = [m for m in EXPERIMENT.question(claim).decide(tables, None) if m.claim == claim]
    return (found[0], judge(EXPERIMENT.claim(claim), found[0]).outcome) if found else (None, None)


def exact_table(order=1.0, heun=2.0, wrong=0.85, declared=1):
    rows = []
    runs = (("exponential_euler", 0.0, 1.0, order), ("exponential_euler", 0.0, 1.05, wrong), ("heun", 0.0, 1.0, heun))
    for name, a, scale, slope in runs:
        for j, n in enumerate((64, 128, 256, 512, 1024, 2048)):
            h = 8.0 / n
            error = h**slope * (1 + 1e-7 * (-1) ** j if j > 1 else 1e3)  # the coarsest two must not count
            row = {"integrator": name, "a": a, "wrong_scale": scale, "N": n, "h": h}
            row |= {"declared": 2 if name == "heun" else declared}
            rows.append(row | {"tangential": -0.25 * error, "normal": 0.75 * error})
    return pd.DataFrame(rows)


def test_o1_is_the_order_farthest_from_the_declared_one():
    found, outcome = decided("O1", exact_order=exact_table(order=1.02, heun=1.95))
    assert found.measured == pytest.approx(-0.05, abs=1e-6) and outcome == "holds"
    assert (found.low, found.high) == pytest.approx((-0.05, 0.02), abs=1e-6) and "2 pairs" in found.note
    null, power = found.controls
    assert (null.low, power.low, power.high) == pytest.approx((0.02, -0.15, -0.15), abs=1e-6)
    assert decided("O1", exact_order=exact_table(order=1.0, heun=1.8))[1] == "inconclusive"  # some hold, one does not
    assert decided("O1", exact_order=exact_table(order=1.0, heun=2.0, wrong=1.0))[1] == "inconclusive"


def coupled_table(heun=2.0, euler=1.0, offset=0.55, counts=4, known=1.0):
    rows = []
    runs = (("heun", 0.0, heun, 2), ("euler", 0.0, euler, 1), ("euler", 0.005, offset, 1))
    sampled = [(*run, ("cube", "sphere")) for run in runs]
    for name, shift, slope, declared, laws in [*sampled, ("euler", 0.0, known, 1, ("gaussian",))]:
        for law in laws:
            for n in (32, 64, 128, 256)[:counts]:
                h = 8.0 / n
                row = {"integrator": name, "a": 0.0, "offset": shift, "law": law, "h": h, "declared": declared}
                rows.append(row | {"gap": -(h**slope), "gap_se": 1e-3 * h**slope})
    return pd.DataFrame(rows)


def test_o2_combines_laws_and_shows_an_error_that_does_not_fall():
    def outcome(**change):
        return judge(EXPERIMENT.claim("O2"), decided("O2", coupled=coupled_table(**change))[0], seeded=False).outcome

    found, unseeded = decided("O2", coupled=coupled_table(heun=2.1))
    assert found.measured == pytest.approx(0.1, abs=1e-9)
    assert outcome(heun=2.1) == "holds" and unseeded == "inconclusive"  # one seed is not three
    # relative errors of 1e-3: sd of a slope on equal steps of log 2 over 4 points, two laws
    half = 1.96 * 1e-3 / math.sqrt(2 * 5 * math.log(2) ** 2)
    assert found.high == pytest.approx(0.1 + half, abs=1e-4) and found.low == pytest.approx(-half, abs=1e-4)
    assert "laws: cube, sphere" in found.note and [c.kind for c in found.controls] == ["null", "power"]
    assert found.controls[1].high == pytest.approx(-0.45 + half, abs=1e-4)
    assert outcome(heun=1.5, euler=0.4) == "violated"  # the null has its own draws
    # a truth that fails; one of two breaks; a sabotage unseen, or seen from afar
    for change in ({"known": 0.4}, {"euler": 0.4}, {"offset": 1.0}, {"offset": 0.0}):
        assert outcome(**change) == "inconclusive"
    assert decided("O2", coupled=coupled_table(counts=3))[0] is None


def extra_table(size=1.0, order=2.0, batches=8, leading=1.0, gaussian=None, doses=(0.0014, 0.0007)):
    """`doses`: of the martingale part left in by the sabotages of D4 and of D4b, on Gaussian data."""
    rng = np.random.default_rng(4)
    rows = []
    for law, more, left in (("gaussian", 0, 0), ("cube", 0, 0), *(("gaussian", m, d) for m, d in zip(DOSES, doses))):
        for a in (0.25, 0.75):
            sign = math.copysign(1.0, 1 - 2 * a)
            for batch in range(batches):
                for lag in (0.05, 0.1, 0.2, 0.4):
                    square = lag**2
                    row = {"law": law, "a": a, "batch": batch, "lag": lag, "predicted": (1 - 2 * a) * square}
                    wobble = 1 + 1e-3 * rng.standard_normal(2)
                    row |= {"naive": (2 * a - 1) ** 2 * square, "leading": 6 * lag**leading * wobble[0]}
                    own = gaussian if gaussian is not None and law == "gaussian" else size
                    extra = (
                        own * (lag / 0.1) ** (0 if left else order - 2) * wobble[1] * row["predicted"]
                        + sign * left * 6 * lag
                    )
                    # longer lags are for the figure
                    rows.append(row | {"dose": 1 + sign * more, "extra": extra * (99 if lag > 0.15 else 1)})
    return pd.DataFrame(rows)


DOSES = (0.0014, 0.0007)


def closed_table(order=2.0):
    lags = (0.0125, 0.025, 0.05, 0.1)
    rows = [{"a": a, "lag": h, "extra": (1 - 2 * a) * h**order, "leading": 6 * h} for a in (0.25, 0.75) for h in lags]
    return pd.DataFrame(rows)


def test_d4_is_the_order_in_the_lag():
    found, outcome = decided("D4", extra=extra_table(), extra_exact=closed_table())
    assert found.measured == pytest.approx(2.0, abs=3e-3) and found.high - found.low < 5e-3 and outcome == "holds"
    power, null, spoilt = found.controls
    assert (power.kind, null.kind, spoilt.kind) == ("power", "null", "power")
    assert (power.low + power.high) / 2 == pytest.approx(1.0, abs=3e-3) and null.high == pytest.approx(2.0, abs=1e-6)
    # extra = lag^2/2 + .0014 * 6 lag at both a, up to the sign
    at = [lag**2 / 2 + 0.0084 * lag for lag in (0.05, 0.1)]
    assert (spoilt.low + spoilt.high) / 2 == pytest.approx(math.log2(at[1] / at[0]), abs=3e-3)
    assert decided("D4", extra=extra_table(order=3.0), extra_exact=closed_table())[1] == "violated"
    for change in ({"leading": 2.0}, {"doses": (0.0001, 0.0007)}, {"doses": (0.004, 0.0007)}):
        assert decided("D4", extra=extra_table(**change), extra_exact=closed_table())[1] == "inconclusive"
    assert decided("D4", extra=extra_table(), extra_exact=closed_table(1.0))[1] == "inconclusive"
    assert decided("D4", extra=extra_table())[1] == "inconclusive"  # no null without the closed form
    assert decided("D4", extra=extra_table(batches=3), extra_exact=closed_table())[0] is None


def test_d4b_is_measured_over_predicted_as_the_lag_vanishes():
    found, outcome = decided("D4b", extra=extra_table(size=1.01))
    assert found.measured == pytest.approx(1.01, abs=3e-3) and outcome == "holds"
    ends = [(c.low + c.high) / 2 for c in found.controls]
    # left in: .0005 * 6 lag over lag^2/2, twice that at .05 less that at .1; (1 - 2a)/(2a - 1)^2 = 2 and -2
    assert ends == pytest.approx([1.01, 1.01 + 0.0007 * 12 * 30, 2.02, -2.02], abs=8e-3)
    assert decided("D4b", extra=extra_table(size=0.3, gaussian=1.01))[1] == "violated"
    for change in ({"gaussian": 0.5}, {"doses": (0.0014, 0.0001)}, {"doses": (0.0014, 0.002)}):
        assert decided("D4b", extra=extra_table(**change))[1] == "inconclusive"
    assert "a=0.25: 1.0" in found.note
    # of an order of its own the ratio tends to another number
    tilted, _ = decided("D4b", extra=extra_table(order=2.1))
    assert tilted.measured == pytest.approx(2 * 0.5**0.1 - 1, abs=5e-3)


def marginal_table(worst=1.02, wrong=1.05, frozen=0.5, finest=1.005):
    rows = [
        ("exponential_euler", 1.0, 0.0, 0.1, worst),
        ("exponential_euler", 1.0, 0.5, 0.1, 0.99),
        ("exponential_euler", 1.0, 0.5, 0.025, finest),
        ("exponential_euler", 1.02, 0.5, 0.1, wrong),
        ("score_freezing", 1.0, 0.0, 0.1, frozen),
        ("score_freezing", 1.0, 0.5, 0.1, 1.0),
    ]
    return pd.DataFrame(rows, columns=["integrator", "wrong_target", "a", "h", "ratio"])


def test_d5_is_the_ratio_farthest_from_one():
    found, outcome = decided("D5", marginal_kl=marginal_table())
    assert (found.measured, found.low, found.high) == (1.02, 0.99, 1.02) and outcome == "holds"
    assert [(c.low, c.high) for c in found.controls] == [(1.005, 1.005), (1.05, 1.05), (0.5, 0.5)]
    low, _ = decided("D5", marginal_kl=marginal_table(worst=1.001))
    assert low.measured == 0.99
    assert decided("D5", marginal_kl=marginal_table(worst=1.04))[1] == "inconclusive"
    for change in ({"wrong": 1.0}, {"frozen": 1.0}, {"finest": 1.04}):
        assert decided("D5", marginal_kl=marginal_table(**change))[1] == "inconclusive"


def exponent_table(kept=0.0, first=0.5, second=0.25, leak=0.04):
    runs = (("exponential_euler", 0.0, 0, kept), ("euler", 0.5, 1, first), ("heun", 0.0, 2, second))
    return pd.DataFrame(
        {"integrator": name, "a": a, "order": order, "d": d, "steps": 5.0 * float(d) ** p}
        for name, a, order, p in (*runs, ("leaking", 0.5, 1, leak), ("stuck", 0.5, -1, math.nan))
        for d in (10**3, 10**4, 10**5)
    )


def test_d6_is_the_exponent_farthest_from_its_class():
    found, outcome = decided("D6", exponent=exponent_table(first=0.49))
    assert (found.measured, found.low, found.high) == pytest.approx((-0.01,) * 3, abs=1e-9) and outcome == "holds"
    assert found.cell == "euler a=0.5" and "heun a=0: 0.250" in found.note and "stuck a=0.5" in found.note
    assert decided("D6", exponent=exponent_table(first=0.4))[1] == "violated"
    assert decided("D6", exponent=exponent_table(second=0.5))[1] == "violated"
    for change in ({"kept": 0.1}, {"leak": 0.02}, {"leak": 0.1}):  # a truth that fails; a sabotage unseen, or too far
        assert decided("D6", exponent=exponent_table(**change))[1] == "inconclusive"
    assert EXPERIMENT.question("D6").decide({"clean": pd.DataFrame()}, None) == []


def grid_table(
    constant=1.005, tilted=1.04, linear=50.0, low=4.0, high=3.0, plain=(1.6, 2.0), batches=3, null=1.0, sooner=4.15
):
    rows = []
    for law, discrete, sizes in (
        ("cube", False, (0.01,)),
        ("code", True, (0.00075, 0.001, 0.01)),
        ("gaussian", False, (0.001, 0.01)),
    ):
        for sigma_T in sizes:
            for batch in range(batches):
                wobble = 1 + 0.001 * (batch - 1) if law == "cube" else 1.0
                at = {0.00075: sooner, 0.001: low, 0.01: high}[sigma_T]
                waste = {"cube": 1.5 * constant, "code": at}.get(law)
                own = waste if waste is not None else plain[0] if sigma_T < 0.005 else plain[1]
                limit = own / null if law == "gaussian" else 1.5
                for steps in (64, 128, 256):
                    for grid, ratio in (("constant", own * wobble), ("tilted", tilted * limit), ("linear", linear)):
                        row = {"law": law, "discrete": discrete, "sigma_T": sigma_T, "batch": batch, "N": steps}
                        rows.append(row | {"grid": grid, "ratio": ratio, "limit": limit})
    return pd.DataFrame(rows)


def test_d7_is_the_waste_over_its_limit_of_the_law_farthest_off():
    found, outcome = decided("D7", grid=grid_table(constant=0.99))
    half = stats.t.ppf(0.975, 2) * 0.00099 / math.sqrt(3)
    assert (found.measured, found.low, found.high) == pytest.approx((0.99, 0.99 - half, 0.99 + half), rel=1e-9)
    assert outcome == "holds" and "cube 1.49, gaussian 2.00" in found.note and found.cell == "cube"
    for constant in (1.1, 0.9):
        assert decided("D7", grid=grid_table(constant=constant))[1] == "violated"
    for change in ({"tilted": 1.02}, {"tilted": 1.06}, {"null": 1.03}):
        assert decided("D7", grid=grid_table(**change))[1] == "inconclusive"
    assert decided("D7", grid=grid_table(batches=2))[0] is None


def test_d7b_is_the_growth_of_the_waste_of_discrete_laws():
    found, outcome = decided("D7b", grid=grid_table())
    assert (found.measured, found.low, found.high) == pytest.approx((4 / 3, 4 / 3, 4 / 3), rel=1e-12)
    assert outcome == "holds" and found.note == "laws: code; 1.333 at N = 64"
    null, sooner, power = found.controls
    assert (null.low, sooner.low, power.low, power.high) == pytest.approx((4 / 3, 4.15 / 3, 0.8, 0.8), rel=1e-12)
    coarse = grid_table()
    coarse.loc[(coarse.N == 256) & (coarse.law == "code") & (coarse.sigma_T == 0.001), "ratio"] = 4.5
    assert decided("D7b", grid=coarse)[1] == "violated"
    assert decided("D7b", grid=grid_table(low=6.0))[1] == "inconclusive"  # N = 128 is off too
    for change in ({"plain": (2.66, 2.0)}, {"sooner": 4.0}, {"sooner": 4.4}):
        assert decided("D7b", grid=grid_table(**change))[1] == "inconclusive"
    for law, sigma_T in (("code", 0.00075), ("code", 0.001), ("gaussian", 0.001)):
        table = grid_table()
        assert decided("D7b", grid=table[(table.law != law) | (table.sigma_T != sigma_T)])[0] is None


def test_cells_of_both_profiles_name_every_part():
    for profile in ("smoke", "paper"):
        options = SimpleNamespace(profile=profile, dim=2, law=("gaussian", "mixture"))
        assert {cell.part for cell in EXPERIMENT.plan(options)} == set(EXPERIMENT.parts)
