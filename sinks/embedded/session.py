"""What one client of the store can do: statements, settings that do not leak, inserts that are whole.

Inserts go through `INSERT … SELECT FROM file(memory file)`: chDB's own `send_insert` reports success when a
materialized view has thrown, which would lose rows silently.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from sinks.embedded import sql
from sinks.embedded.blocks import header, split_blocks
from sinks.embedded.engine import Engine, assign, rows, run
from sinks.embedded.errors import (
    ACCESS_DENIED,
    NO_SUCH_COLUMN,
    NOT_IMPLEMENTED,
    UNKNOWN_SETTING,
    EngineError,
    engine_error,
)

# Kept at their insert-statement values so that one client insert is one block, hence all or nothing.
_ONE_BLOCK = (
    "SETTINGS max_insert_threads=1, max_insert_block_size=1000000000,"
    " min_insert_block_size_rows=1000000000, min_insert_block_size_bytes=100000000000"
)
# Never the client's to change: the first is how a running statement is found again, the second rule 4's base.
_OURS = frozenset({"log_comment", "async_insert", "readonly"})
_READER_MAY_SET = (
    "max_execution_time max_result_rows max_result_bytes max_memory_usage max_threads max_block_size"
    " max_rows_to_read max_bytes_to_read join_use_nulls final session_timezone date_time_output_format"
    " do_not_merge_across_partitions_select_final result_overflow_mode extremes"
).split()


class Session:
    """One client's engine session. Statements run one at a time; settings never outlive their statement."""

    def __init__(self, engine: Engine, *, readonly: bool) -> None:
        self.engine = engine
        self.tag = engine.next_tag()
        self.readonly = readonly
        self.database = ""
        self._applied: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._connection = self._open({})

    def close(self) -> None:
        self._connection.close()

    def _open(self, settings: Mapping[str, str]) -> Any:
        connection = self.engine.connect()
        base = {"async_insert": "0", "log_comment": self.tag}
        if self.engine.limits.threads:
            base["max_threads"] = str(self.engine.limits.threads)
        if self.readonly:
            base |= self._reader_settings(settings)
        assign(connection, base)
        if self.database:
            run(connection, f"USE {sql.quote_name(self.database)}")
        if self.readonly:
            assign(connection, {"readonly": "1"})
        return connection

    def _reader_settings(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The reader's ceilings, lowered (never raised) by what the client asked for."""
        limits = self.engine.limits
        ceilings = {
            "max_execution_time": limits.reader_seconds,
            "max_result_rows": limits.reader_rows,
            "max_result_bytes": limits.reader_bytes,
            "max_memory_usage": limits.resolved_memory() // 2,
        }
        chosen = {k: str(v) for k, v in ceilings.items()} | {"result_overflow_mode": "throw"}
        for name in _READER_MAY_SET:
            value = wanted.get(name)
            if value is None:
                continue
            if name in ceilings and not (value.isdigit() and 0 < int(value) <= ceilings[name]):
                continue
            chosen[name] = value
        if "result_overflow_mode" in wanted and wanted["result_overflow_mode"] != "break":
            chosen["result_overflow_mode"] = "throw"
        return chosen

    def use(self, database: str) -> None:
        """Makes `database` the session's own; raises UNKNOWN_DATABASE (81)."""
        run(self._connection, f"USE {sql.quote_name(database)}")
        self.database = database

    def configure(self, settings: Mapping[str, str], important: frozenset[str] = frozenset()) -> None:
        """Applies one statement's settings, first undoing those of the statement before.

        Unknown ones are ignored unless `important`, as ClickHouse does for its native clients. A reader gets a
        new engine session instead, since nothing can be set once `readonly=1` holds.
        """
        wanted = {k: v for k, v in settings.items() if k not in _OURS}
        if wanted == self._applied:
            return
        if self.readonly:
            fresh = self._open(wanted)
            self._connection.close()
            self._connection, self._applied = fresh, wanted
            return
        self._undo()
        if not wanted:
            return
        names = ", ".join(sql.quote(name) for name in wanted)
        known = rows(self._connection, f"SELECT name, value, changed FROM system.settings WHERE name IN ({names})")
        before = {name: sql.quote(value) if int(changed) else "DEFAULT" for name, value, changed in known}
        for name in sorted(important & wanted.keys() - before.keys()):
            raise EngineError(UNKNOWN_SETTING, f"Unknown setting '{name}'")
        self._saved, self._applied = before, wanted
        try:
            assign(self._connection, {k: v for k, v in wanted.items() if k in before})
        except EngineError:
            self._undo()
            raise

    def _undo(self) -> None:
        if self._saved:
            run(self._connection, "SET " + ", ".join(f"{k} = {v}" for k, v in self._saved.items()))
        self._saved, self._applied = {}, {}

    def check(self, text: str, params: Mapping[str, str]) -> None:
        """Refuses what this session's user may not send."""
        if self.readonly:
            sql.guard_reader(text, dict(params), self.engine.sources)

    def stream(self, statement: sql.Statement) -> Iterator[bytes]:
        """A statement's rows, each item one Native block; at least the header if it returns rows."""
        if statement.verb in ("SET", "USE"):
            self._set_or_use(statement)
            return
        if not statement.returns_rows:
            run(self._connection, statement.text)
            return
        empty = True
        for block in self._blocks(statement):
            empty = False
            yield block
        if empty:
            yield from self._header(statement)

    def _blocks(self, statement: sql.Statement) -> Iterator[bytes]:
        if statement.verb not in sql.STREAMED:
            yield from split_blocks(self.fetch(statement.text, "Native", {}))
            return
        try:
            result = self._connection.send_query(statement.text, "Native")
            try:
                for chunk in result:
                    yield bytes(chunk.bytes())
            finally:
                result.close()
        except (RuntimeError, ValueError) as exc:
            raise engine_error(exc) from None

    def _set_or_use(self, statement: sql.Statement) -> None:
        self._undo()
        if statement.verb == "SET":
            words = {t.text for t in sql.tokens(statement.text) if t.kind in ("word", "quoted")}
            for name in _OURS & {w.strip('`"') for w in words}:
                raise EngineError(ACCESS_DENIED, f"The setting {name} belongs to the server")
        run(self._connection, statement.text)
        if statement.verb == "USE":
            self.database = rows(self._connection, "SELECT currentDatabase()")[0][0]

    def _header(self, statement: sql.Statement) -> Iterator[bytes]:
        """Column names and types of a statement that gave no row, so that clients know them."""
        if statement.verb in sql.STREAMED:
            described = rows(self._connection, f"DESCRIBE TABLE (\n{statement.text}\n)")
            yield header([(r[0], r[1]) for r in described])
        elif statement.verb in sql.READ_STATEMENTS:
            raw = self.fetch(statement.text, "JSONCompactEachRowWithNamesAndTypes", {}).splitlines()
            if len(raw) >= 2:
                yield header(list(zip(json.loads(raw[0]), json.loads(raw[1]), strict=True)))

    def fetch(self, text: str, fmt: str, params: Mapping[str, str]) -> bytes:
        """A whole answer in `fmt`, unless the statement names its own FORMAT."""
        return run(self._connection, text, params, fmt)

    def insert_columns(self, insert: sql.Insert) -> list[tuple[str, str]]:
        """What blocks an INSERT expects: its listed columns, else all that are not computed."""
        if insert.target.upper().startswith("FUNCTION"):
            raise EngineError(NOT_IMPLEMENTED, "INSERT INTO FUNCTION takes no blocks here: use INSERT … SELECT")
        described = rows(self._connection, f"DESCRIBE TABLE {insert.target}")
        types = {r[0]: r[1] for r in described}
        if not insert.columns:
            return [(r[0], r[1]) for r in described if r[2] not in ("MATERIALIZED", "ALIAS", "EPHEMERAL")]
        listed = sql.names_in(insert.columns)
        missing = [name for name in listed if name not in types]
        if missing:
            raise EngineError(NO_SUCH_COLUMN, f"No such column {missing[0]} in table {insert.target}")
        return [(name, types[name]) for name in listed]

    def insert(self, insert: sql.Insert, columns: list[tuple[str, str]], blocks: list[bytes]) -> None:
        """Writes all blocks in one engine INSERT, as one block: a view that throws leaves nothing behind."""
        if not blocks:
            return
        structure = ", ".join(f"{sql.quote_name(name)} {kind}" for name, kind in columns)
        names = ", ".join(sql.quote_name(name) for name, _ in columns)
        settings = _ONE_BLOCK + (", " + insert.settings[len("SETTINGS") :] if insert.settings else "")
        with _spooled(blocks) as source:
            run(
                self._connection,
                f"INSERT INTO {insert.target} ({names}) SELECT {names}"
                f" FROM file({sql.quote(source)}, 'Native', {sql.quote(structure)}) {settings}",
            )


class _spooled:  # noqa: N801 - a context manager, used as a function
    """Blocks as a file that the engine can open by name; in memory where the system can."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = blocks

    def __enter__(self) -> str:
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create("insert"), "wb")
            name = f"/proc/self/fd/{self._file.fileno()}"
        else:
            self._file = tempfile.NamedTemporaryFile(suffix=".native")  # type: ignore[assignment]
            name = self._file.name
        for block in self._blocks:
            self._file.write(block)
        self._file.flush()
        return name

    def __exit__(self, *_: object) -> None:
        self._file.close()
