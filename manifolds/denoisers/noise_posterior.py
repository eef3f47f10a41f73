"""What one noisy sample says about its noise level: the posterior of s = log sigma, as nodes and weights."""

from __future__ import annotations

import torch

from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.window import PANEL, find_window, panel_count, panel_nodes, peak
from manifolds.special.quadrature import legendre

__all__ = ["NoisePosterior"]

_FINE = 129  # points a panel at which the distribution function is tabulated


class NoisePosterior:
    """The posterior of s = log sigma for each of n points. Nodes are offsets from `centre`, so widths stay exact.

    Attributes:
        centre: (n, 1) a level s near each peak.
        offset: (n, q) nodes, s = centre + offset.
        weight: (n, q) probabilities of the nodes (quadrature weights included), summing to one.

    >>> import manifolds
    >>> from manifolds.denoisers import BlindDenoiser, NoisePrior
    >>> law = manifolds.make("gaussian", dim=1, ambient=201, reduced=True)
    >>> f = BlindDenoiser(law, NoisePrior.power(-1.0, 0.01, 10.0))
    >>> post = f.noise_posterior(torch.tensor([[1.0, 0.5 * 200**0.5]], dtype=torch.float64))  # noise of .5
    >>> post.mean.exp(), post.sd  # about .5, and 1/sqrt(2 (d - m)) = .05
    (tensor([0.5012], dtype=torch.float64), tensor([0.0501], dtype=torch.float64))
    """

    def __init__(self, mu: NoiseLikelihood, offset: torch.Tensor, log_weight: torch.Tensor, log_density: torch.Tensor):
        self._mu = mu
        self.centre = mu.centre
        self.offset = offset.expand_as(log_weight)
        self.weight = torch.softmax(log_weight, dim=1)
        total = torch.logsumexp(log_weight, dim=1, keepdim=True)
        self._log_density = log_density - total
        self._window: tuple[torch.Tensor, torch.Tensor, int] | None = None

    @classmethod
    def of_density(cls, mu: NoiseLikelihood) -> NoisePosterior:
        """From a prior with a density, on one number of panels for all points."""
        lo, hi = find_window(mu)
        panels = max([4, *panel_count(mu, lo, hi).unique().tolist()])
        t, log_w = panel_nodes(lo, hi, panels)
        log_mu, _ = mu(t)
        found = cls(mu, t, log_mu + log_w, log_mu)
        found._window = (lo, hi, panels)
        return found

    @classmethod
    def of_atoms(cls, offset: torch.Tensor, log_weight: torch.Tensor, mu: NoiseLikelihood) -> NoisePosterior:
        """From a discrete prior: the nodes are its levels."""
        return cls(mu, offset, log_weight, log_weight)

    @property
    def nodes(self) -> torch.Tensor:
        """(n, q) noise standard deviations."""
        return torch.exp(self.centre + self.offset)

    def _expect(self, values: torch.Tensor) -> torch.Tensor:
        return (self.weight * values).sum(dim=1)

    @property
    def mean(self) -> torch.Tensor:
        """E[log sigma | y], (n,)."""
        return self.centre[:, 0] + self._expect(self.offset)

    @property
    def sd(self) -> torch.Tensor:
        """Posterior standard deviation of log sigma, (n,); tends to 1/sqrt(2 (d - m))."""
        return self._expect((self.offset - self._expect(self.offset)[:, None]) ** 2).sqrt()

    def squared_error(self, sigma: float | torch.Tensor) -> torch.Tensor:
        """E[|lambda - lambda_t|^2 | y] / lambda_t^2, (n,), for lambda = sigma^-2 and the true level sigma.

        The quantity of Proposition 3.8 of arXiv 2602.09639.
        """
        true = torch.log(torch.as_tensor(sigma, dtype=torch.float64)).reshape(-1, 1)
        return self._expect(torch.expm1(-2.0 * (self.centre - true + self.offset)) ** 2)

    @property
    def mode(self) -> torch.Tensor:
        """The most probable log sigma, (n,); for a discrete prior the likeliest level."""
        if self._window is None:
            return (self.centre + self.offset).gather(1, self.weight.argmax(dim=1, keepdim=True))[:, 0]
        return (self.centre + peak(self._mu))[:, 0]

    @property
    def entropy(self) -> torch.Tensor:
        """Entropy in nats, (n,): differential, of log sigma; or discrete, for a discrete prior."""
        return -self._expect(torch.where(self.weight > 0, self._log_density, torch.zeros_like(self._log_density)))

    def quantile(self, p: float | torch.Tensor) -> torch.Tensor:
        """Quantiles of log sigma, (n, len(p)).

        Raises:
            ValueError: p outside (0, 1).
        """
        p = torch.as_tensor(p, dtype=torch.float64, device=self.centre.device).reshape(-1)
        if not bool(((p > 0) & (p < 1)).all()):
            raise ValueError("p must lie in (0, 1)")
        if self._window is None:
            index = torch.searchsorted(self.weight.cumsum(1), p.expand(len(self.weight), -1).contiguous())
            return self.centre + self.offset.gather(1, index.clamp(max=self.offset.shape[1] - 1))
        return self.centre + self._density_quantile(p, *self._window)

    def _density_quantile(self, p: torch.Tensor, lo: torch.Tensor, hi: torch.Tensor, panels: int) -> torch.Tensor:
        """Invert the distribution function, integrated exactly panel by panel, by cubic Hermite and Newton steps."""
        n, width = lo.shape[0], (hi - lo) / panels
        density = torch.exp(self._log_density).reshape(n, panels, PANEL)
        value, integral = _panel_matrices()
        fine_density = (density @ value.T.to(lo.device)).flatten(1)
        inside = (density @ integral.T.to(lo.device)) * width[..., None]
        before = torch.cat([torch.zeros_like(inside[:, :1, -1]), inside[:, :-1, -1].cumsum(dim=1)], dim=1)
        cumulative = (inside + before[..., None]).flatten(1)
        step = torch.linspace(0.0, 1.0, _FINE, dtype=torch.float64, device=lo.device)
        starts = torch.arange(panels, dtype=torch.float64, device=lo.device)[:, None]
        grid = lo + width * (starts + step).reshape(-1)
        target = p.expand(n, -1).contiguous() * cumulative[:, -1:]
        right = torch.searchsorted(cumulative.contiguous(), target).clamp(1, cumulative.shape[1] - 1)
        left = right - 1
        t0, t1 = grid.gather(1, left), grid.gather(1, right)
        c0, c1 = cumulative.gather(1, left), cumulative.gather(1, right)
        g0, g1 = fine_density.gather(1, left), fine_density.gather(1, right)
        return _hermite_inverse(target, t0, t1, c0, c1, g0, g1)


def _panel_matrices() -> tuple[torch.Tensor, torch.Tensor]:
    """Matrices (_FINE, PANEL) from values at the panel's nodes to the interpolant, and to its integral from 0."""
    x, _ = legendre(PANEL)
    fine = torch.linspace(0.0, 1.0, _FINE, dtype=torch.float64)
    degree = torch.arange(PANEL + 1, dtype=torch.float64)

    def polynomials(z: torch.Tensor) -> torch.Tensor:
        values = [torch.ones_like(z), z]
        for j in range(1, PANEL):
            values.append(((2 * j + 1) * z * values[j] - j * values[j - 1]) / (j + 1))
        return torch.stack(values, dim=1)

    at_nodes, at_fine = polynomials(2 * x - 1), polynomials(2 * fine - 1)
    to_coefficients = torch.linalg.inv(at_nodes[:, :PANEL])
    # int_{-1}^{z} P_j = (P_{j+1}(z) - P_{j-1}(z)) / (2 j + 1), half of it on [0, 1]
    below = torch.cat([-torch.ones(_FINE, 1, dtype=torch.float64), at_fine[:, : PANEL - 1]], dim=1)
    integral = 0.5 * (at_fine[:, 1:] - below) / (2 * degree[:PANEL] + 1)
    return at_fine[:, :PANEL] @ to_coefficients, integral @ to_coefficients


def _hermite_inverse(
    target: torch.Tensor,
    t0: torch.Tensor,
    t1: torch.Tensor,
    c0: torch.Tensor,
    c1: torch.Tensor,
    g0: torch.Tensor,
    g1: torch.Tensor,
) -> torch.Tensor:
    """Solve c(t) = target on [t0, t1] for the cubic with values c0, c1 and slopes g0, g1."""
    h = t1 - t0
    safe = torch.where(h > 0, h, torch.ones_like(h))
    rise = torch.where(c1 > c0, c1 - c0, torch.ones_like(c0))
    x = ((target - c0) / rise).clamp(0, 1)
    for _ in range(4):
        y = (2 * x**3 - 3 * x**2 + 1) * c0 + (3 * x**2 - 2 * x**3) * c1
        y = y + safe * ((x**3 - 2 * x**2 + x) * g0 + (x**3 - x**2) * g1)
        slope = (6 * x**2 - 6 * x) * (c0 - c1) + safe * ((3 * x**2 - 4 * x + 1) * g0 + (3 * x**2 - 2 * x) * g1)
        x = (x - (y - target) / torch.where(slope > 0, slope, torch.full_like(slope, torch.inf))).clamp(0, 1)
    return t0 + h * x
