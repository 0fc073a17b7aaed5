"""A simulated province with the proportions of a real one (domain.md §2): invented names, no persons."""

from producers.simulator.pacing import paced, paced_by_time
from producers.simulator.proportions import Proportions, decode_proportions, packaged_proportions
from producers.simulator.run import Plan, simulate, simulate_days

__all__ = [
    "Plan",
    "Proportions",
    "decode_proportions",
    "paced",
    "paced_by_time",
    "packaged_proportions",
    "simulate",
    "simulate_days",
]
