"""From tables to measurements. A claim about all laws is decided by the worst of them, with simultaneous intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.metrics import intervals
from analysis.noise_level.claims import CLAIMS
from analysis.runs import Control, Measurement, judge
from analysis.theory import noise as theory

__all__ = ["decide"]

_CONFIDENCE = 0.95


def _worst(
    value: Iterable, error: Iterable, target: float, names: Iterable | None = None
) -> tuple[intervals.Estimate, str]:
    """The case that reaches furthest from the target, with a Bonferroni interval over all cases, and its name."""
    value, error = np.asarray(value, dtype=float), np.asarray(error, dtype=float)
    half = stats.norm.ppf(1.0 - (1.0 - _CONFIDENCE) / (2.0 * len(value))) * error
    i = int(np.argmax(np.abs(value - target) + half))
    name = "" if names is None else str(list(names)[i])
    return intervals.Estimate(value[i], value[i] - half[i], value[i] + half[i]), name


def _pooled(value: pd.Series, error: pd.Series) -> intervals.Estimate:
    """The mean of independent estimates of one number."""
    return intervals.from_standard_error(value.mean(), np.sqrt((error**2).sum()) / len(value), confidence=_CONFIDENCE)


def _control(kind: str, what: str, estimate: intervals.Estimate) -> Control:
    return Control(kind, what, estimate.low, estimate.high)


def _exact(value: float) -> intervals.Estimate:
    return intervals.Estimate(float(value), float(value), float(value))


def _measured(claim: str, estimate: intervals.Estimate, controls: list[Control], note: str = "") -> Measurement:
    return Measurement(claim, estimate.value, estimate.low, estimate.high, controls, note)


def _labels(rows: pd.DataFrame, *columns: str) -> pd.Series:
    return rows[list(columns)].astype(str).agg(" ".join, axis=1)


def _risk(rows: pd.DataFrame) -> Measurement:
    of = {name: part for name, part in rows.groupby("candidate")}

    def worst(name):
        return _worst(of[name].step, of[name].step_se, 0.0, _labels(of[name], "law", "direction"))

    truth, where = worst("blind")
    controls = [_control("null", "f* by a fixed Gauss rule over all levels", worst("reference")[0])]
    controls += [_control("power", name, worst(name)[0]) for name in ("scaled by 1.05", "prior range off by 5")]
    return _measured("P1", truth, controls, where)


def _identities(claim: str, rows: pd.DataFrame, atoms: pd.DataFrame, keys: list[str]) -> Measurement:
    worst = rows.loc[rows.error.idxmax()]
    truth = atoms[atoms.identity.str.startswith("Lemma 3.7") == (claim == "P3")]
    # every identity must notice the sabotage by itself: the least sensitive one decides
    sensitivity = rows.groupby(keys).sabotaged.max().min()
    controls = [
        _control("null", "five atoms in R^3 with 40 digits", _exact(truth.error.max())),
        _control(
            "power",
            "posterior moments 5 % too large" if claim == "P2" else "prior exponent off by one",
            _exact(sensitivity),
        ),
    ]
    return _measured(claim, _exact(worst.error), controls, " ".join(str(worst[c]) for c in ("law", "level", *keys)))


def _information(rows: pd.DataFrame) -> Measurement:
    truth, where = _worst(rows.ratio, rows.ratio_se, 1.0, _labels(rows, "law", "level"))
    controls = [
        _control("null", "the score of the noise itself", _pooled(rows.pure_noise, rows.pure_noise_se)),
        _control("power", "2d alone", _worst(rows.ratio_plain, rows.ratio_plain_se, 1.0)[0]),
        _control("power", "score at 1.1 sigma", _worst(rows.ratio_wrong_level, rows.ratio_wrong_level_se, 1.0)[0]),
    ]
    return _measured("P4", truth, controls, where)


def _constant(rows: pd.DataFrame) -> Measurement:
    form = np.array([theory.second_moment_form(d, min(k, d - 1)) for d, k in zip(rows.ambient, rows.dim)])
    linear = max(
        theory.linear_second_moment(d - k) / theory.second_moment_form(d, k)
        for d, k in zip(rows.ambient, rows.dim)
        if d - k > 4
    )
    truth, where = _worst(rows.error / form, rows.error_se / form, 0.0, _labels(rows, "law", "dim", "ambient"))
    wrong = _worst(rows.wrong / form, rows.wrong_se / form, 0.0)[0]
    controls = [
        _control("null", "linear data, closed form", _exact(linear)),
        _control("power", "true lambda taken twice too large", wrong),
    ]
    return _measured("N1", truth, controls, f"largest at {where} (law k d)")


def _linear(rows: pd.DataFrame) -> Measurement:
    def ratio(column, factor=1.0):
        below = [theory.linear_second_moment(factor * n, a) for n, a in zip(rows.normal_dim, rows.alpha)]
        return _worst(rows[column] / below, rows[f"{column}_se"] / below, 1.0, _labels(rows, "normal_dim", "alpha"))

    truth, where = ratio("error")
    controls = [
        _control("null", "lambda drawn from its Gamma law", ratio("gamma")[0]),
        _control("power", "codimension 1.2 n in the formula", ratio("error", 1.2)[0]),
    ]
    return _measured("N2", truth, controls, f"{where} (n alpha)")


def _worst_case(rows: pd.DataFrame) -> Measurement:
    rows = rows[rows.reference]

    def ratio(column):
        return _worst(
            rows[column] / rows.predicted, rows[f"{column}_se"] / rows.predicted, 1.0, _labels(rows, "ambient", "dim")
        )

    truth, _ = ratio("error")
    controls = [
        _control("null", "plain grid posterior in numpy", ratio("grid")[0]),
        _control("power", "linear data with the same k and d", ratio("linear")[0]),
    ]
    values = ", ".join(f"{e:.3g} at d={d} k={k}" for e, d, k in zip(rows.error, rows.ambient, rows.dim))
    share = (rows.error * rows.ambient**2 / rows.dim**2).min()
    return _measured("N3", truth, controls, f"{values}; at least {share:.2f} k^2/d^2")


def _histograms(rows: pd.DataFrame) -> Measurement:
    rows = rows[rows.ambient >= 100].drop_duplicates(["figure", "ambient"])

    def ratio(column):
        return _worst(rows[column], rows[f"{column}_se"], 1.0, rows.ambient)

    truth, where = ratio("variance_ratio")
    controls = [
        _control("null", "chi-square draws", ratio("exact_ratio")[0]),
        _control("power", "data at 1.1 sigma", ratio("shifted_ratio")[0]),
    ]
    peaks = ", ".join(f"{p:.2f} at d={d}" for p, d in zip(rows.peak, rows.ambient))
    return _measured("N4", truth, controls, f"d={where}; peak densities {peaks}")


def _spike(rows: pd.DataFrame) -> Measurement:
    confidence = 1.0 - (1.0 - _CONFIDENCE) / len(rows)

    def gap(column):
        found = []
        for d, zeros, draws in zip(rows.ambient, rows[column], rows.draws):
            mass = theory.mle_zero_mass(d, 3.0, 1.0)
            found.append(intervals.binomial(zeros, draws, confidence).map(lambda p, mass=mass: p - mass))
        return max(found, key=lambda e: max(abs(e.low), abs(e.high)))

    controls = [
        _control("null", "closed form of the MLE", gap("closed_form_zeros")),
        _control("power", "data on a line, k = 1 < d", gap("line_zeros")),
    ]
    return _measured("N5", gap("zeros"), controls)


def _efficiency(rows: pd.DataFrame) -> Measurement:
    def worst(part):
        value, error = np.r_[part.sd_ratio, part.mle_ratio], np.r_[part.sd_ratio_se, part.mle_ratio_se]
        names = [f"{what} {name}" for what in ("sd", "mle") for name in _labels(part, "law", "level")]
        return _worst(value, error, 1.0, names)

    low = rows[~rows.contrast]
    truth, where = worst(low)
    bad = rows[rows.contrast]
    controls = [
        _control(
            "null",
            "sd of the log of the Gamma law",
            _exact(low.linear_sd_ratio.iloc[(low.linear_sd_ratio - 1.0).abs().argmax()]),
        ),
        _control("power", "two-scale law with k^2 > d", _worst(bad.sd_ratio, bad.sd_ratio_se, 1.0)[0]),
    ]
    return _measured("N6", truth, controls, where)


def _residual(rows: pd.DataFrame) -> Measurement:
    def worst(column):
        return _worst(rows[column], rows[f"{column}_se"], 1.0, _labels(rows, "law", "level"))

    truth, where = worst("ratio")
    controls = [
        _control("null", "the noise itself", _pooled(rows.pure_noise, rows.pure_noise_se)),
        _control("power", "no correction", worst("ratio_plain")[0]),
        _control("power", "denoiser scaled by 1.05", worst("ratio_scaled")[0]),
    ]
    return _measured("N7", truth, controls, where)


def _images(rows: pd.DataFrame) -> Measurement:
    def worst(column):
        return _worst(rows[column], rows[f"{column}_se"], 0.0, _labels(rows, "law", "ambient", "sigma"))

    truth, where = worst("mle")
    controls = [
        _control("null", "the noise itself", worst("pure")[0]),
        _control("power", "the image taken for noise", worst("naive")[0]),
    ]
    ratio = (rows.mle / rows.cramer_rao).mean()
    return _measured("I1", truth, controls, f"{where} (law d sigma); {ratio:.3f} of the Cramer-Rao bound on average")


def decide(tables: Mapping[str, pd.DataFrame], options) -> list[Measurement]:
    """Measurements of every claim whose table is there; at the smoke profile, of those that its few draws can decide."""
    rules = {
        "risk": _risk,
        "information": _information,
        "concentration": _constant,
        "linear": _linear,
        "worst_case": _worst_case,
        "histogram": _histograms,
        "spike": _spike,
        "efficiency": _efficiency,
        "residual": _residual,
        "image_levels": _images,
    }
    found = [rule(tables[part]) for part, rule in rules.items() if part in tables]
    if "exact_atoms" in tables and "identities" in tables:
        found.append(_identities("P2", tables["identities"], tables["exact_atoms"], ["identity"]))
    if "exact_atoms" in tables and "lambda_posterior" in tables:
        found.append(_identities("P3", tables["lambda_posterior"], tables["exact_atoms"], ["alpha", "derivative"]))
    if options.profile == "smoke":
        known = {claim.id: claim for claim in CLAIMS}
        found = [m for m in found if judge(known[m.claim], m).outcome != "inconclusive"]
    return found
