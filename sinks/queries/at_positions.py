"""The store as it stood at positions of the log: a row counts when the record that made it was within them.

A row names the record it comes from (`version` is its offset), so what was known at a vector of offsets is found
again exactly, whatever came later and whatever generation answers. Rows that no later record touched are read as
they stand; the others from their versions. What keeps no versions (petitions, documents) is given back as its
events, for the fold's own functions to fold again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.instants import Millis
from sinks.queries.alerts import ALERT_ID
from sinks.queries.dossiers import in_hand
from sinks.queries.reader import Reader, Rows, at, chunks, millis

Positions = Mapping[int, int]
"""The last offset that counts, by partition of `dossier-events`; −1 (or a missing one) for none."""
_TOPIC = "dossier-events"
_SHARD = 200_000


class Held(NamedTuple):
    """A dossier as it stood: dimensions, and all that judging it at any instant needs."""

    code: str
    unit: str
    procedure: str
    channel: str
    receiving_unit: str
    status: str
    submitted_at: Millis | None
    accepted_at: Millis | None
    due_at: Millis | None
    last_fact_at: Millis
    findings: tuple[str, ...]
    timeline: str


_COLUMNS = (
    f"dossier_code, unit, procedure, channel, receiving_unit, status, {millis('submitted_at')}, "
    f"{millis('accepted_at')}, {millis('due_at')}, {millis('last_fact_at')}, findings, timeline"
)


def within(positions: Positions, column: str = "version") -> str:
    """The condition that a row's record lies within the positions."""
    reached = [(int(p), int(n)) for p, n in sorted(positions.items()) if n >= 0]
    return " OR ".join(f"(partition = {p} AND {column} <= {n})" for p, n in reached) or "0"


def held(
    reader: Reader, positions: Positions, start: Millis | None, until: Millis, *, by_last_end: bool = True
) -> Iterator[Held]:
    """Every dossier in hand during [start, until), as it stood; a superset, judged afterwards, each once."""
    yield from _rows(reader, positions, in_hand(start, until, by_last_end=by_last_end))


def waiting(reader: Reader, positions: Positions, until: Millis) -> Iterator[Held]:
    """Every dossier filed before `until` and neither accepted nor closed by then, as it stood."""
    not_yet = f"submitted_at < {at(until)} AND (accepted_at IS NULL OR accepted_at >= {at(until)})"
    closed = f"accepted_at IS NULL AND status != 'submitted' AND last_fact_at < {at(until)}"
    yield from _rows(reader, positions, f"{not_yet} AND NOT ({closed})")


def _rows(reader: Reader, positions: Positions, where: str) -> Iterator[Held]:
    """Rows that stand unchanged first, then those of dossiers that have changed since: one that changes between
    the two statements is met by the second, and one met by both counts once."""
    known = within(positions)
    total = reader.rows(f"SELECT count() {reader.source('dossiers', where, final=False)}")[0][0]
    shards = 1 + int(total) // _SHARD
    seen: set[str] = set()
    for shard in range(shards):
        part = f"modulo(cityHash64(dossier_code), {shards}) = {shard}" if shards > 1 else ""
        for row in reader.rows(f"SELECT {_COLUMNS} {reader.source('dossiers', known, where, part)}"):
            seen.add(row[0])
            yield _held(row)
    changed = reader.rows(f"SELECT dossier_code {_unscoped(reader, 'dossiers', f'NOT ({known})')}")
    for piece in chunks([row[0] for row in changed], 5_000):
        first = reader.source("dossier_versions", "dossier_code IN %(codes)s", known, final=False, scoped=False)
        last = f"(dossier_code, version) IN (SELECT dossier_code, max(version) {first} GROUP BY dossier_code)"
        source = reader.source("dossier_versions", "dossier_code IN %(codes)s", last, where)
        for row in reader.rows(f"SELECT {_COLUMNS} {source}", codes=piece):
            if row[0] not in seen:
                yield _held(row)


def _unscoped(reader: Reader, table: str, where: str) -> str:
    # A dossier that has since moved to another unit stood under this one: its unit is judged on the old row.
    return reader.source(table, where, scoped=False)


def _held(row: tuple[Any, ...]) -> Held:
    return Held._make((*row[:10], tuple(row[10]), row[11]))


def units_seen(reader: Reader, positions: Positions) -> tuple[str, ...]:
    """Units that any dossier or petition had stood under by then."""
    known = within(positions)
    dossiers = reader.source("dossier_versions", known, final=False, scoped=False)
    petitions = reader.source("petitions", known, final=False, scoped=False)
    sql = f"SELECT DISTINCT unit {dossiers} UNION DISTINCT SELECT DISTINCT unit {petitions}"
    return tuple(sorted(row[0] for row in reader.rows(sql)))


def settled(reader: Reader, positions: Positions, kinds: Sequence[str]) -> Rows:
    """(kind, subject, history) of documents that no record after the positions touched; of a broadcast one,
    the copy of each partition."""
    where = ("kind IN %(kinds)s", within(positions))
    sql = f"SELECT kind, subject, history {reader.source('documents', *where)} ORDER BY kind, subject"
    return reader.rows(sql, kinds=list(kinds))


def unsettled(reader: Reader, positions: Positions, kinds: Sequence[str]) -> list[tuple[str, str]]:
    """(kind, subject) of documents that a later record touched, in any partition."""
    where = ("kind IN %(kinds)s", f"NOT ({within(positions)})")
    sql = f"SELECT DISTINCT kind, subject {reader.source('documents', *where)} ORDER BY kind, subject"
    return [(row[0], row[1]) for row in reader.rows(sql, kinds=list(kinds))]


def petitions(reader: Reader, positions: Positions) -> tuple[Rows, list[str]]:
    """Petitions that no later record touched, (petition, unit, about, received_at, due_at, answered_at, unhappy);
    and the codes of those that one did."""
    times = ", ".join(millis(n) for n in ("received_at", "due_at", "answered_at"))
    known = within(positions)
    kept = reader.rows(
        f"SELECT petition, unit, about, {times}, unhappy {reader.source('petitions', known)} ORDER BY petition"
    )
    later = reader.rows(f"SELECT petition {_unscoped(reader, 'petitions', f'NOT ({known})')} ORDER BY petition")
    return kept, [row[0] for row in later]


def records_of(
    reader: Reader, kind: str, subjects: Sequence[str], positions: Positions
) -> Iterator[tuple[int, int, str]]:
    """(partition, offset, value) of the records within the positions that hold an event of these subjects."""
    for piece in chunks(subjects, 1_000):
        named = ("subject IN %(subjects)s", "startsWith(type, %(kind)s)", within(positions, "offset"))
        among = f"(partition, offset) IN (SELECT partition, offset {reader.log('events', *named)})"
        source = reader.log("records", f"topic = '{_TOPIC}'", among)
        sql = f"SELECT partition, offset, value {source} ORDER BY partition, offset"
        yield from reader.rows(sql, subjects=piece, kind=f"{kind}.")


def at_instant(reader: Reader, known_at: Millis) -> dict[int, int]:
    """The positions that were known before an instant: per partition the last record appended by then."""
    source = reader.log("records", f"topic = '{_TOPIC}'", f"known_at < {at(known_at)}")
    return {int(p): int(n) for p, n in reader.rows(f"SELECT partition, max(offset) {source} GROUP BY partition")}


def known_everywhere(reader: Reader, complete: Positions) -> Millis | None:
    """The latest instant before which everything known lies within these positions: one millisecond after the
    last of their records, or the first record beyond them where that came earlier. None for an empty log."""
    ends = [(int(p), int(n)) for p, n in complete.items() if n >= 0]
    if not ends:
        return None
    topic = f"topic = '{_TOPIC}'"
    last = reader.log(
        "records", topic, f"(partition, offset) IN {tuple(ends)}" if len(ends) > 1 else _one(ends[0])
    )
    found = reader.rows(f"SELECT count(), max({millis('known_at')}) {last}")[0]
    beyond = " OR ".join(f"(partition = {int(p)} AND offset > {int(n)})" for p, n in complete.items())
    after = reader.rows(f"SELECT count(), min({millis('known_at')}) {reader.log('records', topic, beyond)}")[0]
    if not found[0]:
        return None
    return min(int(found[1]) + 1, int(after[1])) if after[0] else int(found[1]) + 1


def _one(end: tuple[int, int]) -> str:
    return f"partition = {end[0]} AND offset = {end[1]}"


def dead_letters(reader: Reader, positions: Positions) -> int:
    """How many events had been refused by then."""
    source = reader.source("dead_letters", within(positions, "`offset`"))
    return int(reader.rows(f"SELECT count() {source}")[0][0])


def dossiers_of_alerts(reader: Reader, ids: Sequence[str]) -> dict[str, str]:
    """The dossiers that alerts are about, by the alerts' ids; a condition that no longer holds keeps its row."""
    found: dict[str, str] = {}
    for piece in chunks(sorted(set(ids))):
        sql = f"SELECT {ALERT_ID} AS id, subject {reader.source('conditions', f'{ALERT_ID} IN %(ids)s')}"
        found |= dict(reader.rows(sql, ids=piece))
    return found


def acts(reader: Reader, upto: int, before: Millis) -> Rows:
    """(alert id, type, occurred_at, until) of human acts in the alert log up to an offset and before an
    instant, in the order of the log."""
    source = reader.log(
        "alert_acts",
        "startsWith(type, 'alert.')",
        f"partition = 0 AND offset <= {int(upto)}",
        f"occurred_at < {at(before)}",
    )
    columns = f"subject, type, {millis('occurred_at')}, JSONExtractString(data, 'until')"
    return reader.rows(f"SELECT {columns} {source} ORDER BY offset, `index`")
