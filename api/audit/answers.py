"""The one shape of an auditor's answer: verdict, what was checked, what differs, and what it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from api.figures.context import FigureContext
from domain.fold import RULES_VERSION

Verdict = Literal["holds", "fails", "cannot_tell"]
LISTED = 200
"""So many rows an answer lists unless asked for more; `checked` always counts all."""
COORDINATES = ("partition", "offset", "index")


def verdict(fails: bool, unknown: bool = False) -> Verdict:
    """What differs outweighs what is unknown; what is unknown is never taken for good."""
    return "fails" if fails else "cannot_tell" if unknown else "holds"


def answer(
    question: str,
    found: Verdict,
    checked: Mapping[str, int],
    differences: Sequence[Mapping[str, Any]],
    heading: Mapping[str, Any],
    *,
    reason: str = "",
    **more: Any,
) -> dict[str, Any]:
    """An answer; `heading` names the question's bounds, versions and positions in the log."""
    return {
        "question": question,
        "verdict": found,
        "checked": dict(checked),
        "differences": list(differences),
        "reason": reason,
        **heading,
        "fold": RULES_VERSION,
        **more,
    }


def event(ctx: FigureContext, row: Mapping[str, Any]) -> dict[str, Any]:
    """An event as an answer names it: what, its three times, and where it stands in the log."""
    times = {name: ctx.text(row[name]) for name in ("occurred_at", "recorded_at", "known_at")}
    return {"type": row["type"], "id": row["id"], **times, **{name: row[name] for name in COORDINATES}}
