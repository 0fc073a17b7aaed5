"""Who read what: recorded reads of dossiers, lists, exports and SQL questions, and whether any are missing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from api.audit import answers
from api.audit.answers import answer
from api.figures.context import FigureContext
from domain.errors import InvalidInput
from domain.instants import Millis
from sinks.queries import audit

READS = ("dossier_read", "list_read", "exported", "sql_run")


def reads(
    ctx: FigureContext,
    who: str | None,
    subject: str | None,
    between: tuple[Millis | None, Millis | None],
    limit: int,
    missing: int,
    words: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Recorded reads by key and by what was read, newest first. `subject`: a dossier's code or a list's name;
    `missing`: acts that could not be logged; `words`: SQL questions by the hash that the log holds.

    holds: every read that the API answered stands in the log. cannot_tell: some could not be written yet. Whether
    the log itself is whole, `verify` tells. Names none that went past the API (the store's own port, the disk).
    """
    low, high = between
    if low is not None and high is not None and low >= high:
        raise InvalidInput("between takes two instants, the earlier one first")
    asked = ([f"system.{verb}" for verb in READS], who, subject, low, high)
    listed = [_row(ctx, row, words or {}) for row in audit.acts_of(ctx.everything, *asked, limit)]
    counted, keys = Counter[str](), Counter[str]()
    for kind, key, number in audit.act_counts(ctx.everything, *asked):
        counted[kind.removeprefix("system.")] += number
        keys[key] += number
    every = keys.total()
    reason = f"{missing} acts could not be written into the log: see gs766 status" if missing else ""
    checked = {"reads": every, "keys": len(keys), **{verb: counted[verb] for verb in READS}}
    heading = {"from": ctx.text(low), "until": ctx.text(high), **ctx.position()}
    by_key = [{"key": key, "reads": number} for key, number in keys.most_common(50)]
    told = answers.verdict(False, bool(missing))
    more = {"by_key": by_key, "reads": listed, "left_out": every - len(listed)}
    return answer("reads", told, checked, [], heading, reason=reason, **more)


def _row(ctx: FigureContext, row: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    evidence = msgspec.json.decode(row["evidence"]) if row["evidence"] else {}
    asked = words.get(row["note_hash"]) if row["note_hash"] else None
    place = {name: row[name] for name in answers.COORDINATES}
    read = {"read": row["type"].removeprefix("system."), "subject": row["subject"], "unit": row["unit"] or None}
    times = {"at": ctx.text(row["occurred_at"]), "known_at": ctx.text(row["known_at"])}
    return {**times, "key": row["actor"], **read, "asked": asked or evidence or None, **place}
