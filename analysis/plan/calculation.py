"""`plan(dim, ambient, radius, eps)`: levels, injection and steps of a run within eps of its data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas

from analysis.ledger.initial import initial_term
from analysis.ledger.telescope import mmse_curves, steps_for_nats
from analysis.plan.measure import SAMPLERS_TABLE, TABLE, radius_of
from analysis.theory.blindness import gaussian_price
from analysis.theory.noise import log_sd_limit
from analysis.theory.rates import recipe
from manifolds.checks import positive_int, positive_number
from manifolds.law import Law
from manifolds.registry import make
from manifolds.streams import stream

__all__ = ["Plan", "PlanRow", "measured_steps", "plan"]

NEAREST = "sphere"  # of the bounded laws the one of which dimension and radius say everything
# chosen after the table was seen: with it every row gets more steps than were not enough, and no row 3 times too many
MARGIN = 1.4
SMALL = 0.1  # k^2/d below is "much less" than 1


class PlanRow(NamedTuple):
    """One way to choose: sigma_0, sigma_T noise levels, a injection, h step, N steps, and what they rest on."""

    by: str
    sigma_0: float
    sigma_T: float  # noqa: N815  the paper's letter
    a: float
    h: float
    steps: float
    rests_on: str


@dataclass(frozen=True)
class Plan:
    """What `plan` says.

    Attributes:
        rows: by the paper's bound, by the exact ledger, by the marginal law; the last is what is recommended.
        premises: of the paper, each with its number and whether it holds.
        level_sd: expected standard deviation of the logarithm of the level that a blind denoiser reads.
        price: of blindness, nats.
        sampler: the cheapest of the work-precision table, in words.
    """

    law: str
    eps: float
    rows: tuple[PlanRow, ...]
    premises: tuple[tuple[str, float, bool], ...]
    level_sd: float
    price: float
    sampler: str

    @property
    def steps(self) -> int:
        """N that is recommended."""
        return int(self.rows[-1].steps)

    def to_frame(self) -> pandas.DataFrame:
        """The rows as a data frame."""
        return pandas.DataFrame(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers, strings, lists and dictionaries."""
        return asdict(self) | {"rows": [row._asdict() for row in self.rows], "steps": self.steps}

    def __str__(self) -> str:
        lines = [f"law        {self.law}", f"target     D_X <= {self.eps:g}", ""]
        lines.append(f"{'by':<18}{'sigma_0':>10}{'sigma_T':>10}{'a':>6}{'h':>11}{'N':>12}  rests on")
        for r in self.rows:
            lines.append(
                f"{r.by:<18}{r.sigma_0:>10.4g}{r.sigma_T:>10.4g}{r.a:>6.2g}{r.h:>11.3g}{r.steps:>12.6g}  {r.rests_on}"
            )
        lines.append("")
        lines += [f"premise    {text} = {value:.3g}: {'holds' if ok else 'fails'}" for text, value, ok in self.premises]
        lines.append(f"level      read to a standard deviation of {self.level_sd:.3g} in log sigma")
        lines.append(f"blindness  costs about {self.price:.3g} nats")
        lines.append(f"sampler    {self.sampler}")
        return "\n".join(lines)


def plan(dim: int, ambient: int, radius: float, eps: float, law: str | None = None) -> Plan:
    """Choose the levels, the injection and the number of steps of a blind run whose output is to have D_X <= eps.

    Args:
        dim, ambient, radius: k, d and R of the data; R is sqrt(E|X|^2) where the support is not bounded.
        eps: bounded-Lipschitz distance of the projected output from the data, in the data's units.
        law: a registered law or module:object that is like the data; its size is taken as R. None plans by the sphere
            (ledger), and by the law that needs most steps of those that were measured (marginal law).

    Raises:
        ValueError: an argument that is not allowed, in one line.

    >>> found = plan(dim=2, ambient=1000, radius=1.0, eps=0.1)
    >>> [row.by for row in found.rows], found.steps < found.rows[1].steps
    (['paper', 'exact ledger', 'marginal law'], True)
    """
    k, d = positive_int(dim, "dim"), positive_int(ambient, "ambient")
    size, eps = positive_number(radius, "radius"), positive_number(eps, "eps")
    if k >= d:
        raise ValueError(f"dim must be < ambient = {d}, got {k}")
    if eps >= size:
        raise ValueError(f"eps must be < radius = {size:g}: one point is as near as that, got {eps:g}")
    near = make(law or NEAREST, dim=k, ambient=d, reduced=True)
    if near.core.absorbs_normal:
        raise ValueError(f"law must have fewer dimensions than the space, got {near.name}")
    printed = recipe(k, eps, size)
    unit = size / radius_of(near)
    # the statement has R of order 1; R/eps in units of R goes with the data
    ends = size * size / eps, max(printed.sigma_T, 1.3 * unit * float(getattr(near.core, "finest_sigma", 0.0)))
    span = 2 * math.log(ends[0] / ends[1])  # T at a = 1/2
    certified, because = _by_ledger(near, ends[0] / unit, ends[1] / unit, eps / size)
    marginal, of = measured_steps(k, eps / size, law)
    rows = (
        PlanRow("paper", printed.sigma_0, printed.sigma_T, 0.5, printed.h, math.ceil(printed.steps),
                "Corollary 3.10, constants 1"),
        PlanRow("exact ledger", *ends, 0.5, span / certified, certified, because),
        PlanRow("marginal law", *ends, 0.5, span / marginal, marginal, _rests(k, eps / size, of)),
    )  # fmt: skip
    return Plan(
        law=f"k = {k}, d = {d}, R = {size:g}; like {law or 'none that is named'}",
        eps=eps,
        rows=rows,
        premises=_premises(near, k, d, ends[0] / unit, ends[1] / unit),
        level_sd=float(log_sd_limit(d - near.core_dim)),
        price=gaussian_price(k, d),
        sampler=_cheapest(),
    )


def _rests(dim: int, eps: float, law: str) -> str:
    table = pandas.read_csv(TABLE)
    inside = table["eps"].min() <= eps and dim <= table["dim"].max()
    return f"runs measured on {law}" + ("" if inside else "; continued beyond them")


def _by_ledger(law: Law, start: float, end: float, eps: float) -> tuple[float, str]:
    """Steps with init + price + disc <= eps^2/2 nats, eps in units of R, and what they rest on, or why there are none.

    Then D_X <= 2 R TV <= eps R (Pinsker).
    """
    draw = stream(0, "plan")
    init = initial_term(law, start, 2000, draw.child("init")).value
    (curve, *_) = mmse_curves(law, end, start, 1000, 1, draw.child("mmse"))
    nats, fixed = eps**2 / 2, init + gaussian_price(max(law.intrinsic_dim, 1), law.ambient_dim)
    target = f"path KL <= (eps/R)^2/2 = {nats:.2g} nats on {law.name}"
    found = steps_for_nats(curve, nats - fixed, start, end)
    if math.isfinite(found):
        return math.ceil(found), target
    if fixed >= nats:
        return math.inf, f"start and price alone cost {fixed:.2g} of {nats:.2g} nats"
    return math.inf, "more than 2^20 steps for (eps/R)^2/2 nats"


def measured_steps(
    dim: int, eps: float, law: str | None = None, table: pandas.DataFrame | None = None
) -> tuple[int, str]:
    """(N, of which law) by the table of runs: log N linear in log k and log 1/eps, its ends continued.

    Args:
        eps: in units of R.
        law: one of the table, else the largest N of all of them is taken.

    >>> few, many = (measured_steps(2, eps, "gaussian")[0] for eps in (0.4, 0.1))
    >>> few < many
    True
    """
    rows = pandas.read_csv(TABLE) if table is None else table
    if law in set(rows["law"]):
        rows = rows[rows["law"] == law]
    found = []
    for name, own in rows.groupby("law", sort=True):
        x = np.column_stack([np.ones(len(own)), np.log(own["dim"]), np.log(1 / own["eps"])])
        middle = np.sqrt(own["steps"] * (own["before"] + 1.0))  # the smallest lies between the two that were tried
        coefficients, *_ = np.linalg.lstsq(x, np.log(np.asarray(middle, dtype=float)), rcond=None)
        log_n = float(coefficients @ [1.0, math.log(dim), math.log(1 / eps)])
        found.append((max(1, math.ceil(MARGIN * math.exp(log_n))), str(name)))
    return max(found)


def _premises(law: Law, k: int, d: int, start: float, end: float) -> tuple[tuple[str, float, bool], ...]:
    found = [("k^2/d << 1, k the dimension of the data", k**2 / d)]
    if law.bounded:
        lower = law.log_covering_number(end**2 / (start * math.sqrt(d)))[0]
        found.append(("k_cov^2/d << 1, k_cov = 1 + log N(r_0) of the paper, at least", (1 + float(lower)) ** 2 / d))
    return tuple((text, value, value < SMALL) for text, value in found)


def _cheapest(table: pandas.DataFrame | None = None) -> str:
    """The sampler with the fewest calls on the law that needs most of it."""
    rows = pandas.read_csv(SAMPLERS_TABLE) if table is None else table
    calls = rows.groupby(["integrator", "a"], sort=True)["calls"].max()
    integrator, a = min(calls.index, key=lambda key: calls[key])
    least, plain = int(calls.min()), int(calls[("exponential_euler", 0.5)])
    return f"{integrator} at a = {a:g}: {least} calls for eps = R/10 where exponential Euler at a = 1/2 needs {plain}"
