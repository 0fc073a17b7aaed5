"""What planning messages reads: all alerts that hold, and the acts of the alert log behind a cursor."""

from collections.abc import Sequence
from typing import Any

from domain.alerts import SECOND
from domain.instants import Millis
from sinks.queries.alerts import ALERT_COLUMNS, ALERT_ID, alerts_from, state_filter
from sinks.queries.reader import Reader, Rows, at, millis

RECORDS_AT_A_TIME = 200
_COLUMNS = (
    f"{ALERT_ID} AS id, kind, subject, unit, {millis('start')} AS began, {millis('until')} AS ended, "
    f"{millis('due_at')} AS due, {millis('known_at')} AS known, "
    f"if(kind = 'A09' AND position(evidence, '{SECOND}') > 0, '{SECOND}', '') AS worse"
)
"""(id, kind, subject, unit, start, until, due_at, known_at, worse): there may be hundreds of thousands of rows;
planning needs no more of the evidence than what decides on the level (`AlertKind.late_by`)."""


def holding(
    reader: Reader, topic: str, now: Millis, horizon: Millis, kinds: Sequence[str], missed: Millis | None = None
) -> Rows:
    """All alerts of these kinds that hold: `_COLUMNS`, then 2 for each that began, or became known by live intake,
    within the horizon (decisions 23), 1 where that was since an instant before it, `missed`; 0 for the others."""
    source = alerts_from(reader, "kind IN %(kinds)s", state_filter("holding", now), kinds=kinds)
    earlier = "0" if missed is None else _since(missed)
    fresh = f"multiIf({_since(horizon)}, 2, {earlier}, 1, 0) AS fresh"
    return reader.rows(f"SELECT {_COLUMNS}, {fresh} {source} ORDER BY id", kinds=[*kinds, ""], topic=topic)


def _since(instant: Millis) -> str:
    live = f"topic = %(topic)s AND origin = 'live' AND known_at >= {at(instant)}"
    places = f"SELECT partition, offset FROM records WHERE {live}"
    return f"(start >= {at(instant)} OR known_at >= {at(instant)} AND (partition, version) IN ({places}))"


def held_between(reader: Reader, start: Millis, until: Millis, kinds: Sequence[str]) -> Rows:
    """All alerts of these kinds that held at some instant of [start, until), in the columns of `alerts`."""
    some = (f"start < {at(until)}", f"until IS NULL OR (until > {at(start)} AND until > start)")
    source = alerts_from(reader, "kind IN %(kinds)s", *some, kinds=kinds)
    return reader.rows(f"SELECT {ALERT_COLUMNS} {source} ORDER BY id", kinds=[*kinds, ""])


def changed_between(reader: Reader, start: Millis, until: Millis, kinds: Sequence[str]) -> Rows:
    """(kind, subject) of alerts of these kinds that may have held before `until` and of which something became
    known from `start` on: those may have been known otherwise within that time. Withdrawn ones are among them."""
    where = ("kind IN %(kinds)s", f"start < {at(until)}", f"known_at >= {at(start)}")
    source = reader.source("conditions", *where)
    return reader.rows(f"SELECT DISTINCT kind, subject {source}", kinds=[*kinds, ""])


def raised_acts(reader: Reader, since: Millis, until: Millis, kinds: Sequence[str]) -> Rows:
    """What the notifier raised in [since, until), statement by statement in the order of the log, in the columns
    of `alerts`."""
    told = {
        name: f"JSONExtractString(data, '{name}')" for name in ("kind", "about", "episode", "unit", "procedure")
    }
    instants = {
        name: millis(f"parseDateTime64BestEffortOrNull(JSONExtractString(data, '{name}'), 3, 'UTC')")
        for name in ("instant", "until", "due_at")
    }
    known = millis("known_at")
    source = reader.log(
        "alert_acts",
        "type = 'alert.raised'",
        f"known_at >= {at(since)} AND known_at < {at(until)}",
        f"{told['kind']} IN %(kinds)s",
    )
    sql = f"""
        SELECT subject, {told["kind"]}, {told["about"]}, {told["episode"]}, {told["unit"]}, {told["procedure"]},
               ifNull({instants["instant"]}, {known}), {instants["until"]}, {instants["due_at"]}, data, {known}
        {source} ORDER BY partition, offset, `index`"""
    return reader.rows(sql, kinds=[*kinds, ""])


def imported(reader: Reader, topic: str, since: Millis) -> set[Millis]:
    """The instants from one on at which records became known that were no live intake."""
    source = reader.log("records", "topic = %(topic)s", "origin != 'live'", f"known_at >= {at(since)}")
    return {row[0] for row in reader.rows(f"SELECT DISTINCT {millis('known_at')} {source}", topic=topic)}


def act_records(client: Any, topic: str, after: int, since: Millis, types: Sequence[str]) -> Rows:
    """(offset, block) of the alert log's next records after an offset that became known since an instant; '' in
    place of a block that holds none of these types, or only says what webhooks were sent, of which there are two
    acts for each alert."""
    sql = f"""
        SELECT offset, if(multiSearchAny(value, %(types)s)
                          AND countSubstrings(value, '"channel":"webhook:') < countSubstrings(value, '"type":"'),
                          value, '') FROM records WHERE topic = %(topic)s AND partition = 0 AND offset > %(after)s
        AND known_at >= {at(since)} ORDER BY offset LIMIT {RECORDS_AT_A_TIME}"""
    found: Rows = client.execute(sql, {"topic": topic, "after": after, "types": list(types)})
    return found
