"""The duty to apologise: what a dossier's Mẫu 04 says, and who still owes one."""

import re
from datetime import date
from typing import Any

from api.figures import cursors
from api.figures.context import FigureContext
from api.figures.procedures import described
from domain.apologies import ALLOWED, letter
from domain.errors import InvalidInput
from domain.instants import Millis, date_day, day_date
from domain.timeline import decode_timeline
from sinks.queries import dossiers, owed

MAX_REASON = 200
_NUMBER = re.compile(r"(?:\d[ .-]?){9,}")
"""More digits than a date has: somebody's number, not a reason."""
_WARNINGS = {
    "too_late": (
        "ĐÃ QUÁ HẠN GỬI MẪU 04: ngày cuối là {last}. Thư gửi bây giờ vẫn được ghi nhận, nhưng là thư chậm.",
        "TOO LATE: the last day to send it was {last}. A letter sent now is recorded, and recorded as late.",
    ),
    "already_late": (
        "Hồ sơ đã quá giờ hẹn trả: thư không làm hồ sơ thành đúng hạn.",
        "The dossier is late already: no letter makes it on time.",
    ),
    "second_reappointment": (
        "ĐÂY LÀ LẦN HẸN LẠI THỨ {number}: mỗi hồ sơ chỉ được hẹn lại 01 lần. Báo lãnh đạo trước khi ký.",
        "THIS WOULD BE RE-APPOINTMENT {number}: a dossier may have one. Ask before signing.",
    ),
    "paused": (
        "Hồ sơ đang tạm dừng (chờ bổ sung hoặc nộp phí): xem lại có cần hẹn lại không.",
        "The dossier is paused (a supplement or a fee is awaited): a new appointment may not be needed.",
    ),
    "result_exists": (
        "Hồ sơ đã kết thúc: thư chỉ xin lỗi, không hẹn lại.",
        "The dossier has ended: the letter apologises only, without a new appointment.",
    ),
}


def apology_letter(
    ctx: FigureContext, code: str, reason: str | None = None, new_date: str | None = None
) -> dict[str, Any] | None:
    """What the letter of a dossier says at the clock's instant; None where there is no such dossier to be seen.

    InvalidInput where no letter is owed (not accepted, undated, ended on time), for a new date that is no working
    day after the due day, and for a reason that holds somebody's number. Nothing in it tells who the citizen is.
    """
    row = dossiers.dossier(ctx.reader(), code)
    if row is None:
        return None
    now = ctx.now_ms
    wanted = None if new_date is None else date_day(_date(new_date))
    tl, calendar = decode_timeline(row["timeline"]), ctx.calendar(now)
    found = letter(tl, row["moves"], now, ctx.zone, calendar, ctx.reference.thresholds, wanted)
    words = {"last": f"{day_date(found.last_day):%d/%m/%Y}", "number": f"{found.number:02d}"}
    told = described(row["procedure"], ctx.histories("procedure").get(row["procedure"], ()), now)
    unit = ctx.tree.units.get(row["unit"])
    return {
        "dossier_code": code,
        "as_of": ctx.text(now),
        "unit": row["unit"],
        "unit_name": unit.name if unit else row["unit"],
        "procedure": row["procedure"],
        "procedure_name": told.name,
        "state": found.state,
        "accepted_at": ctx.text(tl.stays[0].start),
        "due_at": ctx.text(found.due),
        "due_at_original": ctx.text(found.original),
        "ended_at": ctx.text(row["ended_at"]) if found.new_due is None else None,
        "last_day": day_date(found.last_day).isoformat(),
        "reason": _reason(reason),
        "new_due_at": ctx.text(found.new_due),
        "new_due_proposed": found.proposed,
        "limit_working_days": found.limit_days,
        "reappointment": found.number,
        "allowed": ALLOWED,
        "warnings": [
            {"code": w, "vi": _WARNINGS[w][0].format(**words), "en": _WARNINGS[w][1].format(**words)}
            for w in found.warnings
        ],
        "calendar": ctx.reference.calendar_at(now)[1],
        **ctx.position(),
    }


def apologies(
    ctx: FigureContext,
    unit: str | None = None,
    as_of: str | Millis | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Who owes an apology just before `as_of`, by unit, and the dossiers, the longest owed first.

    `last_day`: due on the next working day, open, no letter (alert A02); `late_open` and `late_ended`: late by the
    portal's rule without a letter (A05). Finishing does not end the duty, so `late_ended` stays until a letter is
    recorded. What is paused, undated or on time owes none.
    """
    mark = cursors.decode(cursor, since=int, code=str, kind=str, as_of=int)
    given = ctx.instant(mark.get("as_of", as_of))
    until = ctx.now_ms if given is None else given
    reader = ctx.reader(unit)
    names = ("last_day", "late_open", "late_ended")
    rows: list[dict[str, Any]] = [
        {"unit": code, "name": _name(ctx, code), **dict(zip(names, n, strict=True)), "owed": sum(n)}
        for code, n in owed.counts(reader, until).items()
    ]
    rows.sort(key=lambda r: (-r["owed"], r["unit"]))
    after = (mark["since"], mark["code"], mark["kind"]) if mark else None
    page = owed.owed(reader, until, after, limit + 1)
    last = page[limit - 1] if len(page) > limit else None
    return {
        "unit": unit or ctx.root,
        "as_of": ctx.text(until),
        "forecast": until > ctx.now_ms,
        "totals": {name: sum(r[name] for r in rows) for name in (*names, "owed")},
        "units": rows,
        "dossiers": [
            {
                "dossier_code": code,
                "unit": where,
                "procedure": procedure,
                "owes": "last_day" if kind == owed.LAST_DAY else "late_open" if late else "late_ended",
                "due_at": ctx.text(due),
                "since": ctx.text(since),
            }
            for code, where, procedure, kind, due, since, late in page[:limit]
        ],
        "next": cursors.encode(since=last[5], code=last[0], kind=last[3], as_of=until) if last else None,
        **ctx.position(),
    }


def _name(ctx: FigureContext, unit: str) -> str:
    found = ctx.tree.units.get(unit)
    return found.name if found else unit


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"'{text[:40]}' is not a date such as 2026-11-30") from error


def _reason(text: str | None) -> str | None:
    """The reason as typed; what looks like an identity or a phone number is refused."""
    said = (text or "").strip()
    if not said:
        return None
    if len(said) > MAX_REASON or not said.isprintable():
        raise InvalidInput(f"the reason has at most {MAX_REASON} characters, on one line")
    if _NUMBER.search(said):
        raise InvalidInput("the reason holds a long number: leave identity and phone numbers out of it")
    return said
