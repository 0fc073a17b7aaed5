"""Answers about alerts, as plain values: lists by state, one alert with everything done about it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from api.alerts.private import PrivateStore
from api.cursors import decode_cursor, encode_cursor
from api.figures.context import FigureContext
from api.problems import NotFound
from domain.alerts import INHIBITED, KINDS
from domain.errors import InvalidInput
from domain.instants import MS_DAY, Millis, Zone, parse_rfc3339
from sinks.positions import ALERTS, EVENTS
from sinks.queries import alerts as rows_of

STATES = ("holding", "cleared", "all")


def alert_item(row: Sequence[Any], province: Zone, now: Millis) -> dict[str, Any]:
    """One alert as it is listed, streamed and sent, from a row of `sinks.queries.alerts`."""
    id_, kind, subject, episode, unit, procedure, start, until, due, evidence, known, partition, version = row

    def text(ms: Millis | None) -> str | None:
        return None if ms is None else _local_text(province, ms)

    about = KINDS[kind]
    holding = start <= now and (until is None or now < until)
    return {
        "id": id_,
        "kind": kind,
        "level": about.level_of(start, due, evidence),
        "title": about.title_vi,
        "title_en": about.title_en,
        "state": "holding" if holding else ("cleared" if start <= now else "coming"),
        "subject_kind": about.subject,
        "subject": subject,
        "dossier_code": subject if about.subject == "dossier" else None,
        "unit": unit,
        "procedure": procedure,
        "from": text(start),
        "until": text(until),
        "due_at": text(due),
        "known_at": text(known),
        "episode": episode,
        "evidence": msgspec.json.decode(evidence)
        | {"topic": ALERTS if about.raised else EVENTS, "partition": partition, "offset": version},
    }


@lru_cache(maxsize=1_024)
def _local_text(province: Zone, ms: Millis) -> str:
    """Kept: of many alerts at once, most begin and are due at a few instants."""
    return province.local(ms).isoformat(timespec="milliseconds")


def list_alerts(
    ctx: FigureContext,
    *,
    state: str = "holding",
    kinds: Sequence[str] = (),
    unit: str | None = None,
    level: str | None = None,
    older_than: str | None = None,
    newer_than: str | None = None,
    disputed: bool = False,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Alerts in a state, the latest beginning first, with counts by kind and the acts about each. `older_than` and
    `newer_than` are ages such as 3wd, 2d, 36h; `disputed`: only with a dispute that nobody has closed."""
    if state not in STATES:
        raise InvalidInput(f"state is one of {', '.join(STATES)}, not '{state[:40]}'")
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidInput(f"'{kind[:40]}' is not a kind of alert; known are {', '.join(KINDS)}")
    in_time = [k for k in (kinds or KINDS) if level in (None, KINDS[k].level)]
    late = [k for k in (kinds or KINDS) if level in (None, KINDS[k].late_level or KINDS[k].level)]
    chosen = sorted({*in_time, *late})
    more = rows_of.narrowed(
        before=None if older_than is None else ago(ctx, older_than),
        since=None if newer_than is None else ago(ctx, newer_than),
        disputed=disputed,
    )
    reader = ctx.reader(unit)
    after = decode_cursor(cursor, (int, str)) if cursor else None
    rows = rows_of.alerts(
        reader,
        ctx.now_ms,
        state=state,
        in_time=in_time,
        late=late,
        after=None if after is None else (after[0], after[1]),
        limit=limit + 1,
        more=more,
    )
    items = [alert_item(row, ctx.zone, ctx.now_ms) for row in rows[:limit]]
    add_inhibited(items, rows_of.silent(ctx.everything, ctx.now_ms), ctx.root)
    _add_acts(ctx, items)
    counts = rows_of.counts(reader, ctx.now_ms, state, in_time, late, more)
    longer = len(rows) > limit
    return {
        "as_of": ctx.text(ctx.now_ms),
        "state": state,
        **ctx.position(),
        "totals": {kind: counts.get(kind, 0) for kind in chosen},
        "alerts": items,
        "next": encode_cursor((rows[limit - 1][6], rows[limit - 1][0])) if longer else None,
    }


def ago(ctx: FigureContext, span: str) -> Millis:
    """The instant before which began what is so old: '3wd' everything up to the end of the third working day
    before today, '2d' two times 24 hours, '36h' so many hours."""
    amount, unit = span[: -len(span.lstrip("0123456789"))] or "", span.lstrip("0123456789")
    if not amount or unit not in ("wd", "d", "h") or int(amount) > 1_000:
        raise InvalidInput(f"'{span[:20]}' is not an age such as 3wd, 2d or 36h")
    n = int(amount)
    if unit == "wd":
        today, calendar = ctx.zone.day(ctx.now_ms), ctx.calendar(ctx.now_ms)
        return ctx.zone.midnight((calendar.previous_working_day(today, n) if n else today) + 1)
    return ctx.now_ms - n * (MS_DAY if unit == "d" else 3_600_000) + 1


def show_alert(ctx: FigureContext, private: PrivateStore, wanted: str) -> dict[str, Any]:
    """One alert with its chain of acts, the words of notes included where they were not erased."""
    row = rows_of.alert(ctx.reader(), wanted)
    if row is None:
        raise NotFound(f"there is no alert {wanted[:64]}")
    item = alert_item(row, ctx.zone, ctx.now_ms)
    add_inhibited([item], rows_of.silent(ctx.everything, ctx.now_ms), ctx.root)
    _add_acts(ctx, [item])
    hashes = [a["note_hash"] for a in item["acts"] if a["note_hash"]]
    words = private.notes(hashes) if hashes else {}
    for act in item["acts"]:
        act["note"] = words.get(act["note_hash"])
    return item


def add_inhibited(items: Sequence[dict[str, Any]], silent: Mapping[str, str], root: str) -> None:
    """Adds `inhibited_by`: the A13 because of which an alert that holds may be wrong and is not told."""
    for item in items:
        item["inhibited_by"] = inhibiting(item["kind"], item["unit"], silent, root) if _holds(item) else None


def inhibiting(kind: str, unit: str, silent: Mapping[str, str], root: str) -> str | None:
    """The id of the silent feed (by unit, of `sinks.queries.alerts.silent`) that mutes an alert of that unit."""
    return (silent.get(unit) or silent.get(root)) if silent and kind in INHIBITED else None


def _holds(item: Mapping[str, Any]) -> bool:
    return bool(item["state"] == "holding")


def _add_acts(ctx: FigureContext, items: list[dict[str, Any]]) -> None:
    """Adds `acts` to alerts, and what follows from them: `acknowledged_by`, the last date promised, whether that
    has passed while the alert holds, and the tickets of disputes. None of it stops the clock or the count."""
    by_id: dict[str, list[dict[str, Any]]] = {item["id"]: [] for item in items}
    for row in rows_of.acts(ctx.client, list(by_id)):
        subject, event_type, at, known, actor, channel, reason, note_hash, key, until, shown, *place, id_ = row
        partition, offset, index = place
        by_id[subject].append(
            {
                "act": event_type.removeprefix("alert."),
                "at": ctx.text(at),
                "known_at": ctx.text(known),
                "actor": actor,
                "channel": channel,
                "reason": reason,
                "note_hash": note_hash,
                "key": key,
                "until": ctx.text(parse_rfc3339(until)) if until else None,
                "evidence": msgspec.json.decode(shown) if shown else None,
                "id": id_,
                "partition": partition,
                "offset": offset,
                "index": index,
            }
        )
    for item in items:
        item["acts"] = by_id[item["id"]]
        item["acknowledged_by"] = None
        promises = [a["until"] for a in item["acts"] if a["act"] == "promised" and a["until"]]
        item["promised_until"] = promises[-1] if promises else None
        passed = bool(promises) and parse_rfc3339(promises[-1]) <= ctx.now_ms
        item["promise_broken"] = passed and item["state"] == "holding"
        item["disputes"] = [a["id"] for a in item["acts"] if a["act"] == "disputed"]
        item["dispute_tickets"] = tickets(item["acts"])
        for act in item["acts"]:
            if act["act"] in ("acknowledged", "unacknowledged"):
                item["acknowledged_by"] = act["actor"] if act["act"] == "acknowledged" else None


def tickets(acts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The disputes among acts, each with how it was closed: `outcome` None while nobody has answered it."""
    closed = {
        act["evidence"]["ticket"]: act
        for act in reversed(acts)
        if act["act"] == "commented" and (act["evidence"] or {}).get("outcome")
    }
    found = []
    for act in acts:
        if act["act"] == "disputed":
            end = closed.get(act["id"])
            outcome = {"outcome": None, "closed_at": None, "closed_by": None}
            if end is not None:
                outcome = {
                    "outcome": end["evidence"]["outcome"],
                    "closed_at": end["at"],
                    "closed_by": end["actor"],
                }
            found.append({"ticket": act["id"], "at": act["at"], "by": act["actor"], **outcome})
    return found
