"""Reads XES logs trace by trace as a stream; a DOCTYPE is refused, so no entity can blow up or reach out."""

from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

from domain.errors import InvalidInput
from producers.open_file import BROKEN, Input
from producers.text import column_name

_CHUNK = 1 << 16
_ATTRIBUTES = frozenset({"string", "date", "int", "float", "boolean", "id"})
_MAX_VALUE = 100_000


class XesEvent(NamedTuple):
    """An event's attributes by key, and its line in the file."""

    line: int
    values: dict[str, str]


class Trace(NamedTuple):
    """One case: its own attributes and its events, in the file's order."""

    line: int
    values: dict[str, str]
    events: tuple[XesEvent, ...]


class BrokenXes(Exception):
    """The XML ends or breaks at a line; the traces before it were given out."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def traces(source: Input) -> Iterator[Trace]:
    """All traces, one in memory at a time. Raises BrokenXes, or InvalidInput where it is not XES or has a DTD."""
    handler = _Handler(source)
    parser = handler.parser
    try:
        while chunk := source.stream.read(_CHUNK):
            parser.Parse(chunk, False)
            yield from handler.take()
        parser.Parse(b"", True)
    except (expat.ExpatError, *BROKEN) as error:
        yield from handler.take()
        if not handler.is_log:
            raise InvalidInput(f"{source.path} is not XES: {error}") from error
        raise BrokenXes(parser.CurrentLineNumber) from error
    yield from handler.take()


class _Handler:
    """Collects traces from expat's calls. Only direct attributes of traces and events count: nested ones are
    annotations of attributes."""

    def __init__(self, source: Input) -> None:
        self._path = source.path
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._stack: list[str] = []
        self._done: list[Trace] = []
        self._trace: dict[str, str] = {}
        self._trace_line = 0
        self._events: list[XesEvent] = []
        self.is_log = False

    def take(self) -> tuple[Trace, ...]:
        """The traces completed since the last call."""
        done, self._done = tuple(self._done), []
        return done

    def _doctype(self, *_: object) -> None:
        raise InvalidInput(f"{self._path} has a DOCTYPE, which XES does not need and may be an attack: remove it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        parent = self._stack[-1] if self._stack else ""
        if not self._stack:
            if tag != "log":
                raise InvalidInput(f"{self._path} is not XES: its outermost element is <{tag[:40]}>, not <log>")
            self.is_log = True
        self._stack.append(tag)
        line = self.parser.CurrentLineNumber
        if tag == "trace" and parent == "log":
            self._trace, self._events, self._trace_line = {}, [], line
        elif tag == "event" and parent == "trace":
            self._events.append(XesEvent(line, {}))
        elif tag in _ATTRIBUTES and parent in ("trace", "event"):
            key, value = attributes.get("key"), attributes.get("value")
            if key is not None and value is not None:
                if not key.isascii():
                    key = column_name(key)
                target = self._trace if parent == "trace" else self._events[-1].values
                target[key] = value[:_MAX_VALUE]

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        self._stack.pop()
        if tag == "trace" and len(self._stack) == 1:
            self._done.append(Trace(self._trace_line, self._trace, tuple(self._events)))
