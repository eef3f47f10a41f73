"""Names of the integrators."""

from __future__ import annotations

from typing import Any

from analysis.samplers.integrators import Integrator
from manifolds.references import is_reference, load
from manifolds.tables import Table

__all__ = ["INTEGRATORS", "get_integrator"]

_HERE = "analysis.samplers.integrators"

INTEGRATORS: Table[type[Integrator]] = Table(
    "analysis.samplers.registry:INTEGRATORS",
    {
        "exponential_euler": f"{_HERE}:ExponentialEuler",
        "euler": f"{_HERE}:Euler",
        "euler_maruyama": f"{_HERE}:EulerMaruyama",
        "ddim": f"{_HERE}:DDIM",
        "ancestral": f"{_HERE}:Ancestral",
        "kadkhodaie_simoncelli": "analysis.samplers.kadkhodaie_simoncelli:KadkhodaieSimoncelli",
        "score_freezing": f"{_HERE}:ScoreFreezing",
        "heun": f"{_HERE}:Heun",
        "ancestral_large": f"{_HERE}:AncestralLarge",
        "ddpm": f"{_HERE}:DDPM",
        "edm": "analysis.samplers.second_order:EDMChurn",
        "dpm_solver_2m": "analysis.samplers.second_order:DPMSolver2M",
        "randomised_midpoint": "analysis.samplers.second_order:RandomisedMidpoint",
    },
)


def get_integrator(integrator: str | Integrator) -> Integrator:
    """An integrator by its registry name or by `package.module:object` (with its defaults), or the object given.

    Raises:
        ValueError: no such name, or what it names is no Integrator.

    >>> get_integrator("heun").weak_order
    2
    """
    found: Any = integrator
    if isinstance(integrator, str):
        if integrator in INTEGRATORS:
            found = INTEGRATORS[integrator]()
        elif is_reference(integrator):
            found = load(integrator, "integrator")
            found = found() if isinstance(found, type) and issubclass(found, Integrator) else found
    if not isinstance(found, Integrator):
        raise ValueError(
            f"integrator must be an Integrator, package.module:object of one, or one of "
            f"{', '.join(sorted(INTEGRATORS))}, got {integrator!r}"
        )
    return found
