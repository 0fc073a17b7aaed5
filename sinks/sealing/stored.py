"""What the store holds of the logs, for verification: rows as they stand, before the engine merges them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from domain.seals import Signed
from sinks.clickhouse import clean_errors, connect
from sinks.migrations.m0001_log import exploded_sql
from sinks.migrations.m0007_raised import raised_sql
from sinks.sealing.config import SealConfig

_STEP = 20_000
_AT_ONCE = 500
_MS = "toUnixTimestamp64Milli({})"
LOGS = {"dossier-events": "events", "alert-log": "alert_acts"}
_COLUMNS = "subject, offset, `index`, id, source, type, occurred_at, recorded_at, known_at, causation_id, data"
_RAISED = "kind, subject, episode, partition, version, known_at, start, until, unit, procedure, due_at, evidence"


class Beside(NamedTuple):
    """What stands beside a record's bytes, under no leaf: append time in ms, key, headers that are read."""

    appended_at: int
    key: bytes
    origin: str
    key_id: str


class StoredRecords:
    """Reads `records`, `events` and `alert_acts`. Raises StoreUnavailable or StoreError as the client does."""

    def __init__(self, config: SealConfig) -> None:
        self._client: Any = connect(config.store, database=config.database)

    def close(self) -> None:
        """Ends the connection."""
        self._client.disconnect()

    def _ask(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with clean_errors():
            found: list[tuple[Any, ...]] = self._client.execute(sql, parameters)
        return found

    def position(self, log: str, partition: int) -> int:
        """The offset up to which the writer has written, not included."""
        sql = (
            "SELECT offset FROM positions FINAL WHERE name = 'records' AND topic = %(log)s"
            " AND partition = %(partition)s"
        )
        found = self._ask(sql, log=log, partition=partition)
        return int(found[0][0]) if found else 0

    def beyond(self, log: str, partition: int, written: int) -> list[int]:
        """Offsets far beyond the writer's position: a batch in flight is less."""
        sql = (
            "SELECT DISTINCT offset FROM records WHERE topic = %(log)s AND partition = %(partition)s"
            " AND offset > %(stop)s ORDER BY offset LIMIT 20"
        )
        return [int(r[0]) for r in self._ask(sql, log=log, partition=partition, stop=written + 1_000_000)]

    def strangers(self) -> dict[str, int]:
        """Records of topics that are no log."""
        sql = "SELECT topic, count() FROM records WHERE topic NOT IN %(logs)s GROUP BY topic"
        return {str(t): int(n) for t, n in self._ask(sql, logs=tuple(LOGS))}

    def rows(self, log: str, partition: int, start: int, stop: int) -> Iterator[tuple[int, int, bytes, Beside]]:
        """(offset, known_at in ms, value, what stands beside it) in order, each content once."""
        sql = (
            f"SELECT DISTINCT offset, {_MS.format('known_at')}, value, {_MS.format('appended_at')}, key,"
            " toString(origin), toString(key_id) FROM records WHERE topic = %(log)s"
            " AND partition = %(partition)s AND offset >= %(start)s AND offset < %(stop)s ORDER BY offset"
        )
        for low in range(start, stop, _STEP):
            parameters = {"log": log, "partition": partition, "start": low, "stop": min(stop, low + _STEP)}
            with clean_errors():
                found = self._client.execute(sql, parameters, settings={"strings_as_bytes": True})
            for offset, known_at, value, appended_at, key, *headers in found:
                origin, key_id = (header.decode("utf-8", "replace") for header in headers)
                yield int(offset), int(known_at), value, Beside(int(appended_at), key, origin, key_id)

    def checkpoints(self) -> Iterator[tuple[int, Signed]]:
        """(number, checkpoint) as the table of checkpoints has them, every row."""
        for number, body, signature in self._ask(
            "SELECT number, body, signature FROM checkpoints ORDER BY number"
        ):
            yield int(number), Signed(body, signature)

    def raised_minus_acts(self, stop: int, most: int) -> list[tuple[str, int, str]]:
        """(what, offset, subject) of rows of `raised` below an offset, or far beyond it, that no act says."""
        below = f"version < {int(stop)} OR version >= {int(stop) + 1_000_000}"
        there = f"SELECT {_RAISED} FROM raised WHERE {below}"
        sql = f"SELECT version, subject FROM ({there} EXCEPT DISTINCT SELECT {_RAISED} FROM ({raised_sql()}))"
        rows = self._ask(f"{sql} ORDER BY version LIMIT {int(most)}")
        return [("is not what an act says: changed or slipped in", int(v), str(s)) for v, s in rows]

    def acts_minus_raised(self, stop: int, most: int) -> list[tuple[str, int, str]]:
        """(what, offset, subject) of the last acts about an alert, below an offset, that no row of `raised` shows
        and no later one replaced."""
        key = "kind, subject, episode"
        last = f"SELECT {key}, max(version) AS at FROM ({raised_sql()}) WHERE version < {int(stop)} GROUP BY {key}"
        there = f"SELECT {key}, max(version) AS shown FROM raised GROUP BY {key}"
        sql = (
            f"SELECT a.at, a.subject FROM ({last}) AS a LEFT JOIN ({there}) AS r USING ({key})"
            f" WHERE r.shown < a.at ORDER BY a.at LIMIT {int(most)}"
        )
        return [("is missing or was changed", int(v), str(s)) for v, s in self._ask(sql)]

    def values(self, log: str, partition: int, offsets: Sequence[int]) -> dict[int, bytes]:
        """The records at these offsets, those that are there."""
        found: dict[int, bytes] = {}
        sql = (
            "SELECT offset, value FROM records WHERE topic = %(log)s AND partition = %(partition)s"
            " AND offset IN %(offsets)s"
        )
        for n in range(0, len(offsets), _AT_ONCE):
            parameters = {"log": log, "partition": partition, "offsets": list(offsets[n : n + _AT_ONCE])}
            with clean_errors():
                rows = self._client.execute(sql, parameters, settings={"strings_as_bytes": True})
            found |= {int(offset): value for offset, value in rows}
        return found

    def exploded(
        self, log: str, partition: int, stop: int
    ) -> Iterator[tuple[int, int, list[tuple[str, tuple[int, int, str]]]]]:
        """By stretches of offsets: rows of the reading copy that differ from what its records explode to."""
        table = LOGS[log]
        for low in range(0, max(stop, 1), _STEP):
            high = min(stop, low + _STEP)
            place = f"partition = {int(partition)} AND offset >= {low} AND offset < {high}"
            wanted = f"SELECT {_COLUMNS} FROM ({exploded_sql(log, place)})"
            there = f"SELECT {_COLUMNS} FROM {table} WHERE {place}"
            found = [("is not what its record says: changed or slipped in", r) for r in self._minus(there, wanted)]
            found += [("is missing or was changed", r) for r in self._minus(wanted, there)]
            yield low, high, found
        beyond = (
            f"SELECT {_COLUMNS} FROM {table} WHERE partition = {int(partition)} AND offset >= {stop + 1_000_000}"
        )
        sql = f"SELECT offset, `index`, subject FROM ({beyond}) LIMIT 20"
        rows = [("belongs to no record: slipped in", (int(o), int(i), str(s))) for o, i, s in self._ask(sql)]
        yield stop, stop, rows

    def _minus(self, left: str, right: str) -> list[tuple[int, int, str]]:
        both = f"({left} EXCEPT DISTINCT {right})"
        sql = f"SELECT offset, `index`, subject FROM {both} ORDER BY offset, `index` LIMIT 20"
        return [(int(o), int(i), str(s)) for o, i, s in self._ask(sql)]
