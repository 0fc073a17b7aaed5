"""Alerts as rows: conditions that hold, will hold or have cleared, and the acts that people did about them."""

from collections.abc import Sequence
from typing import Any

from domain.instants import Millis
from sinks.queries.reader import Reader, Rows, at, millis

ALERT_ID = "substring(lower(hex(SHA256(concat(kind, '|', subject, '|', episode)))), 1, 24)"
"""The same as `domain.alerts.alert_id`."""
_LATE = "ifNull(start > due_at, 0)"
ALERT_COLUMNS = (
    f"{ALERT_ID} AS id, kind, subject, episode, unit, procedure, {millis('start')} AS began, "
    f"{millis('until')} AS ended, {millis('due_at')} AS due, evidence, "
    f"{millis('known_at')} AS known, partition, version"
)


def state_filter(state: str, now: Millis) -> str:
    """The SQL of a state: holding, cleared or coming at `now`; a row with until = start never held."""
    real = "(until IS NULL OR until > start)"
    if state == "holding":
        return f"start <= {at(now)} AND (until IS NULL OR until > {at(now)})"
    if state == "cleared":
        return f"{real} AND until IS NOT NULL AND until <= {at(now)}"
    return f"{real} AND start <= {at(now)}"


def _levels(in_time: Sequence[str], late: Sequence[str]) -> str:
    """The SQL of one level: some kinds have another in what begins after the due date."""
    if set(in_time) == set(late):
        return ""
    return f"kind IN %(in_time)s AND NOT {_LATE} OR kind IN %(late)s AND {_LATE}"


def alerts(
    reader: Reader,
    now: Millis,
    *,
    state: str,
    in_time: Sequence[str],
    late: Sequence[str],
    after: tuple[Millis, str] | None,
    limit: int,
) -> Rows:
    """(id, kind, subject, episode, unit, procedure, start, until, due_at, evidence, known_at, partition, version),
    the latest beginning first, after a key (start, id): of the kinds `late` what began after its due date, of
    `in_time` the rest."""
    key = ""
    if after is not None:
        key = f"(start, {ALERT_ID}) < (fromUnixTimestamp64Milli(toInt64(%(began)s), 'UTC'), %(id)s)"
    source = reader.source(
        "conditions", "kind IN %(kinds)s", _levels(in_time, late), state_filter(state, now), key
    )
    sql = f"SELECT {ALERT_COLUMNS} {source} ORDER BY start DESC, id DESC LIMIT {int(limit)}"
    began, last = after if after is not None else (0, "")
    return reader.rows(sql, **_by_level(in_time, late), began=began, id=last)


def alert(reader: Reader, wanted: str) -> tuple[Any, ...] | None:
    """One alert by its id, in the columns of `alerts`; None when the reader's units do not hold it."""
    rows = reader.rows(
        f"SELECT {ALERT_COLUMNS} {reader.source('conditions', f'{ALERT_ID} = %(wanted)s')}", wanted=wanted
    )
    return rows[0] if rows else None


def counts(reader: Reader, now: Millis, state: str, in_time: Sequence[str], late: Sequence[str]) -> dict[str, int]:
    """How many alerts of each kind are in a state; the kinds as in `alerts`."""
    source = reader.source("conditions", "kind IN %(kinds)s", _levels(in_time, late), state_filter(state, now))
    rows = reader.rows(f"SELECT kind, count() {source} GROUP BY kind", **_by_level(in_time, late))
    return dict(rows)


def _by_level(in_time: Sequence[str], late: Sequence[str]) -> dict[str, list[str]]:
    # The driver writes an empty list as IN (), which is no SQL.
    return {"kinds": [*in_time, *late, ""], "in_time": [*in_time, ""], "late": [*late, ""]}


def to_send(reader: Reader, topic: str, now: Millis, horizon: Millis, kinds: Sequence[str]) -> Rows:
    """What holds now and began, or became known by live intake, within the horizon (decisions 23): imported
    facts count from their beginning only. The columns of `alerts`, oldest first."""
    live = (
        f"known_at >= {at(horizon)} AND (partition, version) IN (SELECT partition, offset FROM records "
        f"WHERE topic = %(topic)s AND origin = 'live' AND known_at >= {at(horizon)})"
    )
    fresh = f"start >= {at(horizon)} OR ({live})"
    source = reader.source("conditions", "kind IN %(kinds)s", state_filter("holding", now), fresh)
    return reader.rows(f"SELECT {ALERT_COLUMNS} {source} ORDER BY start, id", kinds=list(kinds), topic=topic)


def acts(client: Any, ids: Sequence[str]) -> Rows:
    """(alert, type, occurred_at, known_at, actor, channel, reason, note hash, key, until, evidence, partition,
    offset, index, id) of alerts, in the order of the log."""
    if not ids:
        return []
    data = ", ".join(
        f"JSONExtractString(data, '{n}')" for n in ("actor", "channel", "reason", "note_hash", "key", "until")
    )
    sql = f"""
        SELECT subject, type, toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Milli(known_at), {data},
               JSONExtractRaw(data, 'evidence'), partition, offset, `index`, id
        FROM alert_acts FINAL WHERE subject IN %(ids)s ORDER BY partition, offset, `index`"""
    found: Rows = client.execute(sql, {"ids": list(ids)})
    return found


def deliveries(client: Any, since: Millis) -> Rows:
    """(key, type) of what was intended and notified since an instant: what the notifier must not send again."""
    sql = f"""
        SELECT JSONExtractString(data, 'key') AS key, type FROM alert_acts FINAL
        WHERE type IN ('alert.notify_intended', 'alert.notified') AND known_at >= {at(since)} AND key != ''"""
    found: Rows = client.execute(sql)
    return found
