"""One step of every sampler here is Y+ = f + c (Y - f) + eta Z: an integrator is a choice of (c_i, eta_i).

The n normal directions of the data see f = 0 there, hence a variance recursion v+ = c^2 v + eta^2 free of the data
(derived here). A choice with eta_i^2 = sigma_{i+1}^2 - c_i^2 sigma_i^2 keeps v_i = sigma_i^2: it is normal-consistent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Coefficients"]


@dataclass(frozen=True)
class Coefficients:
    """Steps of a run as data, float64.

    Attributes:
        levels (N+1,): nominal noise levels, told to a conditional denoiser.
        contraction (N,): c_i.
        noise_variance (N,): eta_i^2, for injection that follows the nominal levels (scheduled).
    """

    levels: torch.Tensor
    contraction: torch.Tensor
    noise_variance: torch.Tensor

    @property
    def steps(self) -> int:
        return len(self.contraction)

    @property
    def noise_ratio(self) -> torch.Tensor:
        """eta_i^2 / sigma_i^2 (N,): adaptive injection multiplies it by the residual estimate of sigma^2."""
        return self.noise_variance / self.levels[:-1] ** 2

    @property
    def normal_consistent(self) -> bool:
        """Whether eta_i^2 = sigma_{i+1}^2 - c_i^2 sigma_i^2 at every step, to rounding."""
        kept = self.contraction**2 * self.levels[:-1] ** 2 + self.noise_variance
        return bool(torch.allclose(kept, self.levels[1:] ** 2, rtol=1e-11, atol=0))

    def normal_variance(self, start: float | None = None) -> torch.Tensor:
        """True noise variance in the normal directions, (N+1,): v_{i+1} = c_i^2 v_i + eta_i^2 from v_0 = start.

        Args:
            start: v_0; None is levels[0]^2.
        """
        values = [float(self.levels[0]) ** 2 if start is None else float(start)]
        for c, noise in zip(self.contraction.tolist(), self.noise_variance.tolist()):
            values.append(c * c * values[-1] + noise)
        return torch.tensor(values, dtype=torch.float64)

    def extended(self, steps: int) -> Coefficients:
        """Continued to `steps` steps by repeating the last one at a constant ratio of levels, or cut to `steps`."""
        if steps <= self.steps:
            return Coefficients(self.levels[: steps + 1], self.contraction[:steps], self.noise_variance[:steps])
        more = torch.arange(1, steps - self.steps + 1, dtype=torch.float64)
        ratio = self.levels[-1] / self.levels[-2]
        levels = torch.cat([self.levels, self.levels[-1] * ratio**more])
        contraction = torch.cat([self.contraction, self.contraction[-1:].expand(len(more))])
        noise = torch.cat([self.noise_variance, self.noise_ratio[-1] * levels[self.steps : -1] ** 2])
        return Coefficients(levels, contraction, noise)
