"""The noise-level experiment: cells against closed forms, its rules on tables made by hand, one run through the engine."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats

from analysis.laws import cases
from analysis.noise_level import CLAIMS, EXPERIMENT, decisions
from analysis.noise_level.concentration import cell_concentration, cell_linear, cell_worst_case
from analysis.noise_level.derivatives import first, second
from analysis.noise_level.estimates import controlled_mean, controlled_ratio, controlled_variance
from analysis.noise_level.exact_atoms import cell_exact_atoms
from analysis.noise_level.histograms import cell_histogram, cell_spike
from analysis.noise_level.identities import cell_identities, cell_lambda
from analysis.noise_level.images import cell_images
from analysis.noise_level.information import cell_efficiency, cell_information
from analysis.noise_level.paper_samples import cell_paper_samples
from analysis.noise_level.residual import cell_residual
from analysis.noise_level.risk import cell_risk
from analysis.runs import judge, main
from manifolds import stream

Z999 = stats.norm.ppf(0.9995)  # half width of a 99.9 % interval in standard errors
CLAIM = {claim.id: claim for claim in CLAIMS}
PAPER = SimpleNamespace(profile="paper")


# -- tools ------------------------------------------------------------------------------------------------------------


def test_derivatives_of_known_functions_to_ten_digits():
    t0 = torch.tensor([0.3, 1.1, -0.7], dtype=torch.float64)
    step = torch.full((3,), 0.2, dtype=torch.float64)
    found = first(lambda t: torch.stack([torch.sin(3 * (t0 + t)), torch.exp(t0 + t)], dim=-1), step)
    assert torch.allclose(found, torch.stack([3 * torch.cos(3 * t0), torch.exp(t0)], dim=-1), rtol=1e-11, atol=1e-11)
    assert torch.allclose(second(lambda t: torch.sin(3 * (t0 + t)), step), -9 * torch.sin(3 * t0), rtol=1e-9, atol=1e-9)


def test_a_control_of_known_mean_keeps_the_mean_and_narrows_the_error():
    z, w = stream(0, "control").normal(2, 20_000)
    plain, controlled = controlled_mean(z + 0.1 * w + 2.0, None, 0.0), controlled_mean(z + 0.1 * w + 2.0, z, 0.0)
    assert controlled[1] < 0.2 * plain[1]
    assert abs(controlled[0] - 2.0) < Z999 * controlled[1]
    # the stated error is the true one: spread of the estimate over independent repetitions
    draws = stream(1, "control").normal(300, 2, 200)
    found = [controlled_mean(a + b, a, 0.0) for a, b in draws]
    low, high = np.sqrt(stats.chi2.ppf([0.0005, 0.9995], 299) / 299)
    assert low < np.std([m for m, _ in found], ddof=1) / np.mean([s for _, s in found]) < high


def test_ratio_and_variance_estimates_cover_the_truth():
    z, w = stream(2, "control").normal(2, 40_000)
    ratio, error = controlled_ratio((z + 0.2 * w).square(), torch.full_like(z, 2.0), z.square(), 1.0)
    assert abs(ratio - 1.04 / 2.0) < Z999 * error
    variance, error = controlled_variance(z + 0.2 * w + 5.0, z, 1.0)
    assert abs(variance - 1.04) < Z999 * error


def test_case_gives_each_law_the_dimensions_it_has():
    assert cases.case("gaussian", 2, 12) == {"law": "gaussian", "dim": 2, "ambient": 14}
    assert cases.case("sphere", 2, 12)["ambient"] == 15
    assert cases.case("full_gaussian", 2, 7) == {"law": "full_gaussian", "dim": 7, "ambient": 7}
    assert cases.shape("full_gaussian", 2).low_dimensional is False
    assert set(cases.catalogue()) >= {"atoms", "gaussian", "mixture", "sphere", "torus", "two_scale"}


# -- identities -------------------------------------------------------------------------------------------------------


def test_identities_hold_with_forty_digits():
    assert max(row["error"] for row in cell_exact_atoms({"case": 3}, 1)) < 1e-30


@pytest.mark.parametrize("law", ["gaussian", "sphere", "mixture", "two_scale"])
def test_identities_hold_for_laws_and_each_notices_wrong_moments(law):
    rows = cell_identities({**cases.case(law, 2, 3), "level": 0.3}, 0) + cell_lambda(
        {**cases.case(law, 2, 3), "level": 0.3}, 0
    )
    assert len(rows) == 8 + 6
    assert max(row["error"] for row in rows) < 1e-8
    assert min(row["sabotaged"] for row in rows) > 1e-3


# -- numbers against closed forms -------------------------------------------------------------------------------------


def test_information_of_a_gaussian_is_its_closed_form():
    row = cell_information({**cases.case("gaussian", 2, 12), "level": 0.5, "draws": 20_000}, 0)[0]
    share = 0.5 / (1.0 + 0.5)  # sigma^2 = 0.25 * 2 against unit variance
    exact = 2 * 12 + 2 * 2 * (share**2)
    assert abs(row["ratio"] * row["information"] - exact) < Z999 * row["ratio_se"] * exact + 2e-3 * exact
    assert abs(row["ratio_plain"] - exact / 28.0) < Z999 * row["ratio_plain_se"]


def test_efficiency_of_linear_data_with_little_noise():
    row = cell_efficiency({**cases.case("gaussian", 2, 512), "level": 0.01, "draws": 4000, "posteriors": 50}, 0)[0]
    # log lambda of a Gamma law of shape n/2 + 1; log of a chi-square variable with n degrees of freedom
    assert row["posterior_sd"] == pytest.approx(stats.loggamma(512 / 2 + 1).std() / 2, rel=1e-4)
    assert row["linear_sd_ratio"] == pytest.approx(row["sd_ratio"], rel=1e-4)
    exact = stats.loggamma(256).var() / 4 * 1024
    assert abs(row["mle_ratio"] - exact) < Z999 * row["mle_ratio_se"]


def _linear_moment(n: int, alpha: float) -> float:
    """E|lambda - lambda_t|^2/lambda_t^2 by quadrature over rho^2, for lambda|rho ~ Gamma((n - alpha)/2 + 1, rho^2/2)."""
    shape = (n - alpha) / 2 + 1

    def inner(q):
        law = stats.gamma(shape, scale=2.0 / q)
        return (law.var() + (law.mean() - 1.0) ** 2) * stats.chi2.pdf(q, n)

    return integrate.quad(inner, 0.0, 40.0 * n, points=[n / 2, n, 2 * n], limit=200)[0]


@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_linear_second_moment_is_that_of_the_gamma_law(alpha):
    row = cell_linear({"normal_dim": 30, "alpha": alpha, "draws": 20_000}, 0)[0]
    exact = _linear_moment(30, alpha)
    assert abs(row["error"] - exact) < Z999 * row["error_se"]
    assert abs(row["gamma"] - exact) < Z999 * row["gamma_se"]


def test_worst_case_law_measured_by_grid_and_by_quadrature():
    row = cell_worst_case({"ambient": 1000, "dim": 126, "draws": 4000}, 0)[0]
    assert abs(row["error"] - row["predicted"]) < Z999 * row["error_se"]
    assert abs(row["grid"] - row["predicted"]) < Z999 * row["grid_se"]
    assert row["predicted"] == pytest.approx(1.41e-2, rel=5e-3)
    assert abs(row["linear"] - 4.0 / 874.0) < Z999 * row["linear_se"] + 1e-5 + 4.0 * 12.0 / 874.0**2


def test_concentration_of_linear_data_and_of_a_wrong_level():
    row = cell_concentration({"law": "gaussian", "dim": 2, "ambient": 1002, "level": 0.01, "draws": 2000}, 0)[0]
    exact = (4 * 1000 + 32) / (998 * 996)
    assert abs(row["error"] - exact) < Z999 * row["error_se"]
    # E|lambda/2 - 1|^2 from E lambda = (n+2)/(n-2) and E lambda^2, in units of lambda_t
    mean = 1002 / 998
    wrong = (exact + 2 * mean - 1) / 4 - mean + 1
    assert abs(row["wrong"] - wrong) < Z999 * row["wrong_se"]


def test_residual_factor_of_a_gaussian():
    row = cell_residual({**cases.case("gaussian", 2, 6), "level": 0.5, "draws": 10_000}, 0)[0]
    assert row["effective_dim"] == pytest.approx(2 / 1.5, rel=1e-12)
    assert abs(row["ratio"] - 1.0) < Z999 * row["ratio_se"]
    assert abs(row["ratio_plain"] - (1 - 2 / 1.5 / 8)) < Z999 * row["ratio_plain_se"]


def test_risk_is_least_at_the_blind_denoiser_and_not_at_a_scaled_one():
    params = {**cases.case("gaussian", 2, 12), "low": 0.1, "high": 1.0, "exponent": -1.0, "draws": 6000}
    rows = pd.DataFrame(cell_risk(params, 0)).set_index(["candidate", "direction"])
    blind, reference = rows.loc["blind"], rows.loc["reference"]
    assert (blind.step.abs() < Z999 * blind.step_se).all()
    assert np.allclose(blind.step, reference.step, atol=1e-9)
    assert rows.loc["scaled by 1.05"].loc["scale"].step < -Z999 * rows.loc["scaled by 1.05"].loc["scale"].step_se


def test_histogram_counts_every_sample_and_its_variance_is_that_of_chi_square():
    rows = pd.DataFrame(cell_histogram({"figure": 10, "ambient": 100, "draws": 4000}, 0))
    assert 3990 <= rows["count"].sum() <= 4000  # the last half per mille lies beyond the axis
    first_row = rows.iloc[0]
    assert first_row.zeros == 0
    assert abs(first_row.variance_ratio - 1.0) < Z999 * first_row.variance_ratio_se + 0.02
    assert abs(first_row.peak - stats.chi2(99).pdf(97) * 99) < Z999 * first_row.peak_se + 0.05


def test_spike_at_zero_has_its_chi_square_mass():
    row = cell_spike({"ambient": 10, "draws": 4000}, 0)[0]
    mass = stats.chi2.cdf(10 * 9 / (9 + 1), 10)
    for column in ("zeros", "closed_form_zeros"):
        assert stats.binomtest(row[column], 4000, mass).pvalue > 1e-3
    assert row["line_zeros"] == 0


def test_paper_samples_lie_on_the_two_lines():
    rows = pd.DataFrame(cell_paper_samples({"figure": 10, "law": "paper", "dim": 1, "ambient": 1000, "draws": 40}, 0))
    assert rows.distance.max() < 1e-3
    assert stats.ks_2samp(rows.x1, rows.true_x1).pvalue > 1e-3


def test_noise_level_of_a_small_image_is_estimated_as_well_as_noise_allows():
    row = cell_images({"law": "blobs", "dim": 2, "ambient": 64, "sigma": 0.4, "finest": 0.3, "draws": 400}, 0)[0]
    # sqrt(chi2_64/64) - 1, exactly
    mean = math.exp(math.lgamma(32.5) - math.lgamma(32.0)) / math.sqrt(32.0)
    assert abs(row["pure"] - math.sqrt(2 - 2 * mean)) < Z999 * row["pure_se"]
    # two of 64 directions are the image's
    assert row["cramer_rao"] == pytest.approx(1 / math.sqrt(2 * 62), rel=0.01)
    assert abs(row["mle"] - row["cramer_rao"]) < Z999 * row["mle_se"] + 0.02 * row["mle"]
    assert row["naive"] - 5 * row["naive_se"] > row["mle"]


# -- rules ------------------------------------------------------------------------------------------------------------


def _verdict(measurement):
    return judge(CLAIM[measurement.claim], measurement).outcome


def _columns(count: int, **values) -> pd.DataFrame:
    return pd.DataFrame({name: value if isinstance(value, list) else [value] * count for name, value in values.items()})


def _risk(step: float, reference: float = 0.001, scaled: float = -0.1) -> pd.DataFrame:
    parts = {"blind": step, "reference": reference, "scaled by 1.05": scaled, "prior range off by 5": 0.3}
    return pd.DataFrame(
        [
            {"law": "a", "direction": g, "candidate": c, "step": s, "step_se": 0.002}
            for c, s in parts.items()
            for g in ("x", "y")
        ]
    )


def test_p1_follows_the_worst_direction_and_needs_its_controls():
    assert _verdict(decisions._risk(_risk(0.001))) == "holds"
    assert _verdict(decisions._risk(_risk(0.05))) == "violated"
    assert _verdict(decisions._risk(_risk(0.018))) == "inconclusive"
    assert _verdict(decisions._risk(_risk(0.001, scaled=-0.01))) == "inconclusive"
    assert _verdict(decisions._risk(_risk(0.001, reference=0.1))) == "inconclusive"


def _identity_tables(error: float, sabotaged: float = 0.01):
    rows = _columns(2, law="a", level=0.3, identity=["score", "distance"], alpha=[0.0, 2.0], derivative=1, error=[1e-12, error],
                    sabotaged=[0.5, sabotaged])  # fmt: skip
    return rows, _columns(2, identity=["score", "Lemma 3.7, first"], error=1e-40)


@pytest.mark.parametrize("claim, keys", [("P2", ["identity"]), ("P3", ["alpha", "derivative"])])
def test_identities_are_decided_by_the_largest_error_and_the_least_sensitive_identity(claim, keys):
    for error, sabotaged, expected in ((1e-9, 0.01, "holds"), (1e-6, 0.01, "violated"), (1e-9, 1e-9, "inconclusive")):
        assert _verdict(decisions._identities(claim, *_identity_tables(error, sabotaged), keys)) == expected


def test_p4_n6_n7_are_decided_by_the_worst_law():
    for ratio, expected in ((1.002, "holds"), (1.2, "violated")):
        rows = _columns(2, law=["a", "b"], level=0.3, ratio=[1.0, ratio], ratio_se=0.002, pure_noise=1.0, pure_noise_se=0.003,
                        ratio_plain=[1.0, 0.8], ratio_plain_se=0.002, ratio_wrong_level=0.8, ratio_wrong_level_se=0.002,
                        ratio_scaled=1.1, ratio_scaled_se=0.002)  # fmt: skip
        assert _verdict(decisions._information(rows)) == expected
        assert _verdict(decisions._residual(rows)) == expected
        both = _columns(3, law=["a", "b", "two_scale"], level=1.0, contrast=[False, False, True], sd_ratio=[1.0, ratio, 3.0],
                        sd_ratio_se=0.001, mle_ratio=1.0, mle_ratio_se=0.002, linear_sd_ratio=0.9999)  # fmt: skip
        assert _verdict(decisions._efficiency(both)) == expected


def test_n1_reports_the_largest_constant():
    rows = _columns(
        2, law="a", dim=2, ambient=[100, 1000], error=[0.05, 0.004], error_se=1e-4, wrong=1.0, wrong_se=0.01
    )
    found = decisions._constant(rows)
    assert found.measured == pytest.approx(0.05 / (1 / 100 + 4 / 100**2))
    assert _verdict(found) == "holds"
    assert _verdict(decisions._constant(rows.assign(error=[0.05, 0.04]))) == "violated"


def test_n2_compares_with_the_closed_form():
    exact = (4 * 100 + 32) / (98 * 96)
    rows = _columns(
        1, normal_dim=100, alpha=0.0, error=exact, error_se=0.005 * exact, gamma=exact, gamma_se=0.005 * exact
    )
    assert _verdict(decisions._linear(rows)) == "holds"
    assert _verdict(decisions._linear(rows.assign(error=1.1 * exact))) == "violated"


def test_n3_uses_the_reference_points_alone():
    rows = _columns(2, ambient=[1000, 4096], dim=[126, 4], reference=[True, False], error=[0.0141, 9.0], error_se=1e-4, grid=0.0141,
                    grid_se=1e-4, linear=0.005, linear_se=1e-4, predicted=0.0141)  # fmt: skip
    assert _verdict(decisions._worst_case(rows)) == "holds"
    assert _verdict(decisions._worst_case(rows.assign(error=[0.005, 9.0]))) == "violated"


def test_n4_looks_at_large_dimensions_only():
    rows = _columns(2, figure=10, ambient=[10, 1000], variance_ratio=[2.0, 1.0], variance_ratio_se=0.005, exact_ratio=1.0,
                    exact_ratio_se=0.005, shifted_ratio=1.46, shifted_ratio_se=0.01, peak=8.9)  # fmt: skip
    assert _verdict(decisions._histograms(rows)) == "holds"
    assert _verdict(decisions._histograms(rows.assign(variance_ratio=[1.0, 1.5]))) == "violated"


def test_n5_is_a_binomial_comparison():
    mass, draws = stats.chi2.cdf(2 * 0.9, 2), 20_000
    rows = _columns(
        1, ambient=2, draws=draws, zeros=round(mass * draws), closed_form_zeros=round(mass * draws), line_zeros=0
    )
    found = decisions._spike(rows)
    interval = stats.binomtest(round(mass * draws), draws).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((interval.low - mass, interval.high - mass))
    assert _verdict(found) == "holds"
    assert _verdict(decisions._spike(rows.assign(zeros=round(0.5 * draws)))) == "violated"


def test_i1_takes_the_worst_family_and_level():
    rows = _columns(2, law="blobs", ambient=1024, sigma=[0.3, 1.0], mle=[0.02, 0.022], mle_se=0.001, pure=0.022, pure_se=0.001,
                    naive=[0.1, 0.03], naive_se=0.001, cramer_rao=0.022)  # fmt: skip
    assert _verdict(decisions._images(rows)) == "holds"
    assert _verdict(decisions._images(rows.assign(mle=[0.02, 0.08]))) == "violated"
    assert _verdict(decisions._images(rows.assign(naive=0.03))) == "inconclusive"


def test_bonferroni_interval_of_the_worst_case():
    estimate, name = decisions._worst([1.0, 1.1], [0.01, 0.01], 1.0, ["a", "b"])
    half = stats.norm.ppf(1 - 0.05 / 4) * 0.01
    assert (estimate.value, estimate.low, estimate.high, name) == pytest.approx((1.1, 1.1 - half, 1.1 + half, "b"))


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_small_run_writes_tables_claims_and_figures(tmp_path, capsys):
    argv = ["--profile", "smoke", "--law", "gaussian", "--ambient", "64", "--jobs", "1", "--out", str(tmp_path)]
    assert main(EXPERIMENT, argv) == 0
    claims = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert {"P2", "P3", "N1", "N6"} <= set(claims.index)
    assert (claims.verdict == "holds").all()
    assert (tmp_path / "figures" / "paper_fig1.png").stat().st_size > 10_000
    histogram = pd.read_csv(tmp_path / "tables" / "histogram.csv")
    assert set(histogram.ambient) == {2, 10, 100, 500, 1000}


@pytest.mark.parametrize(
    "argv, word", [(["--law", "nothing"], "--law"), (["--dim", "0"], "--dim"), (["--ambient", "x"], "--ambient")]
)
def test_bad_arguments_are_refused_in_one_line(argv, word, capsys):
    assert main(EXPERIMENT, argv) == 2
    error = capsys.readouterr().err.strip()
    assert word in error and "\n" not in error


def test_every_claim_of_the_section_is_registered():
    assert {c.id for c in CLAIMS} >= {"P1", "P2", "P3", "P4", *(f"N{i}" for i in range(1, 8)), "I1"}
    assert all(math.isfinite(limit) for claim in CLAIMS for limit in claim.allowed)
