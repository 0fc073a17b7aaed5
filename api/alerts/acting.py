"""What people do about an alert, by HTTP or on the board: one act in the alert log, answered when it is there.

An act never changes whether an alert holds, only who knew, what was said, and what was promised. The reason that
the room gives about a second re-appointment (A06) is its decision: nobody is told of that alert any more.
"""

import uuid
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from api.access import Principal, check_scopes
from api.alerts.disputes import evidence, received
from api.alerts.private import PrivateStore
from api.alerts.service import show_alert
from api.problems import Problem
from api.services import Services
from domain.errors import InvalidInput
from domain.events import encode_event, make_event
from domain.instants import Millis, format_rfc3339
from domain.messages.ledger import DECIDED
from domain.periods import parse_instant

SOURCE = "/gs766/people"
Verb = Literal["ack", "unack", "reason", "dispute", "resolve", "comment", "promise", "silence"]
_EVENTS: Mapping[str, str] = {
    "ack": "acknowledged",
    "unack": "unacknowledged",
    "reason": "reason_given",
    "dispute": "disputed",
    "resolve": "commented",
    "comment": "commented",
    "promise": "promised",
    "silence": "silenced",
}
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "corrected": ("Số liệu sai, đã có sự kiện sửa", "The figure was wrong; an event has corrected it"),
    "stands": ("Số liệu đúng với những gì đã nhận", "The figure agrees with what was received"),
    "source_at_fault": ("Sai ở hệ thống nguồn, nguồn phải sửa", "The source sent it wrong and must correct it"),
    "withdrawn": ("Người báo rút lại", "Taken back by who reported it"),
}
"""How a dispute can end. None of them changes a figure: only events of the source do, and they come after."""
REASONS: Mapping[str, tuple[str, str]] = {
    "partner": ("Chờ cơ quan phối hợp", "Waiting for another office"),
    "citizen": ("Chờ công dân (cần chuyển trạng thái bổ sung)", "Waiting for the citizen (needs a supplement)"),
    "on_site": ("Xác minh thực địa", "Verification on site"),
    "done_not_updated": ("Đã xong, chưa cập nhật", "Done, not yet entered"),
    "software": ("Lỗi phần mềm/đồng bộ", "Software or synchronisation"),
    "staff": ("Thiếu người", "Too few people"),
    "duplicate": ("Hồ sơ trùng/nhầm", "A duplicate or a mistake"),
    "other": ("Khác", "Other"),
}
"""The reasons that people pick (users.md §1); codes of others are taken as they are."""
VERBS: tuple[Verb, ...] = get_args(Verb)


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says with an act: words (kept outside the log), a coded reason, an end or a promised date, and
    with a resolution its ticket and outcome."""

    note: str | None = None
    reason: str | None = None
    until: str | None = None
    ticket: str | None = None
    outcome: str | None = None


@lru_cache(maxsize=8)
def private_store(path: Path) -> PrivateStore:
    """The private store of an installation, opened once."""
    return PrivateStore(path)


def do_act(services: Services, who: Principal, alert: str, verb: Verb, said: Said) -> dict[str, Any]:
    """Writes the act; its id, coordinates (None while spooled), and for a dispute what was `received`.

    Raises 404 where the alert does not exist or lies outside the caller's units, 403 without the scope `act`,
    InvalidInput for what is missing.
    """
    check_scopes(who, ("act",))
    until = _checked(services, verb, said)
    answer: dict[str, Any] = {}
    private = private_store(services.config.private)
    with services.context(services, who) as ctx:
        found = show_alert(ctx, private, alert)
        if verb in ("promise", "silence") and until is not None and until <= ctx.now_ms:
            raise InvalidInput(f"until {said.until} lies in the past: a {verb} needs a date ahead")
        if verb == "resolve":
            _check_resolution(found, said, who)
        if verb in ("dispute", "resolve"):
            answer["received"] = received(ctx, found)
    now = services.wall()
    data: dict[str, Any] = {"kind": found["kind"], "about": found["subject"], "unit": found["unit"]}
    data |= {"episode": found["episode"], "actor": who.key_id}
    if said.note:
        data["note_hash"] = private.add_note(alert, said.note, who.key_id, now)
    if said.reason:
        data["reason"] = said.reason
    if until is not None:
        data["until"] = format_rfc3339(until)
    if "received" in answer:
        data["evidence"] = evidence(answer["received"])
        if found["dossier_code"] is not None:
            services.acts.record("dossier_read", found["dossier_code"], who, now)
    if verb == "reason" and found["kind"] == "A06" and services.sees(who)(services.config.root):
        data["evidence"] = {"mark": DECIDED}
    if verb == "resolve":
        data["evidence"] |= {"ticket": said.ticket, "outcome": said.outcome}
    event = make_event(
        f"alert.{_EVENTS[verb]}", alert, now, data, source=SOURCE, id=uuid.uuid4().hex, recorded_at=now
    )
    topic = services.config.kafka.alerts
    (place,) = services.log.submit([(alert, encode_event(event))], topic=topic, partition=0).result()
    where = None if place is None else {"partition": place.partition, "offset": place.offset, "index": place.index}
    if verb == "dispute":
        answer["ticket"] = event.id
    return {"id": event.id, "act": _EVENTS[verb], "alert": alert, "coordinates": where, **answer}


def _checked(services: Services, verb: Verb, said: Said) -> Millis | None:
    if verb == "comment" and not said.note:
        raise InvalidInput("a comment needs a note")
    if verb == "silence" and not (said.reason or said.note):
        raise InvalidInput("silence needs a reason (a code) or a note: it keeps others from being told")
    if verb in ("promise", "silence") and not said.until:
        raise InvalidInput(f"{verb} needs until, the date it lasts to")
    if verb == "resolve" and (not said.ticket or said.outcome not in OUTCOMES or not said.note):
        raise InvalidInput(f"resolve needs ticket, a note that says why, and outcome: {', '.join(OUTCOMES)}")
    if verb != "resolve" and (said.ticket or said.outcome):
        raise InvalidInput("ticket and outcome belong to resolve")
    return parse_instant(said.until, services.zone) if said.until else None


def _check_resolution(found: Mapping[str, Any], said: Said, who: Principal) -> None:
    ticket = next((d for d in found["dispute_tickets"] if d["ticket"] == said.ticket), None)
    if ticket is None:
        raise InvalidInput(f"there is no dispute {(said.ticket or '')[:64]} of this alert")
    if ticket["outcome"] is not None:
        raise InvalidInput(f"that dispute was closed on {ticket['closed_at']}: {ticket['outcome']}")
    mine = ticket["by"] == who.key_id
    if said.outcome == "withdrawn" and not mine:
        raise Problem("forbidden", "only who disputed may take it back")
    if said.outcome != "withdrawn" and mine:
        raise Problem("forbidden", "a dispute is answered by somebody else than who raised it")
