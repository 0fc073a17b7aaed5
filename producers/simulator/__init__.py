"""A simulated province with the proportions of a real one (domain.md §2): invented names, no persons."""

from producers.simulator.pacing import paced, paced_by_time
from producers.simulator.run import Plan, simulate, simulate_days

__all__ = ["Plan", "paced", "paced_by_time", "simulate", "simulate_days"]
