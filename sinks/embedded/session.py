"""What one client of the store can do: statements, settings that do not leak, inserts that are whole.

Inserts go through `INSERT … SELECT FROM file(memory file)`: chDB's own `send_insert` reports success when a
materialized view has thrown, which would lose rows silently.
"""

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from sinks.embedded import sql
from sinks.embedded.blocks import header, header_of, split_blocks
from sinks.embedded.described import Columns, shape
from sinks.embedded.engine import Engine, assign, rows, run
from sinks.embedded.errors import (
    ACCESS_DENIED,
    NO_SUCH_COLUMN,
    NOT_IMPLEMENTED,
    UNKNOWN_SETTING,
    EngineError,
    ProtocolError,
    engine_error,
)
from sinks.embedded.external import ExternalTable
from sinks.embedded.kept import kept_table
from sinks.embedded.pipe import Pipe
from sinks.embedded.spool import Spool
from sinks.embedded.users import READER, WRITER

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
        self.user = READER if readonly else WRITER
        self.database = ""
        self._applied: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._tables: tuple[ExternalTable, ...] = ()
        self._own = False
        """Whether columns may be other ones here than in other sessions: it set something, or made a table."""
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
            for table in self._tables:
                table.create(connection)
            assign(connection, {"readonly": "1"})
        return connection

    def _reader_settings(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The reader's ceilings, lowered (never raised) by what the client asked for."""
        ceilings = self._ceilings()
        chosen = {k: str(v) for k, v in ceilings.items()} | {"result_overflow_mode": "throw"}
        for name in _READER_MAY_SET:
            value = wanted.get(name)
            if value is None:
                continue
            if self._allows(name, value):
                chosen[name] = value
        return chosen

    def _ceilings(self) -> dict[str, int]:
        limits = self.engine.limits
        return {
            "max_execution_time": limits.reader_seconds,
            "max_result_rows": limits.reader_rows,
            "max_result_bytes": limits.reader_bytes,
            "max_memory_usage": limits.resolved_memory() // 2,
        }

    def _allows(self, name: str, value: str) -> bool:
        """Whether a reader may have this: a known setting, and no ceiling raised."""
        ceiling = self._ceilings().get(name)
        if ceiling is not None:
            return value.isdigit() and 0 < int(value) <= ceiling
        if name == "result_overflow_mode":
            return value in ("throw", "break")
        return name in _READER_MAY_SET

    def prepare(
        self,
        text: str,
        params: Mapping[str, str],
        settings: Mapping[str, str],
        *,
        keep_format: bool,
        important: frozenset[str] = frozenset(),
        tables: Sequence[ExternalTable] = (),
    ) -> sql.Statement:
        """Checks a statement, applies its settings and tables, and gives what `stream` or `copy` take.

        A reader's own SETTINGS clause becomes settings if it may have them all; else the engine refuses it.
        """
        if self.readonly:
            sql.guard_reader(text, dict(params), self.engine.sources)
        statement = sql.parse(text, keep_format=keep_format)
        wanted = dict(settings)
        if self.readonly:
            shorter, clause = sql.without_settings(statement.text)
            if clause and all(self._allows(name, value) for name, value in clause.items()):
                statement, wanted = sql.Statement(shorter.rstrip(), statement.verb), wanted | clause
        self.configure(wanted, important, tables)
        return statement

    def use(self, database: str) -> None:
        """Makes `database` the session's own; raises UNKNOWN_DATABASE (81)."""
        run(self._connection, f"USE {sql.quote_name(database)}")
        self.database = database

    def configure(
        self,
        settings: Mapping[str, str],
        important: frozenset[str] = frozenset(),
        tables: Sequence[ExternalTable] = (),
    ) -> None:
        """Applies one statement's settings and tables, first undoing those of the statement before.

        Unknown ones are ignored unless `important`, as ClickHouse does for its native clients. A reader gets a
        new engine session instead, since nothing can be set once `readonly=1` holds.
        """
        wanted = {k: v for k, v in settings.items() if k not in _OURS}
        if wanted == self._applied and not tables and not self._tables:
            return
        if self.readonly:
            self._tables = tuple(tables)
            fresh = self._open(wanted)
            self._connection.close()
            self._connection, self._applied = fresh, wanted
            return
        self._undo()
        self._tables = tuple(tables)
        for table in tables:
            table.create(self._connection)
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
        for table in self._tables:
            table.drop(self._connection)
        self._tables = ()
        if self._saved:
            run(self._connection, "SET " + ", ".join(f"{k} = {v}" for k, v in self._saved.items()))
        self._saved, self._applied = {}, {}

    def watch(self, callback: Callable[[dict[str, int]], None] | None) -> None:
        """Has the engine report a statement's progress, ten times a second, in the thread that runs it."""
        self._connection.set_progress_callback(callback)

    @contextlib.contextmanager
    def _turn(self, statement: sql.Statement) -> Iterator[None]:
        """A place among the running statements; KILL needs none, since it makes room."""
        if statement.verb == "KILL":
            yield
            return
        with self.engine.gate.statement(self.user):
            yield

    def stream(self, statement: sql.Statement, params: Mapping[str, str]) -> Generator[bytes, None, None]:
        """A statement's rows, each item one Native block. The first one is the header, without rows, as a server
        sends it: clients take the columns' names from there."""
        table = "" if params or self._own or self._tables else kept_table(statement.text)
        if table and "break" not in self._applied.values():
            key = self.database, self.readonly, frozenset(self._applied.items()), statement.text
            yield from self.engine.kept.answer(table, key, lambda: self._stream(statement, params))
        else:
            yield from self._stream(statement, params)

    def _stream(self, statement: sql.Statement, params: Mapping[str, str]) -> Generator[bytes, None, None]:
        with self._turn(statement):
            if statement.verb in ("SET", "USE"):
                self._set_or_use(statement)
                return
            if not statement.returns_rows:
                self._change(statement, params)
                return
            empty = True
            for block in self._blocks(statement, params):
                if empty:
                    yield from _first(block)
                empty = False
                yield block
            if empty:
                yield from self._header(statement, params)

    def _blocks(self, statement: sql.Statement, params: Mapping[str, str]) -> Iterator[bytes]:
        if statement.verb not in sql.STREAMED:
            changes = statement.verb == "RESTORE"
            with self.engine.kept.writing() if changes else contextlib.nullcontext():
                answer = run(self._connection, statement.text, params, "Native")
            yield from split_blocks(answer)
            return
        try:
            result = self._connection.send_query(statement.text, "Native", params=dict(params))
            try:
                for chunk in result:
                    yield bytes(chunk.bytes())
            finally:
                result.close()
        except (RuntimeError, ValueError) as exc:
            raise engine_error(exc) from None

    def copy(self, statement: sql.Statement, fmt: str, params: Mapping[str, str]) -> Generator[bytes, None, None]:
        """A whole answer in `fmt`, in pieces as the engine makes them; raises EngineError after the last one."""
        with self._turn(statement):
            if statement.verb not in sql.STREAMED:
                # The engine rewrites SHOW and loses its rows on the way to a file.
                yield self._change(statement, params, fmt)
                return
            pipe = Pipe(self._connection, statement, fmt, params)
            empty = True
            try:
                for piece in pipe.pieces():
                    empty = False
                    yield piece
            finally:
                pipe.close(lambda: self.engine.kill(self.tag))
            if empty and fmt == "Native":
                yield from self._header(sql.Statement(sql.split_format(statement)[0], statement.verb), params)

    def _change(self, statement: sql.Statement, params: Mapping[str, str], fmt: str = "Null") -> bytes:
        """Runs what may change tables, or shows something; what was kept of columns does not outlive it."""
        if statement.verb in sql.READ_STATEMENTS:
            return run(self._connection, statement.text, params, fmt)
        if statement.verb == "INSERT":
            with self.engine.kept.writing():
                return run(self._connection, statement.text, params, fmt)
        self._own = self._own or "TEMP" in statement.text.upper()
        self.engine.described.forget()
        try:
            with self.engine.kept.writing():
                return run(self._connection, statement.text, params, fmt)
        finally:
            self.engine.described.forget()

    def _set_or_use(self, statement: sql.Statement) -> None:
        self._undo()
        if statement.verb == "SET":
            words = {t.text for t in sql.tokens(statement.text) if t.kind in ("word", "quoted")}
            for name in _OURS & {w.strip('`"') for w in words}:
                raise EngineError(ACCESS_DENIED, f"The setting {name} belongs to the server")
            self._own = True
        run(self._connection, statement.text)
        if statement.verb == "USE":
            self.database = rows(self._connection, "SELECT currentDatabase()")[0][0]

    def _header(self, statement: sql.Statement, params: Mapping[str, str]) -> Iterator[bytes]:
        """Column names and types of a statement that gave no row, so that clients know them."""
        if statement.verb in sql.STREAMED:

            def ask() -> Columns:
                described = rows(self._connection, f"DESCRIBE TABLE (\n{statement.text}\n)", params)
                return [(r[0], r[1]) for r in described]

            key = self.database, frozenset(self._applied.items()), shape(statement.text)
            plain = not (self._own or self._tables or params)
            yield header(self.engine.described.columns(key, ask) if plain else ask())
        elif statement.verb in sql.READ_STATEMENTS:
            raw = run(self._connection, statement.text, params, "JSONCompactEachRowWithNamesAndTypes").splitlines()
            if len(raw) >= 2:
                yield header(list(zip(json.loads(raw[0]), json.loads(raw[1]), strict=True)))

    def insert_columns(self, insert: sql.Insert) -> list[tuple[str, str]]:
        """What blocks an INSERT expects: its listed columns, else all that are not computed."""
        if insert.target.upper().startswith("FUNCTION"):
            raise EngineError(NOT_IMPLEMENTED, "INSERT INTO FUNCTION takes no blocks here: use INSERT … SELECT")
        if self._own or self._tables:
            return self._insert_columns(insert)
        key = self.database, insert.target, insert.columns
        return self.engine.described.columns(key, lambda: self._insert_columns(insert))

    def _insert_columns(self, insert: sql.Insert) -> Columns:
        described = rows(self._connection, f"DESCRIBE TABLE {insert.target}")
        types = {r[0]: r[1] for r in described}
        if not insert.columns:
            return [(r[0], r[1]) for r in described if r[2] not in ("MATERIALIZED", "ALIAS", "EPHEMERAL")]
        listed = sql.names_in(insert.columns)
        missing = [name for name in listed if name not in types]
        if missing:
            raise EngineError(NO_SUCH_COLUMN, f"No such column {missing[0]} in table {insert.target}")
        return [(name, types[name]) for name in listed]

    def insert(self, insert: sql.Insert, columns: list[tuple[str, str]], blocks: Spool) -> None:
        """Writes all blocks in one engine INSERT, as one block: a view that throws leaves nothing behind."""
        if not blocks.rows:
            return
        structure = ", ".join(f"{sql.quote_name(name)} {kind}" for name, kind in columns)
        names = ", ".join(sql.quote_name(name) for name, _ in columns)
        settings = _ONE_BLOCK + (", " + insert.settings[len("SETTINGS") :] if insert.settings else "")
        self.engine.check_room()
        with self.engine.gate.statement(self.user), self.engine.kept.writing(insert.target):
            run(
                self._connection,
                f"INSERT INTO {insert.target} ({names}) SELECT {names}"
                f" FROM file({sql.quote(blocks.ready())}, 'Native', {sql.quote(structure)}) {settings}",
            )


def _first(block: bytes) -> Iterator[bytes]:
    """The header that goes before the first block; none where a column's layout depends on its data."""
    try:
        found = header_of(block)
    except ProtocolError:
        return
    yield found
