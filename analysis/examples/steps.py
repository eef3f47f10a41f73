"""Levels and steps for data of which k, d and R are known; then the run, and whether it did what was asked."""

import manifolds
from analysis.plan import plan
from analysis.plan.measure import distance


def main() -> None:
    """Prints the plan, and the distance of a run by it."""
    eps = 0.3
    found = plan(dim=2, ambient=1000, radius=2**0.5, eps=eps, law="cube")
    print(found)
    law = manifolds.make("cube", dim=2, ambient=1000, reduced=True)
    made = distance(law, found.steps, eps, 300, manifolds.stream(1, "steps"))
    print(f"run        D_X = {made:.3f} with N = {found.steps}")


if __name__ == "__main__":
    main()
