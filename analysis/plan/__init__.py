"""Before a run: `plan(dim, ambient, radius, eps)` says which levels, how much noise and how many steps it needs."""

from analysis.plan.calculation import Plan, plan

__all__ = ["Plan", "plan"]
