"""Nodes and weights that follow the peak of a point's noise posterior, by Gauss rules of the Gamma law of sigma^-2."""

from __future__ import annotations

import math

import torch
from scipy import special

from manifolds.core import Core
from manifolds.denoisers.cut_rules import AffineRules, CutRules, cut_rules, unfelt
from manifolds.denoisers.interpolated import MORE, InterpolatedRule, interpolated_rule
from manifolds.denoisers.refusal import NEARLY_NORMAL, largest_tilt, log_exponential_error, refused
from manifolds.denoisers.rules import GaussRule, gamma_rule, normalised, row_sums

__all__ = ["GammaNodes", "LEAST_SHAPE", "RUNGS", "first_rung"]

# Numbers of nodes that are tried in turn; a point's result is accepted by its estimated error
RUNGS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20)
# two nodes do not take the tilt of a cell of their table
LEAST_CUT_NODES = 3
# where the plain rule would begin with five, four nodes that interpolate the log density do, for shapes from this on
INTERPOLATING_NODES, INTERPOLATING_SHAPE = 4, 400.0
# of the tolerance, that the mass beyond a prior's end may be where a rule takes no notice of it
_CUT_OFF = 0.04
# below, the law is too wide and skew for few nodes and for the error estimate
LEAST_SHAPE = 14.0
_TINY = 1e-300


class GammaNodes:
    """Rules for points with normal coordinates of squared norm rho^2: sigma^-2 is Gamma(A, rho^2/2) cut to the prior.

    Args:
        shape: A >= LEAST_SHAPE.
        low, high: ends of the prior.
        core_dim: m.
        first: index in RUNGS of the first rule.
        tol: relative error aimed at.

    A core's density tilts the Gamma law, and so may bring an end that is not felt to where it is. A rule of q nodes
    knows: it does not serve a tilt exp(t x), x = sqrt(A) log lambda, beyond `largest_tilt`. So the ends that it takes
    no notice of are those beyond which the law so tilted, Gamma(A +- t sqrt(A)), has no mass; points with nearer ends,
    that fewer nodes do not serve, are not given to more.

    >>> nodes = GammaNodes(500.0, 0.1, 10.0, core_dim=2, first=2, tol=1e-9)
    >>> nodes.split(torch.tensor([0.1, 1000.0, 1e6], dtype=torch.float64))  # levels sigma of .01, 1 and 30
    [(False, tensor([1])), (True, tensor([0, 2]))]
    >>> sigma, rule = nodes.rule(False, torch.tensor([1000.0], dtype=torch.float64), 3)
    >>> (rule.log_weight.exp() * sigma).sum(dim=1)
    tensor([1.0008], dtype=torch.float64)
    """

    def __init__(self, shape: float, low: float, high: float, core_dim: int, first: int, tol: float):
        self.shape, self.low, self.high, self.core_dim, self._tol = shape, low, high, core_dim, tol
        self._affine: dict[int, AffineRules] = {}
        self._felt: dict[int, tuple[float, float]] = {}
        self._ends = self._unfelt(RUNGS[first])
        self._lowest, self._highest = self._range(self._ends)
        # A peak that one end cuts is not felt at the other: with c = low^2/high^2, P(A, c x)/P(A, x) grows with x and
        # Q(A, x/c)/Q(A, x) falls, and both are small at the first x of a cut where this holds.
        self.fits = self._lowest <= self._highest

    def _unfelt(self, q: int) -> tuple[float, float]:
        """The values of G ~ Gamma(A, 1) above and below which no tilt that q nodes serve lets a prior's end be felt."""
        if q not in self._felt:
            finer = q + MORE if self.shape >= INTERPOLATING_SHAPE and q <= INTERPOLATING_NODES + 1 else q
            tilt = largest_tilt(finer, self._tol) * math.sqrt(self.shape)
            score = -float(special.ndtri(_CUT_OFF * self._tol))
            above, below = unfelt(self.shape + tilt, score), unfelt(max(self.shape - tilt, 0.5), score)
            self._felt[q] = above[0], below[1]
        return self._felt[q]

    def _range(self, ends: tuple[float, float]) -> tuple[float, float]:
        """rho^2 above which the low end of the prior cuts nothing off, and below which the high end does not."""
        return 2.0 * self.low**2 * ends[0], 2.0 * self.high**2 * ends[1]

    def apart(self, cut: bool, rho2: torch.Tensor, q: int) -> torch.Tensor:
        """Which points (n,) of one group a rule of q nodes may serve: those that feel no end that it does not know."""
        lowest, highest = self._range(self._unfelt(q))
        above, below = rho2 > lowest, rho2 < highest
        return torch.where(self._high(rho2), above, below) if cut else above & below

    def split(self, rho2: torch.Tensor) -> list[tuple[bool, torch.Tensor | slice]]:
        """Groups (cut, rows): of peaks inside the prior, and of those that one of its ends cuts.

        Points whose peak both ends cut are in no group.
        """
        # scores increase with rho^2: two numbers decide for all points
        least, most = (float(end) for end in torch.aminmax(rho2))
        if least > self._lowest and most < self._highest:
            return [(False, slice(None))]
        above, below = rho2 > self._lowest, rho2 < self._highest
        cut = above ^ below
        if bool(cut.all()):
            return [(True, slice(None))]
        return [
            (kind, rows.nonzero()[:, 0]) for kind, rows in ((False, above & below), (True, cut)) if bool(rows.any())
        ]

    def rungs(self, cut: bool, first: int, cheap: bool) -> tuple[int, ...]:
        """Numbers of nodes to try for points of one group, from the first that is worth it for a whole plain rule.

        Args:
            cheap: nodes cost so little that one more for all points is better than a second attempt for a few.
        """
        interpolates = (
            RUNGS[first - 1 : first + 1] == (INTERPOLATING_NODES, INTERPOLATING_NODES + 1)
            and self.shape >= INTERPOLATING_SHAPE
        )
        start = first - 1 if interpolates and not cut and not cheap else first
        return RUNGS[max(start, RUNGS.index(LEAST_CUT_NODES)) if cut else start :: 2]

    def rule(self, cut: bool, rho2: torch.Tensor, q: int) -> tuple[torch.Tensor, GaussRule | InterpolatedRule]:
        """(sigma (n, q), rule) of the points of one group."""
        rule: GaussRule | InterpolatedRule
        if not cut:
            rho2 = rho2.clamp(min=_TINY)
            interpolates = q == INTERPOLATING_NODES and self.shape >= INTERPOLATING_SHAPE
            rule = (interpolated_rule if interpolates else gamma_rule)(self.shape, q).to(rho2.device)
            # nodes in rows, in memory: what is done a point is faster
            return (rule.ratio[:, None] * torch.sqrt(rho2 / (2.0 * self.shape))).T, rule
        rule = self._cut_rules(q).at(rho2, self._high(rho2))
        return rule.ratio, rule

    def weigh(
        self, rule: GaussRule | InterpolatedRule, log_p: torch.Tensor, tol: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(posterior weights (n, q) of the nodes, which points (n,) the rule does not serve to relative `tol`)."""
        if isinstance(rule, InterpolatedRule):
            return rule.weigh(log_p, self.core_dim, tol)
        weight = normalised(rule.log_weight + log_p)
        return weight, refused(weight, rule.tails, self.shape, tol)

    def affine_mean(
        self, core: Core, cut: bool, t: torch.Tensor, rho2: torch.Tensor, q: int, tol: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(coefficients (n, 1) of the mean, which points (n,) the rule does not serve), for the points of one group.

        Of a law of closed form with statistics t (n,): what `rule`, the law's posterior and `weigh` give, in fewer
        operations.
        """
        if cut:
            if q not in self._affine:
                self._affine[q] = self._cut_rules(q).with_density(core)
            coef, log_weight, tails = self._affine[q].at(rho2, self._high(rho2), t)
            weight = log_weight.exp_()  # relative to the middle node's
            weight.div_(row_sums(weight)[:, None])
        else:
            rule = gamma_rule(self.shape, q).to(rho2.device)
            constant, factor, coef = core.affine(
                torch.outer(rule.ratio**2, rho2.clamp(min=_TINY) / (2.0 * self.shape)).T
            )
            weight = normalised(torch.addcmul(constant, factor, t[:, None]).add_(rule.log_weight))
            tails = rule.tails
        poor = refused(weight, tails, self.shape, tol)
        return row_sums(weight.mul_(coef))[:, None], poor

    def _cut_rules(self, q: int) -> CutRules:
        return cut_rules(self.shape, q, self.low, self.high, self._ends)

    def _high(self, rho2: torch.Tensor) -> torch.Tensor:
        """Which points of a cut peak (n,) the high end cuts."""
        return rho2 > self._lowest  # and then, being cut, not below the highest


def first_rung(core_dim: int, shape: float, tol: float) -> int:
    """Index in RUNGS of the first rule that a large tilt of a core density of m dimensions allows.

    It goes by the error of a Gauss-Hermite rule for exp(t x); the length of RUNGS if none does. Small shapes begin with
    more nodes, as measured: at 2.0 in place of 2.5 one of 500 points at A < 100 missed 1e-9, at 2.5 none of 9000.

    >>> RUNGS[first_rung(2, 5e5, 1e-9)], RUNGS[first_rung(2, 500.0, 1e-9)], first_rung(400, 20.0, 1e-9) == len(RUNGS)
    (2, 4, True)
    """
    large = 1.5 if shape >= NEARLY_NORMAL else 2.5
    tilt = large * math.sqrt(core_dim / shape) + 0.5 / math.sqrt(shape)
    for i, q in enumerate(RUNGS):
        if 2 * q * math.log(tilt) + log_exponential_error(q) <= math.log(tol):
            return i
    return len(RUNGS)
