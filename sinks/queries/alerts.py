"""Alerts as rows: conditions that hold, will hold or have cleared, and the acts that people did about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.alerts import RAISED, SECOND
from domain.instants import Millis
from sinks.queries.reader import Reader, Rows, at, chunks, millis

ALERT_ID = "substring(lower(hex(SHA256(concat(kind, '|', subject, '|', episode)))), 1, 24)"
"""The same as `domain.alerts.alert_id`."""
_LATE = f"if(kind = 'A09', position(evidence, '{SECOND}') > 0, ifNull(start > due_at, 0))"
"""The same as `AlertKind.level_of` decides by."""
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


_PLAIN = "kind, subject, episode, unit, procedure, start, until, due_at, evidence, known_at, partition, version"


def alerts_from(reader: Reader, *where: str, kinds: Sequence[str] | None = None) -> str:
    """FROM: the conditions of the fold and what the notifier raised, in the same columns."""
    fold = f"SELECT {_PLAIN} {reader.source('conditions', *where)}"
    if kinds is not None and not set(kinds) & set(RAISED):
        return f"FROM ({fold})"
    return f"FROM ({fold} UNION ALL SELECT {_PLAIN} {reader.raised(*where)})"


def alerts(
    reader: Reader,
    now: Millis,
    *,
    state: str,
    in_time: Sequence[str],
    late: Sequence[str],
    after: tuple[Millis, str] | None,
    limit: int,
    more: Sequence[str] = (),
) -> Rows:
    """(id, kind, subject, episode, unit, procedure, start, until, due_at, evidence, known_at, partition, version),
    the latest beginning first, after a key (start, id): of the kinds `late` what began after its due date, of
    `in_time` the rest; `more` as of `narrowed`."""
    key = ""
    if after is not None:
        key = f"(start, {ALERT_ID}) < (fromUnixTimestamp64Milli(toInt64(%(began)s), 'UTC'), %(id)s)"
    where = ("kind IN %(kinds)s", _levels(in_time, late), state_filter(state, now), key, *more)
    source = alerts_from(reader, *where, kinds=[*in_time, *late])
    sql = f"SELECT {ALERT_COLUMNS} {source} ORDER BY start DESC, id DESC LIMIT {int(limit)}"
    began, last = after if after is not None else (0, "")
    return reader.rows(sql, **_by_level(in_time, late), began=began, id=last)


def alert(reader: Reader, wanted: str) -> tuple[Any, ...] | None:
    """One alert by its id, in the columns of `alerts`; None when the reader's units do not hold it."""
    rows = reader.rows(f"SELECT {ALERT_COLUMNS} {alerts_from(reader, f'{ALERT_ID} = %(wanted)s')}", wanted=wanted)
    return rows[0] if rows else None


def alerts_of(reader: Reader, subject: str, until: Millis, kinds: Sequence[str]) -> Rows:
    """The alerts of a subject that held before an instant and were known by then, in the columns of `alerts`,
    oldest first."""
    where = ("kind IN %(kinds)s", "subject = %(subject)s", f"start < {at(until)}")
    source = alerts_from(reader, *where, "until IS NULL OR until > start", f"known_at < {at(until)}")
    sql = f"SELECT {ALERT_COLUMNS} {source} ORDER BY start, id"
    return reader.rows(sql, subject=subject, kinds=list(kinds))


def narrowed(*, before: Millis | None = None, since: Millis | None = None, disputed: bool = False) -> list[str]:
    """The SQL that narrows a list: to what began before an instant, from one on, and to what has a dispute that
    nobody has closed."""
    found = [] if before is None else [f"start < {at(before)}"]
    if since is not None:
        found.append(f"start >= {at(since)}")
    if disputed:
        found.append(f"{ALERT_ID} IN ({_OPEN_DISPUTES})")
    return found


_OPEN_DISPUTES = """
    SELECT subject FROM alert_acts FINAL WHERE type = 'alert.disputed' AND id NOT IN (
        SELECT JSONExtractString(data, 'evidence', 'ticket') FROM alert_acts FINAL
        WHERE type = 'alert.commented')"""


def counts(
    reader: Reader,
    now: Millis,
    state: str,
    in_time: Sequence[str],
    late: Sequence[str],
    more: Sequence[str] = (),
) -> dict[str, int]:
    """How many alerts of each kind are in a state; the kinds as in `alerts`."""
    where = ("kind IN %(kinds)s", _levels(in_time, late), state_filter(state, now), *more)
    source = alerts_from(reader, *where, kinds=[*in_time, *late])
    rows = reader.rows(f"SELECT kind, count() {source} GROUP BY kind", **_by_level(in_time, late))
    return dict(rows)


def _by_level(in_time: Sequence[str], late: Sequence[str]) -> dict[str, list[str]]:
    # The driver writes an empty list as IN (), which is no SQL.
    return {"kinds": [*in_time, *late, ""], "in_time": [*in_time, ""], "late": [*late, ""]}


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to where `to_send` was asked before: the instant, and per partition of the fold the version (`acts`: that
    of the alert log). What holds later began after it, or is known by a later record."""

    at: Millis
    versions: Mapping[int, int]
    acts: int


def to_send(
    reader: Reader, topic: str, now: Millis, horizon: Millis, kinds: Sequence[str], since: Seen | None = None
) -> Rows:
    """What holds now and began, or became known by live intake, within the horizon (decisions 23): imported
    facts count from their beginning only. `since`: only what can be new after it. The columns of `alerts`, oldest
    first.

    Candidates come from a plain read of two narrow columns, their rows by key: FINAL over a condition on a column
    that is no key would read and merge the whole table at every round.
    """
    sql = f"SELECT {ALERT_COLUMNS} {_new(reader, now, horizon, since)} ORDER BY start, id"
    return reader.rows(sql, kinds=list(kinds), topic=topic)


def keys_to_send(
    reader: Reader, topic: str, now: Millis, horizon: Millis, kinds: Sequence[str], since: Seen | None = None
) -> Rows:
    """(id, kind, subject, episode, unit) of the same, for whoever has sent most of it already: `holding_of` gives
    the rows of the rest."""
    sql = f"SELECT {ALERT_ID} AS id, kind, subject, episode, unit {_new(reader, now, horizon, since)}"
    return reader.rows(f"{sql} ORDER BY start, id", kinds=list(kinds), topic=topic)


def holding_of(reader: Reader, keys: Sequence[tuple[str, str, str]], now: Millis) -> Rows:
    """Of alerts by (kind, subject, episode), those that hold: the columns of `alerts`, oldest first."""
    found: Rows = []
    for piece in chunks(keys, 2_000):
        found += reader.rows(f"SELECT {ALERT_COLUMNS} {_holding_among(reader, now)}", keys=piece)
    return sorted(found, key=lambda row: (row[6], row[0]))


def _holding_among(reader: Reader, now: Millis) -> str:
    key, holds = "(kind, subject, episode) IN %(keys)s", state_filter("holding", now)
    return f"""FROM (
        SELECT {_PLAIN} {reader.source("conditions", holds, first=key)}
        UNION ALL SELECT {_PLAIN} {reader.raised(holds, first=key)})"""


def _new(reader: Reader, now: Millis, horizon: Millis, since: Seen | None) -> str:
    live = (
        f"known_at >= {at(horizon)} AND (partition, version) IN (SELECT partition, offset FROM records "
        f"WHERE topic = %(topic)s AND origin = 'live' AND known_at >= {at(horizon)}{_offsets(since)})"
    )
    holding = state_filter("holding", now)
    began = f"start >= {at(horizon)}"
    later = f"start > {at(since.at)} AND start <= {at(now)}" if since else f"{began} OR known_at >= {at(horizon)}"
    newer = _newer("version", since)
    fold = reader.source(
        "conditions",
        holding,
        f"{began} OR ({live})",
        first=_among(reader.source("conditions", "kind IN %(kinds)s", f"{later}{newer}", final=False)),
    )
    acts = f" OR version > {int(since.acts)}" if since else ""
    raised = reader.raised("kind IN %(kinds)s", holding, f"{began} OR known_at >= {at(horizon)}", f"{later}{acts}")
    return f"FROM (SELECT {_PLAIN} {fold} UNION ALL SELECT {_PLAIN} {raised})"


def _among(source: str) -> str:
    return f"(kind, subject, episode) IN (SELECT kind, subject, episode {source})"


def _newer(column: str, since: Seen | None) -> str:
    if since is None:
        return ""
    return "".join(f" OR (partition = {int(p)} AND {column} > {int(v)})" for p, v in since.versions.items())


def _offsets(since: Seen | None) -> str:
    """Of records only those that can bring something new; before a cursor's instant none can."""
    newer = _newer("offset", since)
    return f" AND (0{newer})" if newer else ""


def still(reader: Reader, keys: Sequence[tuple[str, str, str]], now: Millis) -> set[str]:
    """Of alerts by (kind, subject, episode), the ids of those that hold."""
    found: set[str] = set()
    for piece in chunks(keys, 2_000):
        sql = f"SELECT {ALERT_ID} {_holding_among(reader, now)}"
        found |= {row[0] for row in reader.rows(sql, keys=piece)}
    return found


def raised(reader: Reader, since: Millis) -> Rows:
    """(kind, subject, episode, unit, procedure, start, until, due_at, evidence, known_at) of what the notifier
    raised and still holds, or has ended since an instant; instants in milliseconds."""
    columns = f"kind, subject, episode, unit, procedure, {', '.join(map(millis, ('start', 'until', 'due_at')))}"
    source = reader.raised(f"until IS NULL OR until > {at(since)}")
    return reader.rows(f"SELECT {columns}, evidence, {millis('known_at')} {source}")


def silent(reader: Reader, now: Millis) -> dict[str, str]:
    """The units whose feed is silent at an instant (A13), each with the alert's id: their other alerts may be
    wrong."""
    source = reader.raised("kind = 'A13'", state_filter("holding", now))
    return dict(reader.rows(f"SELECT subject, {ALERT_ID} {source}"))


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
    """(key, type) of what was intended, notified, or left to a digest since an instant: what the notifier must not
    send again."""
    sql = f"""
        SELECT JSONExtractString(data, 'key') AS key, type FROM alert_acts FINAL
        WHERE (type IN ('alert.notify_intended', 'alert.notified') OR (type = 'alert.suppressed'
            AND JSONExtractString(data, 'reason') = 'beyond_horizon')) AND known_at >= {at(since)} AND key != ''"""
    found: Rows = client.execute(sql)
    return found
