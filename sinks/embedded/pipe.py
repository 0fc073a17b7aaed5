"""A statement's answer in any format, piece by piece: the engine writes it into a pipe of this process.

chDB can stream only by making each block a document of its own, which is wrong for JSON, Parquet or a header
line. `INTO OUTFILE` writes one document as it grows, and takes the pipe for a file.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sinks.embedded import sql
from sinks.embedded.engine import run
from sinks.embedded.errors import SYNTAX_ERROR, EngineError
from sinks.embedded.spool import descriptor_path

_PIECE = 1 << 18


class Pipe:
    """Runs one statement in a thread of its own; `pieces()` gives what it writes. Close it in any case."""

    def __init__(self, connection: Any, statement: sql.Statement, fmt: str, params: Mapping[str, str]) -> None:
        self._connection = connection
        self._statement = statement
        self._format = fmt
        self._params = params
        self._error: EngineError | None = None
        self._read, self._write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="pipe", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        text, own = sql.split_format(self._statement)
        out = f"INTO OUTFILE {sql.quote(descriptor_path(self._write))} TRUNCATE"
        try:
            run(self._connection, f"{text}\n{out} FORMAT {own or sql.quote_name(self._format)}", self._params)
        except EngineError as error:
            self._error = error
        finally:
            os.close(self._write)

    def pieces(self) -> Iterator[bytes]:
        """What the engine writes, until its end; raises its error after the last piece."""
        empty = True
        while piece := os.read(self._read, _PIECE):
            empty = False
            yield piece
        self._thread.join()
        if self._error is None:
            return
        if empty and self._error.code == SYNTAX_ERROR:
            # Asked again without our own clause: its message is the one to show, and a rare order of clauses
            # that does not bear ours still gets its answer.
            yield run(self._connection, self._statement.text, self._params, self._format)
            return
        raise self._error

    def close(self, kill: Callable[[], None]) -> None:
        """Ends the statement if it still runs (a broken pipe does not stop the engine); waits for its end."""
        os.close(self._read)
        while self._thread.is_alive():
            kill()
            self._thread.join(0.2)
