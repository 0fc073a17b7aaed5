"""From sums of cells to the quantities that indicators are made of (measures.md, "Group B for [S, E)")."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.measures import ATTRIBUTES, suffix


@dataclass(frozen=True, slots=True)
class Recalled:
    """Re-openings inside [S, E): all of them, and those whose earlier end was on time, early, undated …"""

    all: int = 0
    ok: int = 0
    good: int = 0
    early: int = 0
    undated: int = 0
    attributes: Mapping[str, int] = field(default_factory=dict)


def quantities(
    before: Mapping[str, int], until: Mapping[str, int], recalled: Recalled, family: str
) -> dict[str, int]:
    """The quantities of one unit or cut under one rule family. 06a-stopped-open has no `undated_open` and
    `undated_done`: levels of undated dossiers are booked by stays that a stop ends.

    `before` and `until` are the sums of each measure over all instants < S and < E: P(m,S) and P(m,E).
    """
    f = suffix(family)
    rule = "_stopped_open" if family == "06a-stopped-open" else ""

    def p(measure: str) -> int:
        return until.get(measure, 0)

    def w(measure: str) -> int:
        return until.get(measure, 0) - before.get(measure, 0)

    entered, left = f"entered{rule}", f"left{rule}"
    carried = before.get(entered, 0) - before.get(left, 0)
    received = carried + w(entered) - recalled.all
    is_open = p(entered) - p(left)
    open_late = p(f"late_open_{f}")
    done_ok = w(f"left_ok_{f}") - recalled.ok
    done = received - is_open
    good = w(f"left_good_{f}") - recalled.good
    found = {
        "received": received,
        "carried": carried,
        "accepted": w("accepted"),
        "accepted_online": w("acc_online"),
        "accepted_per_portal": w("accepted"),
        "done": done,
        "done_ok": done_ok,
        "done_late": done - done_ok,
        "open": is_open,
        "open_late": open_late,
        "satisfied": good + is_open - open_late - p(f"open_unhappy{rule}") + p(f"late_unhappy_{f}"),
    }
    if not rule:
        found["undated_open"] = p("undated")
        found["undated_done"] = w("left_undated") - recalled.undated
    if family.startswith("06a"):
        found["done_early"] = w(f"left_early_{f}") - recalled.early
    for x in ATTRIBUTES:
        found[f"acc:{x}"] = w(f"acc_{x}")
        found[f"end:{x}"] = w(f"end_{x}")
        found[f"hand:{x}"] = p(f"entered_{x}") - before.get(f"left_{x}", 0) - recalled.attributes.get(x, 0)
    return found


def totals(sums: Mapping[str, int], recalled: Recalled, family: str) -> dict[str, int]:
    """Every dossier accepted before E, in one of five disjoint states (decisions 28): the quantities of a
    period that began before all time. Lists ask it by the hour or by the day, never with stops left open, under
    which undated dossiers are not told apart (KeyError)."""
    q = quantities({}, sums, recalled, family)
    return {
        "finished_on_time": q["done_ok"] - q["undated_done"],
        "finished_late": q["done_late"],
        "open_late": q["open_late"],
        "open_not_due": q["open"] - q["open_late"] - q["undated_open"],
        "undated": q["undated_open"] + q["undated_done"],
    }
