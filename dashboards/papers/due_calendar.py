"""Coming due dates as an iCalendar feed: one all-day entry a day with counts, for calendars that people keep."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from icalendar import Calendar, Event

from api.access import Principal, check_scopes, require
from api.params import strict_query
from api.problems import responses
from api.services import Services, services_of

MEDIA = "text/calendar"
NAMED = 20
"""Codes named in an entry at most."""
router = APIRouter(
    prefix="/v1",
    tags=["lists"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA: {}}}}


@router.get("/due.ics", summary="Due dates as a calendar", responses=_FILES)
def get_due_calendar(
    who: Annotated[Principal, Depends(require("read", "display", basic=True))],
    services: Annotated[Services, Depends(services_of)],
    unit: Annotated[str | None, Query(max_length=128, description="Code of a unit; its subtree counts.")] = None,
    within: Annotated[str, Query(max_length=20, description="10wd or 30d: working days, days.")] = "10wd",
    codes: Annotated[bool, Query(description="Also dossier codes; needs a key that reads dossiers.")] = False,
) -> Response:
    """An all-day entry for each day of the province on which open dossiers fall due; counts only, unless `codes`.

    Calendars that send no headers of their own subscribe with Basic authentication: any user name, the key as the
    password. A key is never taken from the query: addresses end up in logs. Entries keep their UID, so that a
    calendar changes them instead of adding others.
    """
    if codes:
        check_scopes(who, ("read",))
    with services.context(services, who) as ctx:
        told = services.figures.due_days(ctx, unit, within)
    headers = {
        "Cache-Control": "private, max-age=300",
        "Vary": "Authorization, X-GS766-Key",
        "Content-Disposition": 'inline; filename="due.ics"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(render(told, services.zone.name, codes=codes), 200, headers, f"{MEDIA}; charset=utf-8")


def render(told: dict[str, Any], zone: str, *, codes: bool = False) -> bytes:
    """The feed of an answer of `api.figures.due_days`."""
    feed = Calendar()
    feed.add("prodid", "-//Giam Sat 766//due dates//VI")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", f"Hạn trả hồ sơ · {told['name']}")
    feed.add("x-wr-timezone", zone)
    feed.add("x-published-ttl", "PT1H")
    stamp = datetime.fromisoformat(told["as_of"]).astimezone(UTC).replace(microsecond=0)
    for day in told["days"]:
        feed.add_component(_entry(day, told, stamp, codes))
    content: bytes = feed.to_ical()
    return content


def _entry(day: dict[str, Any], told: dict[str, Any], stamp: datetime, codes: bool) -> Event:
    """All day: the province's date stands in it, which no calendar moves by its own time zone."""
    when = date.fromisoformat(day["day"])
    entry = Event()
    entry.add("uid", f"due-{day['day']}-{told['unit']}@gs766")
    entry.add("dtstamp", stamp)
    entry.add("dtstart", when)
    entry.add("dtend", when + timedelta(days=1))
    entry.add("transp", "TRANSPARENT")
    entry.add("summary", f"{day['due']} hồ sơ đến hạn · {told['name']}")
    lines = [f"Đến hạn trả, còn mở: {day['due']}."]
    if day["without_apology"]:
        last = date.fromisoformat(day["last_day"])
        lines.append(f"Chưa có Mẫu 04: {day['without_apology']} (ngày cuối gửi: {last:%d/%m/%Y}).")
    if codes and day["dossiers"]:
        lines.append("Mã hồ sơ: " + ", ".join(day["dossiers"][:NAMED]))
        if len(day["dossiers"]) > NAMED:
            lines.append(f"… và {len(day['dossiers']) - NAMED} hồ sơ khác.")
    entry.add("description", "\n".join(lines))
    return entry
