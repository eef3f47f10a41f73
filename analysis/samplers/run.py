"""What a run of a sampler returns."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["SampleRun"]


@dataclass(frozen=True)
class SampleRun:
    """Record of a run of n samples; width is that of the space (d dense, m + 1 reduced), d the ambient dimension.

    Attributes:
        y (n, width): Y_N, where the dynamics stopped (noise of about the last level is left in it).
        x (n, width): f(Y_N), the clean output.
        sigma_hat (steps + 1, n): residual estimates sqrt(|f(Y_i) - Y_i|^2 / d). After a sample has stopped, its last one.
        levels (steps + 1,): noise levels told to a conditional denoiser.
        steps: steps taken by the longest-lived sample.
        calls: denoiser evaluations on the path of that sample, the last one (for x) included.
        status: "done"; "step_cap" if an adaptive run hit the cap before every sample stopped; "diverged" if any sample did.
        stopped_at (n,): steps taken by each sample, int64.
        diverged (n,): samples that left the finite numbers, or whose denoiser output did; their x is NaN.
        path (steps + 1, n, width): every Y_i, with record="path"; else None.
        normal_variance (steps + 1, n): |normal part of Y_i|^2 / (d - m), the true noise variance in the directions normal
            to the data, with record="levels" or "path"; else None.
    """

    y: torch.Tensor
    x: torch.Tensor
    sigma_hat: torch.Tensor
    levels: torch.Tensor
    steps: int
    calls: int
    status: str
    stopped_at: torch.Tensor
    diverged: torch.Tensor
    path: torch.Tensor | None = None
    normal_variance: torch.Tensor | None = None
