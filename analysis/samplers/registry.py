"""Names of the integrators."""

from __future__ import annotations

from analysis.samplers.integrators import (
    DDIM,
    DDPM,
    Ancestral,
    AncestralLarge,
    Euler,
    EulerMaruyama,
    ExponentialEuler,
    Heun,
    Integrator,
    ScoreFreezing,
)
from analysis.samplers.kadkhodaie_simoncelli import KadkhodaieSimoncelli
from analysis.samplers.second_order import DPMSolver2M, EDMChurn, RandomisedMidpoint

__all__ = ["INTEGRATORS", "get_integrator"]

INTEGRATORS: dict[str, type[Integrator]] = {
    kind.name: kind
    for kind in (
        ExponentialEuler,
        Euler,
        EulerMaruyama,
        DDIM,
        Ancestral,
        AncestralLarge,
        DDPM,
        KadkhodaieSimoncelli,
        ScoreFreezing,
        Heun,
        EDMChurn,
        DPMSolver2M,
        RandomisedMidpoint,
    )
}


def get_integrator(integrator: str | Integrator) -> Integrator:
    """An integrator by its registry name (with its defaults), or the object given; else ValueError."""
    if isinstance(integrator, Integrator):
        return integrator
    if not isinstance(integrator, str) or integrator not in INTEGRATORS:
        raise ValueError(
            f"integrator must be an Integrator or one of {', '.join(sorted(INTEGRATORS))}, got {integrator!r}"
        )
    return INTEGRATORS[integrator]()
