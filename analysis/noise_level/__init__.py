"""What one noisy sample says about its noise level: identities, information, concentration and its worst case."""

from __future__ import annotations

from analysis.laws.cases import case, catalogue, shape
from analysis.noise_level.claims import CLAIMS
from analysis.noise_level.concentration import cell_concentration, cell_linear, cell_worst_case
from analysis.noise_level.decisions import decide
from analysis.noise_level.exact_atoms import cell_exact_atoms
from analysis.noise_level.histograms import cell_histogram, cell_spike
from analysis.noise_level.identities import cell_identities, cell_lambda
from analysis.noise_level.images import cell_images
from analysis.noise_level.information import cell_efficiency, cell_information
from analysis.noise_level.paper_samples import cell_paper_samples
from analysis.noise_level.residual import cell_residual
from analysis.noise_level.risk import cell_risk
from analysis.runs import Argument, Cell, Experiment, Question, one_of, positive_int

# Monte Carlo sizes: what the width of each claim's range needs (paper), enough to see that it works (smoke)
_DRAWS = {
    "risk": {"smoke": 2_000, "paper": 180_000, "full": 400_000},
    "information": {"smoke": 4_000, "paper": 50_000, "full": 200_000},
    "efficiency": {"smoke": 1_000, "paper": 6_000, "full": 40_000},
    "posteriors": {"smoke": 100, "paper": 500, "full": 2_000},
    "concentration": {"smoke": 200, "paper": 800, "full": 4_000},
    "linear": {"smoke": 4_000, "paper": 40_000, "full": 200_000},
    "worst_case": {"smoke": 1_000, "paper": 8_000, "full": 40_000},
    "histogram": {"smoke": 4_000, "paper": 20_000, "full": 100_000},
    "residual": {"smoke": 4_000, "paper": 20_000, "full": 200_000},
}
_LEVELS = (0.1, 1.0)  # noise levels in units of the data's rms size
_INFORMATION_LEVELS = (0.5, 1.0)  # at 0.1 full-rank data leave no information, and a ratio of nothing to nothing
_RISK_LAWS = ("gaussian", "sphere", "atoms", "mixture")
_FIGURE_HISTOGRAMS = ((1, 2), (1, 500), (10, 10), (10, 100), (10, 1000))
_REFERENCES = ((1000, 126), (1000, 200), (5000, 1000))


def _resolved(name: str, levels: tuple[float, ...], reach: float) -> list[float]:
    """The levels of which the law's quadrature, if it has one, resolves the fraction `reach`."""
    return [level for level in levels if level * reach >= shape(name, 2).finest]


def _draws(name: str, draws: int) -> int:
    """Fewer draws for laws whose posterior is a sum over many atoms."""
    return max(draws // max(shape(name, 2).atoms // 250, 1), 50)


def _low_dimensional(options) -> list[str]:
    return [name for name in options.law if shape(name, 2).low_dimensional and not shape(name, 2).image]


def _identity_cells(options) -> list[Cell]:
    levels = (0.3,) if options.profile == "smoke" else (0.03, 0.3, 2.0)
    cells = [Cell("exact_atoms", {"case": 0}, cost=0.1)]
    for name in options.law:
        for level in _resolved(name, levels, 0.4):
            params = {**case(name, 2, 3), "level": level}
            cells += [Cell("identities", params, cost=0.3), Cell("lambda_posterior", params, cost=0.1)]
    return cells


def _law_cells(options, draws: dict) -> list[Cell]:
    cells = []
    some = 1 if options.profile == "smoke" else 2
    for name in options.law:
        if shape(name, 2).atoms < 500:  # else too slow for the draws that a ratio within 4 % needs
            for level in _resolved(name, _INFORMATION_LEVELS, 0.7)[:some]:
                cells.append(
                    Cell("information", {**case(name, 2, 12), "level": level, "draws": draws["information"]}, cost=0.5)
                )
        for level in _resolved(name, _LEVELS, 1.0)[:some]:
            cells.append(Cell("residual", {**case(name, 2, 6), "level": level, "draws": draws["residual"]}, cost=0.2))
        if name in _RISK_LAWS:
            risk = {**case(name, 2, 12), "low": 0.1, "high": 1.0, "exponent": -1.0, "draws": draws["risk"]}
            cells.append(Cell("risk", risk, cost=1e-4 * draws["risk"]))
    for name in _low_dimensional(options):
        sizes = {"draws": _draws(name, draws["efficiency"]), "posteriors": _draws(name, draws["posteriors"])}
        for level in _resolved(name, _LEVELS, 0.7)[:some]:
            cells.append(
                Cell("efficiency", {**case(name, 2, 4096), "level": level, **sizes, "contrast": False}, cost=0.5)
            )
    # k = 512 of d = 4096 with the noise at 1/16 of the data's rms size, sqrt(k/2): the two scales are sigma and 1.06 sigma
    contrast = {"law": "two_scale", "dim": 512, "ambient": 4096, "level": 1.0 / 16.0, "contrast": True}
    return [
        *cells,
        Cell("efficiency", {**contrast, "draws": draws["efficiency"], "posteriors": draws["posteriors"]}, cost=0.2),
    ]


def _own_dims(name: str, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The k of a law that has none of those asked for (a curve has k = 1)."""
    own = shape(name, dims[0]).dim
    return () if own is None or any(shape(name, k).dim == k for k in dims) else (own,)


def _grid_cells(options, draws: dict) -> list[Cell]:
    cells = []
    for name in _low_dimensional(options):
        for k in (*options.dim, *_own_dims(name, options.dim)):
            found = shape(name, k)
            for d in options.ambient:
                if found.dim != k or 4 * found.core_dim > d or found.finest > 0.2:
                    continue  # the law has no such k, or next to no normal directions, or no such level
                params = {
                    "law": name,
                    "dim": k,
                    "ambient": d,
                    "level": 0.3,
                    "draws": _draws(name, draws["concentration"]),
                }
                cells.append(Cell("concentration", params, cost=0.3))
    return cells


def _fixed_cells(options, draws: dict) -> list[Cell]:
    smoke = options.profile == "smoke"
    cells = [
        Cell("linear", {"normal_dim": n, "alpha": alpha, "draws": draws["linear"]}, cost=1.0)
        for n in ((30, 1000) if smoke else (30, 100, 1000, 10**6))
        for alpha in (0.0, 2.0)
    ]
    reference = _REFERENCES[:1] if smoke else _REFERENCES
    cells += [
        Cell("worst_case", {"ambient": d, "dim": k, "draws": draws["worst_case"], "reference": True}, cost=3.0)
        for d, k in reference
    ]
    few = max(draws["worst_case"] // 8, 200)
    scan = [(d, round(d**0.75)) for d in (256, 1024, 4096, 16384)] + [(4096, k) for k in (4, 16, 64, 256, 1024)]
    cells += [
        Cell("worst_case", {"ambient": d, "dim": k, "draws": few, "reference": False}, cost=1.0)
        for d, k in (() if smoke else scan)
    ]
    # linear and curved data at one d and any k, noise a tenth of the data's size per axis: the contrast to the worst case
    cells += [
        Cell(
            "concentration",
            {"law": name, "dim": k, "ambient": 4096, "level": 0.1 / k**0.5, "draws": draws["concentration"]},
            cost=0.3,
        )
        for name in (() if smoke else ("gaussian", "sphere"))
        if name in options.law
        for k in (4, 16, 64, 256, 1024)
    ]
    cells += [
        Cell("histogram", {"figure": figure, "ambient": d, "draws": draws["histogram"]}, cost=1.5)
        for figure, d in _FIGURE_HISTOGRAMS
    ]
    cells += [Cell("spike", {"ambient": d, "draws": draws["histogram"]}, cost=1.0) for d in (2, 10, 100)]
    cells.append(
        Cell("paper_samples", {"figure": 10, "law": "paper", "dim": 1, "ambient": 1000, "draws": 400}, cost=0.5)
    )
    if not smoke:
        # the default semi-axes are the figure's, 2 and 0.5
        cells.append(
            Cell(
                "paper_samples",
                {"figure": 10, "law": "ellipse", "dim": 1, "ambient": 100, "draws": 150, "finest": 0.01},
                cost=6.0,
            )
        )
    return cells


def _image_cells(options) -> list[Cell]:
    """Manifolds of images at 32 x 32 and 64 x 64 pixels; nodes as fine as the level asks (the posterior is far narrower)."""
    grid = ((32, 0.7),) if options.profile == "smoke" else ((32, 0.35), (32, 0.7), (32, 1.4), (64, 0.7), (64, 1.4))
    draws = {"smoke": 40, "paper": 80, "full": 1000}[options.profile]
    return [
        Cell(
            "image_levels",
            {"law": name, "dim": 2, "ambient": n * n, "sigma": s, "finest": 0.75 * s, "draws": draws},
            cost=2.0,
        )
        for name in options.law
        if shape(name, 2).image
        for n, s in grid
    ]


def plan(options) -> list[Cell]:
    """Every cell of the selection; laws that fill their space, and images, have no part in scans over d and k."""
    draws = {name: sizes[options.profile] for name, sizes in _DRAWS.items()}
    groups = (
        _identity_cells(options),
        _law_cells(options, draws),
        _grid_cells(options, draws),
        _image_cells(options),
        _fixed_cells(options, draws),
    )
    return [cell for group in groups for cell in group]


EXPERIMENT = Experiment(
    name="noise_level",
    summary=__doc__,
    questions=(
        Question(
            arguments=(
                Argument(
                    "--law",
                    type=one_of(*catalogue()),
                    nargs="+",
                    default=catalogue(),
                    metavar="LAW",
                    help="laws under test",
                    by_profile={"smoke": ("gaussian", "sphere", "two_scale")},
                ),  # fmt: skip
                Argument(
                    "--dim",
                    type=positive_int,
                    nargs="+",
                    default=(2, 16),
                    help="k of the grid of Prop 3.8",
                    by_profile={"smoke": (2,)},
                ),
                Argument(
                    "--ambient",
                    type=positive_int,
                    nargs="+",
                    default=(64, 256, 1024, 4096, 65536),
                    help="d of the grid of Prop 3.8",
                    by_profile={"smoke": (64, 1024)},
                ),  # fmt: skip
            ),
            parts={
                "exact_atoms": cell_exact_atoms,
                "identities": cell_identities,
                "lambda_posterior": cell_lambda,
                "risk": cell_risk,
                "information": cell_information,
                "efficiency": cell_efficiency,
                "concentration": cell_concentration,
                "linear": cell_linear,
                "worst_case": cell_worst_case,
                "histogram": cell_histogram,
                "spike": cell_spike,
                "image_levels": cell_images,
                "residual": cell_residual,
                "paper_samples": cell_paper_samples,
            },
            cells=plan,
            decide=decide,
            claims=CLAIMS,
            figures=("paper_fig1", "paper_fig10", "noise_error", "image_levels"),
        ),
    ),
)
