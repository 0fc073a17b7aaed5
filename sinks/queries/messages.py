"""What planning messages reads: all alerts that hold, and the acts of the alert log behind a cursor."""

from collections.abc import Sequence
from typing import Any

from domain.instants import Millis
from sinks.queries.alerts import ALERT_COLUMNS, alerts_from, state_filter
from sinks.queries.reader import Reader, Rows, at

RECORDS_AT_A_TIME = 200


def holding(reader: Reader, topic: str, now: Millis, horizon: Millis, kinds: Sequence[str]) -> Rows:
    """All alerts of these kinds that hold: the columns of `alerts`, then whether each began, or became known by
    live intake, within the horizon (decisions 23)."""
    live = (
        f"known_at >= {at(horizon)} AND (partition, version) IN (SELECT partition, offset FROM records "
        f"WHERE topic = %(topic)s AND origin = 'live' AND known_at >= {at(horizon)})"
    )
    source = alerts_from(reader, "kind IN %(kinds)s", state_filter("holding", now), kinds=kinds)
    fresh = f"toUInt8(start >= {at(horizon)} OR ({live})) AS fresh"
    return reader.rows(f"SELECT {ALERT_COLUMNS}, {fresh} {source} ORDER BY id", kinds=[*kinds, ""], topic=topic)


def held_between(reader: Reader, start: Millis, until: Millis, kinds: Sequence[str]) -> Rows:
    """All alerts of these kinds that held at some instant of [start, until), in the columns of `alerts`."""
    some = (f"start < {at(until)}", f"until IS NULL OR (until > {at(start)} AND until > start)")
    source = alerts_from(reader, "kind IN %(kinds)s", *some, kinds=kinds)
    return reader.rows(f"SELECT {ALERT_COLUMNS} {source} ORDER BY id", kinds=[*kinds, ""])


def act_records(client: Any, topic: str, after: int, since: Millis) -> Rows:
    """(offset, block) of the alert log's next records after an offset that became known since an instant."""
    sql = f"""
        SELECT offset, value FROM records WHERE topic = %(topic)s AND partition = 0 AND offset > %(after)s
        AND known_at >= {at(since)} ORDER BY offset LIMIT {RECORDS_AT_A_TIME}"""
    found: Rows = client.execute(sql, {"topic": topic, "after": after})
    return found
