"""What an auditor's questions read: versions and events between two instants of knowledge, acts, what was refused.

Coordinates and times come with every row, so that an answer can be followed into the log and proven from there.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from domain.event_types import BROADCAST_TYPES
from domain.instants import Millis
from domain.patterns import Told
from sinks.queries.dossiers import Timed
from sinks.queries.reader import Reader, Rows, at, chunks, millis

_EVENT = ("subject", "type", "id", "occurred_at", "recorded_at", "known_at", "partition", "offset", "index")
_EVENT_SQL = ", ".join(millis(n) if n.endswith("_at") else f"`{n}`" for n in _EVENT)


class Version(NamedTuple):
    """A dossier as one record of the log left it."""

    partition: int
    offset: int
    stood: Timed


def versions(reader: Reader, codes: Sequence[str], low: Millis, high: Millis) -> Iterator[Version]:
    """The versions of these dossiers that became known in [low, high), by code and in order of the log."""
    known = f"known_at >= {at(low)} AND known_at < {at(high)}"
    for piece in chunks(sorted(codes), 2_000):
        source = reader.source("dossier_versions", "dossier_code IN %(codes)s", known, scoped=False)
        sql = f"""
            SELECT partition, version, dossier_code, unit, procedure, channel, timeline {source}
            ORDER BY dossier_code, version"""
        for partition, offset, *stood in reader.rows(sql, codes=piece):
            yield Version(partition, offset, Timed(*stood))


def events_at(
    reader: Reader, codes: Sequence[str], places: Sequence[tuple[int, int]]
) -> dict[tuple[str, int, int], list[dict[str, Any]]]:
    """The events of these dossiers in these records (partition, offset), by (dossier, partition, offset). Under ''
    stand documents that reach every dossier (a calendar, a limit). Times in milliseconds."""
    found: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
    for some in chunks(sorted(set(places)), 1_000):
        source = reader.log(
            "events", "(partition, offset) IN %(places)s", "subject IN %(codes)s OR type IN %(broadcast)s"
        )
        sql = f"SELECT {_EVENT_SQL} {source} ORDER BY partition, offset, `index`"
        for row in reader.rows(sql, places=some, codes=list(codes), broadcast=sorted(BROADCAST_TYPES)):
            event = dict(zip(_EVENT, row, strict=True))
            subject = "" if event["type"] in BROADCAST_TYPES else event["subject"]
            found.setdefault((subject, event["partition"], event["offset"]), []).append(event)
    return found


def events_between(
    reader: Reader, kinds: Sequence[str], low: Millis, high: Millis, limit: int
) -> list[dict[str, Any]]:
    """Events of these kinds that became known in [low, high), in order of knowledge; a broadcast one once. Times
    in milliseconds; `data` is JSON."""
    of_kind = " OR ".join(f"startsWith(type, '{kind}.')" for kind in kinds)
    source = reader.log("events", of_kind, f"known_at >= {at(low)}", f"known_at < {at(high)}")
    sql = f"""
        SELECT {_EVENT_SQL}, data {source}
        ORDER BY known_at, partition, offset, `index` LIMIT 1 BY id, source LIMIT {int(limit)}"""
    return [dict(zip((*_EVENT, "data"), row, strict=True)) for row in reader.rows(sql)]


def events_of(
    reader: Reader, kind: str, subjects: Sequence[str], low: Millis, high: Millis
) -> dict[str, list[dict[str, Any]]]:
    """By subject its events that became known in [low, high), in order of knowledge, a broadcast one once."""
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in chunks(sorted(subjects)):
        within = (f"known_at >= {at(low)}", f"known_at < {at(high)}")
        source = reader.log("events", "subject IN %(codes)s", f"startsWith(type, '{kind}.')", *within)
        sql = f"""
            SELECT {_EVENT_SQL}, data {source}
            ORDER BY known_at, partition, offset, `index` LIMIT 1 BY id, source, subject"""
        for row in reader.rows(sql, codes=piece):
            one = dict(zip((*_EVENT, "data"), row, strict=True))
            found.setdefault(one["subject"], []).append(one)
    return found


_ENDS = ("finished", "returned", "withdrawn", "stopped", "rejected")


def ends_recorded(reader: Reader, start: Millis, until: Millis) -> dict[str, list[tuple[Millis, Millis]]]:
    """(end as stated, when it was recorded) of every statement of an end in [start, until), by dossier; those of
    whole records too. Statements without an instant of recording (imports) are left out."""
    ends = ", ".join(f"'dossier.{verb}'" for verb in _ENDS)
    stated = ", ".join(
        f"toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(JSONExtractString(data, '{n}'), 3, 'UTC'))"
        for n in ("finished_at", "returned_at")
    )
    source = reader.log(
        "events", f"type IN ({ends}, 'dossier.snapshot_received')", "recorded_at IS NOT NULL", _within(reader)
    )
    sql = f"""
        SELECT subject, end, recorded FROM (
            SELECT subject, {millis("recorded_at")} AS recorded,
                arrayJoin(if(type = 'dossier.snapshot_received', [{stated}], [{millis("occurred_at")}])) AS end
            {source}
        ) WHERE end >= {int(start)} AND end < {int(until)}"""
    found: dict[str, list[tuple[Millis, Millis]]] = {}
    for subject, end, recorded in reader.rows(sql):
        found.setdefault(subject, []).append((int(end), int(recorded)))
    return found


def lags(reader: Reader, start: Millis, until: Millis, tolerance: Millis) -> dict[str, Any]:
    """Of the dossiers' events said to have happened in [start, until) and recorded: how many, hours from one to
    the other (median, nine in ten, most), how many above the tolerance, and how many by a clock ahead."""
    source = reader.log(
        "events",
        "startsWith(type, 'dossier.')",
        "recorded_at IS NOT NULL",
        f"occurred_at >= {at(start)} AND occurred_at < {at(until)}",
        _within(reader),
    )
    sql = f"""
        SELECT countIf(lag >= 0), countIf(lag < 0), countIf(lag > {int(tolerance)}),
               quantileExactIf(0.5)(lag, lag >= 0), quantileExactIf(0.9)(lag, lag >= 0), max(lag)
        FROM (SELECT {millis("recorded_at")} - assumeNotNull({millis("occurred_at")}) AS lag {source})"""
    events, ahead, over, *hours = reader.rows(sql)[0]
    told = zip(("median_hours", "p90_hours", "most_hours"), hours, strict=True)
    known = {name: ms / 3_600_000 if events else None for name, ms in told}
    return {"events": events, "over": over, "clock_ahead": ahead, **known}


def _within(reader: Reader) -> str:
    """A condition on events: they speak of a dossier that stands under the reader's units."""
    if reader.units is None:
        return ""
    return f"subject IN (SELECT dossier_code {reader.source('dossiers')})"


def events_said(reader: Reader, codes: Sequence[str]) -> dict[tuple[str, Millis], list[dict[str, Any]]]:
    """The events of these dossiers by (dossier, instant that they speak of). Times in milliseconds."""
    found: dict[tuple[str, Millis], list[dict[str, Any]]] = {}
    for piece in chunks(codes, 1_000):
        source = reader.log("events", "subject IN %(codes)s", "startsWith(type, 'dossier.')")
        for row in reader.rows(f"SELECT {_EVENT_SQL} {source} ORDER BY known_at", codes=piece):
            event = dict(zip(_EVENT, row, strict=True))
            found.setdefault((event["subject"], event["occurred_at"]), []).append(event)
    return found


def reads_of(reader: Reader, code: str, until: Millis) -> list[dict[str, Any]]:
    """Recorded reads of a dossier before an instant, with the key that read; times in milliseconds."""
    source = reader.log(
        "alert_acts", "subject = %(code)s", "startsWith(type, 'system.')", f"known_at < {at(until)}"
    )
    sql = f"SELECT {_EVENT_SQL}, JSONExtractString(data, 'key') {source} ORDER BY known_at"
    return [dict(zip((*_EVENT, "key"), row, strict=True)) for row in reader.rows(sql, code=code)]


_ACT = ("actor", "unit", "note_hash")
_ACTOR = "JSONExtractString(data, 'actor')"


def acts_of(
    reader: Reader,
    types: Sequence[str],
    actor: str | None,
    subject: str | None,
    low: Millis | None,
    high: Millis | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Acts of these types, newest first: by whom, about what, known in [low, high); None for any. Evidence is
    JSON, '' for none; times in milliseconds."""
    source = _acts(reader, actor, subject, low, high)
    columns = ", ".join(f"JSONExtractString(data, '{name}')" for name in _ACT)
    sql = f"""
        SELECT {_EVENT_SQL}, {columns}, JSONExtractRaw(data, 'evidence') {source}
        ORDER BY known_at DESC, partition, offset DESC, `index` DESC LIMIT {int(limit)}"""
    rows = reader.rows(sql, types=list(types), actor=actor or "", subject=subject or "")
    return [dict(zip((*_EVENT, *_ACT, "evidence"), row, strict=True)) for row in rows]


def act_counts(
    reader: Reader,
    types: Sequence[str],
    actor: str | None,
    subject: str | None,
    low: Millis | None,
    high: Millis | None,
) -> Rows:
    """(type, actor, how many) of the same acts."""
    source = _acts(reader, actor, subject, low, high)
    sql = f"SELECT type, {_ACTOR}, count() {source} GROUP BY ALL"
    return reader.rows(sql, types=list(types), actor=actor or "", subject=subject or "")


def _acts(reader: Reader, actor: str | None, subject: str | None, low: Millis | None, high: Millis | None) -> str:
    return reader.log(
        "alert_acts",
        "type IN %(types)s",
        f"{_ACTOR} = %(actor)s" if actor else "",
        "subject = %(subject)s" if subject else "",
        f"known_at >= {at(low)}" if low is not None else "",
        f"known_at < {at(high)}" if high is not None else "",
    )


def heard_of(start: Millis, until: Millis) -> str:
    """A condition on dossiers: filed before the end, and something was said of it since the start, or nothing has
    ended it."""
    filed = f"least(coalesce(submitted_at, accepted_at), coalesce(accepted_at, submitted_at)) < {at(until)}"
    return f"{filed} AND (last_fact_at >= {at(start)} OR ended_at IS NULL)"


def told(reader: Reader, codes: Sequence[str], until: Millis) -> Iterator[tuple[str, tuple[Told, ...]]]:
    """(dossier, its events that happened before an instant, in order of occurrence); a repeated event once."""
    for piece in chunks(sorted(codes), 500):
        source = reader.log(
            "events", "subject IN %(codes)s", "startsWith(type, 'dossier.')", f"occurred_at < {at(until)}"
        )
        sql = f"""
            SELECT subject, type, {millis("occurred_at")}, {millis("recorded_at")}, {millis("known_at")}, data,
                   partition, offset, `index`
            {source} ORDER BY subject, occurred_at, partition, offset, `index` LIMIT 1 BY subject, source, id"""
        rows = reader.rows(sql, codes=piece)
        for code, events in groupby(rows, key=lambda row: row[0]):
            yield code, tuple(_event_told(row) for row in events)


def _event_told(row: tuple[Any, ...]) -> Told:
    _, kind, occurred, recorded, known, data, *place = row
    said = msgspec.json.decode(data) if data else {}
    return Told(kind.removeprefix("dossier."), occurred, recorded, said, (place[0], place[1], place[2]), known)


def closings(reader: Reader, codes: Sequence[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """By (dossier, finding) who closed it when and why; the last one counts. Times in milliseconds."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    names = ("actor", "reason", "note_hash")
    columns = ", ".join(f"JSONExtractString(data, '{name}')" for name in ("key", *names))
    for piece in chunks(sorted(codes)):
        source = reader.log("alert_acts", "type = 'system.finding_closed'", "subject IN %(codes)s")
        sql = f"""
            SELECT subject, {columns}, {millis("occurred_at")}, partition, offset, `index` {source}
            ORDER BY partition, offset, `index`"""
        for subject, finding, *said, occurred, partition, offset, index in reader.rows(sql, codes=piece):
            place = {"partition": partition, "offset": offset, "index": index}
            found[subject, finding] = {**dict(zip(names, said, strict=True)), "at": occurred, **place}
    return found
