"""Exponents: regressions in logarithms over the cells' tables, each with a 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas

from analysis.metrics.fits import log_log_slope, power_law, steps_to_reach
from analysis.metrics.intervals import Estimate, standard_error
from analysis.scaling.mmse_curve import real_steps
from analysis.scaling.setting import EPS, SIGMA_END, SIGMA_START, A
from analysis.theory.coefficients import exponential_euler
from analysis.theory.discretisation import gaussian_mmse
from analysis.theory.gaussian_run import run_variances
from analysis.theory.grid import constant_levels

__all__ = ["ERROR_TARGETS", "fits", "measured_steps"]

# errors at which runs are compared, in the unit of the data (the laws have scale or radius 1): between those of the fewest and most steps
ERROR_TARGETS = (0.5, 0.2, 0.1)
# the exact error has no noise, and takes more of them
_EXACT_TARGETS = (0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.0125)
# steps below which disc is linear in h to a few percent
LINEAR = 0.3
_COLUMNS = ["quantity", "law", "against", "held", "exponent", "low", "high", "points"]


def _slope(x, y, se=None) -> tuple[Estimate, int] | None:
    """The fitted exponent and the number of points, None where there are too few points to fit."""
    if len(x) < 3 or len(set(x)) < 3:
        return None
    try:
        fit = log_log_slope(x, y, standard_error=se)
    except ValueError:
        return None
    return fit.slope, fit.points


def _rows(
    table: pandas.DataFrame,
    quantity: str,
    column: str,
    against: str,
    held: list[str],
    se: str | None = None,
    divide: str | None = None,
) -> Iterator[dict]:
    """One fit for each law and each value of the held variables, column ~ against^exponent."""
    for key, group in table.groupby(["law", *held], sort=True):
        group = group[group[column].map(math.isfinite) & (group[column] > 0)]
        scale = 1.0 if divide is None else group[divide]
        found = _slope(
            group[against].to_numpy(float),
            (group[column] / scale).to_numpy(float),
            None if se is None else (group[se] / scale).to_numpy(float),
        )
        if found:
            exponent, points = found
            at = ", ".join(f"{name}={value:g}" for name, value in zip(held, key[1:]))
            yield _row(quantity, key[0], against, exponent, points, at)


def measured_steps(coupled: pandas.DataFrame) -> pandas.DataFrame:
    """Steps at which the error of coupled runs falls to each target: one row a law, k, d, target."""
    rows = []
    for (law, dim, ambient), group in coupled[coupled["scale"] == 1.0].groupby(["law", "dim", "ambient"], sort=True):
        if len(group) < 2:
            continue
        for target in ERROR_TARGETS:
            found = steps_to_reach(
                *(group[c].to_numpy(float) for c in ("N", "error")), target, group["error_se"].to_numpy(float)
            )
            rows.append(
                {
                    "law": law,
                    "dim": dim,
                    "ambient": ambient,
                    "target": target,
                    "steps": found.value,
                    "low": found.low,
                    "high": found.high,
                    "reached": found.status,
                }
            )
    columns = ["law", "dim", "ambient", "target", "steps", "low", "high", "reached"]
    return pandas.DataFrame(rows, columns=columns)


def _measured(coupled: pandas.DataFrame) -> Iterator[dict]:
    """Error of coupled runs ~ N^p k^q d^r for each law; and the steps that follow.

    N ~ error^{1/p} k^{-q/p} d^{-r/p}: the interval of a ratio is that of its ends, which is conservative.
    """
    # (runs that project onto the same point of a discrete set have no error that a logarithm could be taken of)
    for law, group in coupled[(coupled["scale"] == 1.0) & (coupled["error"] > 0)].groupby("law", sort=True):
        columns = {
            name: group[of].to_numpy(float)
            for name, of in (("steps", "N"), ("dim", "dim"), ("ambient", "ambient"))
            if group[of].nunique() > 1
        }
        if "steps" not in columns or len(group) < len(columns) + 3:
            continue
        exponents = power_law(columns, group["error"].to_numpy(float))
        for name, found in exponents.items():
            yield _row("error of coupled runs", law, name, found, len(group))
        order = exponents.pop("steps")
        if order.high >= 0:  # an error that does not certainly fall needs no finite number of steps
            continue
        yield _row(
            "measured steps",
            law,
            "inverse_error",
            Estimate(-1 / order.value, -1 / order.low, -1 / order.high),
            len(group),
        )
        for name, found in exponents.items():
            ends = [-f / o for f in (found.low, found.high) for o in (order.low, order.high)]
            yield _row(
                "measured steps", law, name, Estimate(-found.value / order.value, min(ends), max(ends)), len(group)
            )


def _joint(table: pandas.DataFrame, quantity: str) -> Iterator[dict]:
    """steps ~ k^p d^q over all cells of a law, for each eps."""
    for (law, eps), group in table[table["steps"].map(math.isfinite)].groupby(["law", "eps"], sort=True):
        columns = {name: group[name].to_numpy(float) for name in ("dim", "ambient") if group[name].nunique() > 1}
        if len(columns) < 2 or len(group) < 5:
            continue
        for name, found in power_law(columns, group["steps"].to_numpy(float)).items():
            yield _row(quantity, law, name, found, len(group), f"eps={eps:g}, jointly")


def _row(quantity: str, law: str, against: str, found: Estimate, points: int, held: str = "") -> dict:
    return {
        "quantity": quantity,
        "law": law,
        "against": against,
        "held": held,
        "exponent": found.value,
        "low": found.low,
        "high": found.high,
        "points": points,
    }


def _exact_error(steps: int) -> float:
    """Sliced W2 of a Gaussian run's law from p_{sigma_T}, whose level is read without error: the gap of the standard deviations."""
    levels = constant_levels(SIGMA_START, SIGMA_END, steps)
    c, eta = exponential_euler(levels, A)
    tangential, _ = run_variances(c, eta, levels, 1.0, told="true")
    return abs(math.sqrt(tangential[-1]) - math.hypot(1.0, SIGMA_END))


def _exact_steps(runs: pandas.DataFrame) -> pandas.DataFrame:
    """Steps at which the exact error of a unit Gaussian falls to each target (a fixed law: k does not enter)."""
    grid = [4 * 2**j for j in range(10)]
    errors = [_exact_error(steps) for steps in grid]
    found = {target: steps_to_reach(grid, errors, target).value for target in _EXACT_TARGETS}
    return pandas.DataFrame(
        [
            {"law": "gaussian", "dim": dim, "inverse_error": 1 / target, "steps": steps}
            for dim in sorted(set(runs["dim"]))
            for target, steps in found.items()
        ]
    )


def _at_the_end(certificate: pandas.DataFrame) -> pandas.DataFrame:
    """The rows at each law's own sigma_T, the smallest."""
    return certificate[certificate["sigma_T"] == certificate.groupby(["law", "dim"])["sigma_T"].transform("min")]


def _linear_steps(certificate: pandas.DataFrame) -> pandas.DataFrame:
    """Steps for disc = eps of the Gaussian law by its closed form, without init or price."""
    rows = []
    for dim in sorted(set(certificate["dim"])):
        for eps in sorted(set(certificate["eps"])):
            closed = lambda sigma, dim=dim: gaussian_mmse(sigma, dim, 1.0)
            rows.append(
                {
                    "law": "gaussian",
                    "dim": dim,
                    "eps": eps,
                    "steps": real_steps(closed, 0.0, eps, SIGMA_START, SIGMA_END),
                }
            )
    return pandas.DataFrame(rows)


def fits(tables: dict[str, pandas.DataFrame]) -> pandas.DataFrame:
    """All exponents that the tables at hand allow."""
    found: list[dict] = []
    price, certificate, runs, coupled, telescope = (
        tables.get(f"scaling{part}") for part in ("_price", "_certificate", "", "_coupled", "_telescope")
    )
    if price is not None:
        price = price.assign(
            **{
                se: standard_error(price[f"{name}_low"], price[f"{name}_high"])
                for se, name in (("se", "price"), ("null_se", "efficient"), ("power_se", "biased"))
            }
        )
        found += _rows(price, "price of blindness", "price", "ambient", ["dim"], "se")
        found += _rows(price, "price of blindness", "price", "dim", ["ambient"], "se")
        found += _rows(price, "price of an efficient estimate (null)", "efficient", "ambient", ["dim"], "null_se")
        found += _rows(price, "price of a level read 5 % too high (power)", "biased", "ambient", ["dim"], "power_se")
    if certificate is not None:
        coarser, certificate = certificate[certificate["eps"] == EPS], _at_the_end(certificate)
        found += _rows(
            coarser.assign(inverse_sigma_T=1 / coarser["sigma_T"]),
            "certificate's steps",
            "steps",
            "inverse_sigma_T",
            ["dim", "ambient"],
        )
        found += _rows(certificate, "certificate's steps", "steps", "dim", ["ambient", "eps"])
        found += _rows(certificate, "certificate's steps", "steps", "ambient", ["dim", "eps"])
        found += _joint(certificate, "certificate's steps")
        found += _joint(
            certificate.assign(steps=certificate["steps"] * certificate["dim"]), "certificate's steps times k (power)"
        )
        found += _rows(
            _linear_steps(certificate), "steps for disc alone, Gaussian closed form (null)", "steps", "dim", ["eps"]
        )
        inverse = certificate.assign(inverse_eps=1 / certificate["eps"])
        found += _rows(inverse, "certificate's steps", "steps", "inverse_eps", ["dim", "ambient"])
    if telescope is not None:
        found += _rows(telescope, "discretisation", "disc", "dim", ["steps"])
        found += _rows(telescope, "discretisation over its logarithm", "disc", "dim", ["steps"], divide="logarithm")
        found += _rows(
            telescope.assign(disc=telescope["disc"] * telescope["dim"]),
            "discretisation times k (power)",
            "disc",
            "dim",
            ["steps"],
            divide="logarithm",
        )
    if runs is not None:
        found += _rows(runs, "certificate", "total", "steps", ["dim", "ambient"])
        found += _rows(
            runs[runs["h"] < LINEAR], "discretisation, small steps", "discretisation", "h", ["dim", "ambient"]
        )
    if coupled is not None:
        found += _measured(coupled)
        found += _rows(
            _exact_steps(coupled), "steps of the exact Gaussian recursion (null)", "steps", "inverse_error", ["dim"]
        )
    return pandas.DataFrame(found, columns=_COLUMNS)
