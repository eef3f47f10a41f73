"""The neighbours' theorems, to be placed on the same bed: what each states, and the law that tells it from the others.

Read as abstracts unless a claim says otherwise. `claims` is empty where nothing is measured yet.
"""

from __future__ import annotations

from .record import Statement

_OPEN = "not yet measured here"


def _neighbour(
    id: str, says: str, separates: str, *laws: str, functions: tuple[str, ...] = (), claims: tuple[str, ...] = ()
):
    lacks = "" if claims else _OPEN
    return Statement(id, "neighbour", says, functions, claims, laws=laws, separates=separates, lacks=lacks)


NEIGHBOURS: tuple[Statement, ...] = (
    _neighbour(
        "2308.03686",
        "KL <= eps^2 in d log^2(1/delta)/eps^2 steps",
        "full rank: k becomes d",
        "full_gaussian",
        functions=("analysis.theory.discretisation:gaussian_discretisation",),
        claims=("U1",),
    ),
    _neighbour(
        "2405.14861",
        "adaptation to k: TV of order k^2/sqrt N",
        "exponent in k on curved sets",
        "sphere",
        "torus",
        "cube",
        functions=("analysis.ledger.telescope:steps_for_nats",),
        claims=("U2",),
    ),
    _neighbour(
        "2410.09046",
        "KL <= eps^2 in k/eps^2 steps, conditional denoiser; coefficients must be consistent",
        "exponent in k and in 1/eps, law by law",
        "sphere",
        "torus",
        "product",
        functions=("analysis.theory.rates:linear_kl_steps_form",),
        claims=("R2", "R5", "D6", "U2"),
    ),
    _neighbour(
        "2410.18784",
        "KL <= eps^2 in k/eps^2 steps for DDPM",
        "exponent in k and in 1/eps, law by law",
        "sphere",
        "torus",
        "product",
        functions=("analysis.theory.rates:ddpm_kl_steps_form",),
        claims=("R2", "R5", "U2"),
    ),
    _neighbour(
        "2501.12982",
        "TV <= eps in k/eps steps for DDPM and DDIM; the coefficients are nearly necessary",
        "exponent in 1/TV by exact marginals; coefficients swept over d",
        "gaussian",
        "sphere",
        "cube",
        functions=("analysis.theory.rates:tv_steps_form", "analysis.ledger.transfer:marginal_divergence"),
        claims=("R5", "U3"),
    ),
    _neighbour(
        "2606.23627",
        "TV <= eps in k/eps steps for a broad class of coefficients",
        "exponent p of N ~ d^p: 0, 1/2, none",
        "gaussian",
        functions=("analysis.samplers.integrators:AncestralLarge", "analysis.samplers.integrators:DDPM"),
        claims=("D6", "U4"),
    ),
    _neighbour(
        "2501.18863",
        "probability flow: (k + log d) log^3 N / N",
        "d = 1e3 .. 1e9 at fixed N: is there a log d?",
        "sphere",
        "gaussian",
        functions=("analysis.samplers.integrators:DDIM",),
        claims=("U5",),
    ),
    _neighbour(
        "2504.05300",
        "1/eps steps for Gaussian mixtures, free of d and of the number of components",
        "16 .. 4096 components of one width (manifolds.laws.isotropic_mixture)",
        "mixture",
        functions=("manifolds.laws.isotropic_mixture:isotropic_mixture",),
        claims=("U6",),
    ),
    _neighbour(
        "2510.27562",
        "KL of order d min(d, L^2)/N^2, with a lower bound",
        "mixtures of shrinking separation, by exact marginals",
        "mixture",
        functions=("analysis.ledger.transfer:marginal_divergence",),
        claims=("U7",),
    ),
    _neighbour(
        "2601.21943",
        "disc by the MMSE curve, H^2/N for discrete laws, and a schedule chosen by the loss (LAS)",
        "ladders of scales, codes, atoms with Zipf weights (finite entropy, infinite Renyi-1/2)",
        "random_code",
        "atoms",
        functions=(
            "analysis.theory.discretisation:discretisation_from_mmse",
            "analysis.theory.discretisation:discretisation_from_information",
            "analysis.theory.grid:equidistributed_levels",
        ),
        claims=("D2", "D8", "U8"),
    ),
    _neighbour(
        "2601.13602",
        "optimal grids; so 2605.21911, EDM and LAS",
        "disc of each grid over the optimum; the tangent law against what a minimiser finds",
        "gaussian",
        "atoms",
        functions=(
            "analysis.theory.grid:optimal_levels",
            "analysis.theory.grid:constant_over_optimal",
            "analysis.samplers.grids:tangent_levels",
        ),
        claims=("D9", "D9b", "D10", "U9"),
    ),
    _neighbour(
        "2511.04844",
        "randomised midpoint: sqrt d",
        "full rank",
        "full_gaussian",
        functions=("analysis.samplers:RandomisedMidpoint",),
        claims=("U10",),
    ),
    _neighbour(
        "2602.01338",
        "log(1/eps) steps; so 2601.10708",
        "exact marginal KL of second-order samplers",
        "gaussian",
        functions=("analysis.samplers.integrators:Heun", "analysis.samplers:DPMSolver2M"),
        claims=("U11",),
    ),
    _neighbour(
        "2604.10857",
        "any sampler with approximate scores needs sqrt d distinct levels",
        "the posterior of log sigma is 1/sqrt(2(d-m)) wide",
        "gaussian",
        functions=("analysis.theory.noise:log_sd_limit",),
        claims=("N6", "U12"),
    ),
    _neighbour(
        "2502.13129",
        "which predictions survive without the level; so 2602.18428, 2510.02300",
        "x, eps, score, velocity",
        "sphere",
        "torus",
        "mixture",
        functions=("manifolds.denoisers.parametrised:parametrisation",),
        claims=("E1", "E2", "E3", "E4", "U13"),
    ),
    _neighbour(
        "2506.05310",
        "local dimension varies within a data set",
        "planes of different k (manifolds.laws.uneven_union)",
        "union_of_subspaces",
        functions=("manifolds.laws.uneven_union:uneven_union",),
        claims=("B8", "U14"),
    ),
    _neighbour(
        "2605.08344",
        "time from one observation, rate 1/sqrt(d-k)",
        "flow-matching path",
        "gaussian",
        functions=("manifolds.denoisers.parametrised:parametrisation",),
        claims=("U15",),
    ),
    _neighbour(
        "2412.05488",
        "deployed samplers' true level is off the scheduled one; so 2604.16044, 2510.12497 (NAG)",
        "v+ = c^2 v + eta^2 gives the coefficients' part; the rest is the network's",
        "mixture",
        functions=("analysis.theory.coefficients:noise_variance",),
        claims=("M2", "U16"),
    ),
)
