"""The statements of arXiv 2602.09639, version 1: premises, section 3, and what of its appendices the suite uses."""

from __future__ import annotations

from .record import Statement

PAPER: tuple[Statement, ...] = (
    Statement(
        "(A1)",
        "premise",
        "the data have bounded support: |X| <= R",
        functions=("manifolds:Law.radius",),
        tests=("test_manifolds_contract.py",),
        laws=("cube", "gaussian"),
        separates="the cube satisfies it, every Gaussian (all synthetic data of the paper) does not",
        lacks="a premise: each law states its R, infinite where there is none",
    ),
    Statement(
        "(A2)",
        "premise",
        "k^2 << d, with the k of Definition 3.5",
        functions=("manifolds:Law.log_covering_number", "analysis.theory.noise:effective_dimension"),
        claims=("P5", "B6", "B6b", "I4"),
        figures=("paper_fig4", "exponents_by_law"),
        tests=("test_manifolds_contract.py",),
        laws=("sphere", "two_scale"),
        separates="S^8 in d = 1000 has the covering k of 116 or more: the premise fails and the conclusion holds",
    ),
    Statement(
        "(A3)",
        "premise",
        (
            "the learned denoiser is within eps of f* in mean square over the prior; printed without the square "
            "that Girsanov needs"
        ),
        functions=("analysis.theory.learning:learning_bound", "analysis.theory.learning:nats"),
        claims=("L4", "L4b"),
        figures=("training_excess_risk",),
        tests=("test_theory_ledger_terms.py::test_learning_bound_and_its_equality",),
        laws=("mixture",),
        separates="scaling f^ - f* by t scales the learning term by t^2, not by t",
    ),
    Statement(
        "(3)",
        "eq",
        "the order of d that the theory asks for, k^4/eps^4 << d; Cor 3.10 prints (R^2 + k) k^3/eps^4",
        functions=("analysis.theory.rates:recipe",),
        claims=("R4",),
        tests=("test_theory_runs.py::test_recipe_in_both_readings",),
        laws=("sphere", "random_code"),
        separates="R^2 of order k makes the two agree; a code of large radius does not",
    ),
    Statement(
        "3.1",
        "Prop",
        "the minimiser of the blind risk is the average of the conditional denoisers over the noise posterior",
        functions=("manifolds.denoisers:BlindDenoiser", "manifolds.denoisers:NoisePrior"),
        claims=("P1",),
        tests=("test_denoisers_blind.py",),
        laws=("mixture", "scale_mixture"),
        separates="a plug-in level (the likeliest one) is another denoiser where two levels compete",
    ),
    Statement(
        "3.2",
        "Prop",
        (
            "the dynamics with f_{sigma_t} have law p_{sigma_t}; sigma_t^2 = sigma_0^2 e^{-2t} + 2 int_0^t a_s "
            "e^{-2(t-s)} ds"
        ),
        functions=(
            "analysis.theory.schedule:implicit_variance",
            "analysis.theory.schedule:proportional_sd",
            "analysis.samplers:Schedule",
        ),
        claims=("S1", "S1b"),
        figures=("marginals",),
        tests=("test_theory_schedule.py::test_implicit_variance_solves_its_ode", "test_samplers_ideal.py"),
        laws=("gaussian", "mixture"),
        separates="a Gaussian in closed form; an injection that is not proportional to sigma_t^2 by two-sample tests",
    ),
    Statement(
        "3.3",
        "Lemma",
        "a_t non-increasing with a_0 <= sigma_0^2 makes sigma_t decrease",
        functions=("analysis.theory.schedule:decreases",),
        claims=("S2",),
        tests=("test_theory_schedule.py::test_lemma_3_3_condition_and_its_failure",),
        lacks="about the schedule alone: no law enters",
    ),
    Statement(
        "3.4",
        "Lemma",
        "a_t -> 0 makes sigma_t -> 0",
        functions=("analysis.theory.schedule:vanishing_bound",),
        claims=("S2b",),
        tests=("test_theory_schedule.py::test_lemma_3_4_bound_holds_and_vanishes",),
        lacks="about the schedule alone: no law enters",
    ),
    Statement(
        "3.5",
        "Def",
        (
            "the intrinsic dimension is 1 + log N_X(r_0), N_X the covering number of the support, r_0 = "
            "sigma_T^2/(sigma_0 sqrt d)"
        ),
        functions=("manifolds:Law.log_covering_number",),
        claims=("P5",),
        tests=("test_manifolds_contract.py",),
        laws=("sphere", "atoms"),
        separates=(
            "it grows with d and with the range of levels, the manifold's dimension does not; log n for n atoms"
        ),
        lacks="a definition: both bounds stand beside the manifold dimension",
    ),
    Statement(
        "(14)",
        "eq",
        "the path KL between the ideal process and a run, by Girsanov; printed without the square of its norm",
        functions=("analysis.ledger:ledger", "analysis.theory.schedule:girsanov_weights"),
        claims=("L1",),
        figures=("ledger_over_sigma",),
        tests=("test_ledger.py",),
        laws=("mixture",),
        separates="the terms add up to the undivided path KL at every number of steps, for an imperfect denoiser too",
    ),
    Statement(
        "3.6",
        "Thm",
        "blindness costs at most C (R^2 + k) (k^2/d) A_T, A_T = int dt/a_t: it may grow as sigma_T^-2",
        functions=(
            "analysis.theory.blindness:blindness_bound_form",
            "analysis.theory.blindness:gaussian_price",
            "analysis.theory.blindness:gaussian_price_uniform",
            "analysis.theory.blindness:price_from_sensitivity",
            "analysis.theory.blindness:price_from_information",
            "analysis.theory.schedule:inverse_injection_integral",
        ),
        claims=("B1", "B2", "B3", "B4", "B5", "B6", "B6b", "B7", "P5"),
        figures=("price_of_blindness", "exponents_by_law"),
        tests=("test_theory_ledger_terms.py::test_gaussian_price_by_brute_force",),
        laws=("gaussian", "random_code", "two_scale"),
        separates=(
            "a Gaussian pays k/(2(d-k)), whatever the levels; codes pay about three times that; only the "
            "two-scale law k^2/d"
        ),
    ),
    Statement(
        "3.7",
        "Lemma",
        "first and second derivative of the log posterior of lambda = sigma^-2: moments of |X - y|^2 given y",
        functions=("manifolds:Law.squared_distance", "manifolds:Law.distance_variance"),
        claims=("P3", "P4"),
        tests=("test_manifolds_contract.py",),
        laws=("atoms", "sphere"),
        separates="finite differences of the exact density, to 1e-8",
    ),
    Statement(
        "3.8",
        "Prop",
        (
            "one sample tells its level: E|lambda - lambda_t|^2 <= C lambda_t^2 (1/d + k^2/d^2), lambda from the "
            "posterior"
        ),
        functions=(
            "analysis.theory.noise:second_moment_form",
            "analysis.theory.noise:linear_second_moment",
            "analysis.theory.noise:two_scale_second_moment",
            "analysis.theory.noise:linear_log_sd",
            "analysis.theory.noise:log_sd_limit",
        ),
        claims=("N1", "N2", "N3", "N6"),
        figures=("noise_error",),
        tests=(
            "test_theory_noise.py::test_linear_second_moment_by_integration",
            "test_theory_noise.py::test_two_scale_law_attains_the_k2_over_d2_term",
        ),
        laws=("gaussian", "two_scale"),
        separates="linear data have 4/n and no second term; the two-scale law attains k^2/d^2",
    ),
    Statement(
        "3.9",
        "Thm",
        "steps of size h cost at most C (R^2 sigma_T^-2 k^3 h^2 1{a != 1/2} + k^2 h)",
        functions=(
            "analysis.theory.discretisation:discretisation_bound_form",
            "analysis.theory.discretisation:discretisation_from_mmse",
            "analysis.theory.discretisation:discretisation_sharper_form",
            "analysis.theory.discretisation:gaussian_discretisation",
            "analysis.theory.discretisation:gaussian_discretisation_any_a",
            "analysis.theory.discretisation:gaussian_discretisation_slope",
        ),
        claims=("D1", "D2", "D3", "D4", "D4b"),
        figures=("injection_cost", "error_vs_steps"),
        tests=(
            "test_theory_discretisation.py::test_telescope_of_two_atoms_equals_the_increments_of_the_denoiser",
            "test_theory_discretisation.py::test_slope_in_h_and_its_extremes",
        ),
        laws=("gaussian", "sphere", "atoms"),
        separates=(
            "the telescope of the MMSE curve (2601.21943) is exact at a = 1/2 and linear in k; a != 1/2 adds (1 - "
            "2a) E|G|^2 h^2"
        ),
    ),
    Statement(
        "3.10",
        "Cor",
        (
            "sigma_T ~ eps/sqrt k, h ~ eps^2/k^2, sigma_0 ~ R/eps (printed eps/R), d >> (R^2+k) k^3/eps^4: D_X <= "
            "eps in k^2/eps^2 steps"
        ),
        functions=(
            "analysis.theory.rates:recipe",
            "analysis.theory.rates:blind_steps_form",
            "analysis.theory.rates:certificate_steps_form",
            "analysis.theory.rates:steps_for_certificate",
            "analysis.metrics.support:bounded_lipschitz",
        ),
        claims=("R1", "R2", "R3", "R4"),
        figures=("error_vs_steps", "exponents_by_law"),
        tests=(
            "test_theory_runs.py::test_recipe_in_both_readings",
            "test_theory_runs.py::test_certificate_steps_are_minimal_and_have_exponent_one_in_k",
        ),
        laws=("cube", "random_code", "sphere"),
        separates=(
            "a law that a rotation leaves unchanged is reached with any steps; a cube, a code, an unequal mixture "
            "is not"
        ),
    ),
    Statement(
        "3.11",
        "not read",
        "numbered between Corollary 3.10 and Theorem 3.12",
        lacks="nothing of ours rests on it: no quantity of it is computed or claimed",
    ),
    Statement(
        "3.12",
        "Thm",
        "the learning term int E|f^ - f*|^2 dt/a_t is at most excess risk / min_sigma a(1-a) sigma^3 Theta(sigma)",
        functions=("analysis.theory.learning:learning_bound", "analysis.theory.learning:learning_equality"),
        claims=("L4", "L4b", "T3"),
        figures=("training_priors", "training_excess_risk"),
        tests=("test_theory_ledger_terms.py::test_learning_bound_and_its_equality",),
        laws=("mixture",),
        separates=(
            "Theta ~ sigma^-3 makes it an equality for every f^; other priors pay the factor that the bound says"
        ),
    ),
    Statement(
        "(16)",
        "eq",
        "KL(p_{sigma_T} || law of the run) <= path KL, and TV by Pinsker",
        functions=(
            "analysis.theory.rates:total_variation_bound",
            "analysis.theory.rates:total_variation_bound_large",
            "analysis.theory.gaussian_run:final_divergence",
            "analysis.metrics.total_variation:tv_lower_from_samples",
        ),
        claims=("L2", "L2b", "L5"),
        figures=("error_vs_steps",),
        tests=("test_theory_runs.py::test_marginal_divergence_lies_below_the_certificate",),
        laws=("gaussian", "atoms"),
        separates="a Gaussian's marginal KL is k h^2/16, far below; a point mass with f = f* + c attains it",
    ),
    Statement(
        "(21)",
        "eq",
        "derivatives of log p_sigma and of f_sigma are posterior moments; so are (26) to (28), C.1 and C.2",
        functions=("manifolds:Law.denoise", "manifolds:Law.posterior_trace", "manifolds:Law.distance_covariance"),
        claims=("P2",),
        tests=("test_manifolds_contract.py",),
        laws=("atoms", "mixture", "sphere"),
        separates="at 40 digits for finite mixtures, by differences for every law",
    ),
    Statement("(26)", "eq", "see (21)", claims=("P2",), lacks="one claim decides them together"),
    Statement("(27)", "eq", "see (21)", claims=("P2",), lacks="one claim decides them together"),
    Statement("(28)", "eq", "see (21)", claims=("P2",), lacks="one claim decides them together"),
    Statement("C.1", "Lemma", "see (21)", claims=("P2",), lacks="one claim decides them together"),
    Statement("C.2", "Lemma", "see (21)", claims=("P2",), lacks="one claim decides them together"),
    Statement(
        "B.4",
        "Lemma",
        "the start costs at most E|X|^2/(2 sigma_0^2) <= R^2/(2 sigma_0^2)",
        functions=(
            "analysis.theory.initial:initial_bound",
            "analysis.theory.initial:gaussian_initial",
            "analysis.theory.initial:initial_from_mmse",
            "analysis.theory.initial:initial_from_information",
        ),
        claims=("L3",),
        tests=("test_theory_ledger_terms.py::test_gaussian_initial_is_the_divergence",),
        laws=("gaussian", "atoms"),
        separates="(k/2)(r - log(1+r)) for a Gaussian: a factor r/2 below the bound for r = s^2/sigma_0^2 << 1",
    ),
)
