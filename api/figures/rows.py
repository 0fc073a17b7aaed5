"""A dossier as one line of a list."""

from typing import Any

from api.figures.context import FigureContext
from domain.instants import Millis
from domain.verdicts import Judgement

STATES = ("finished_on_time", "finished_late", "open_late", "open_not_due", "undated")


def summary(
    ctx: FigureContext, row: dict[str, Any], state: str, verdict: Judgement | None, until: Millis
) -> dict[str, Any]:
    """The line of a dossier before `until`: shape of `overdue` in design §6, and what a screen shows beside it.
    `status`, `step` and `office` are the present ones."""

    def by_then(at: Millis | None) -> Millis | None:
        return at if at is not None and at < until else None

    late = verdict is not None and verdict.late
    return {
        "dossier_code": row["dossier_code"],
        "unit": row["unit"],
        "procedure": row["procedure"],
        "channel": row["channel"],
        "accepted_at": ctx.text(row["accepted_at"]),
        "due_at": ctx.text(row["due_at"] if verdict is None else verdict.due),
        "due_at_original": ctx.text(row["due_at_original"]),
        "ended_at": ctx.text(by_then(row["ended_at"])),
        "status": row["status"],
        "state": state,
        "reason": None if verdict is None else verdict.reason,
        "late_by_seconds": verdict.late_by / 1000 if verdict is not None and late else None,
        "late_by_working_days": late_working_days(ctx, verdict) if verdict is not None and late else None,
        "apology": by_then(row["apology_at"]) is not None,
        "apology_at": ctx.text(by_then(row["apology_at"])),
        "paused": row["paused"],
        "step": row["step"] or None,
        "office": row["office"] or None,
        "findings": list(row["findings"]),
    }


def late_working_days(ctx: FigureContext, verdict: Judgement) -> int:
    """Working days after the due day, up to and including the day of the end, after credit; 0 on the due day
    itself, however many hours late."""
    if verdict.due is None:
        return 0
    due, end = ctx.zone.day(verdict.due + verdict.credit), ctx.zone.day(verdict.end)
    return max(0, ctx.calendar(verdict.due).working_days_between(due + 1, end + 1))
