"""Reads CloudEvents from JSON: one a line, an array a line, or one array over the whole file."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from domain.events import MAX_EVENT_BYTES
from producers.open_file import BROKEN, Input

_LINE_LIMIT = 520 * MAX_EVENT_BYTES // 16
"""A line may be a block of 500 events; what is longer than this (4 MiB) is no line of ours."""
_CHUNK = 1 << 16
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_MARKS = re.compile(rb'["\\{}\[\]]')


class JsonItem(NamedTuple):
    """One event's bytes and line, or (with `problem`, a reason code) why there is none."""

    line: int
    raw: bytes
    problem: str = ""


def items(source: Input) -> Iterator[JsonItem]:
    """All events of the file, undecoded."""
    try:
        number = 0
        while line := source.stream.readline(_LINE_LIMIT):
            number += 1
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            if len(line) >= _LINE_LIMIT and not line.endswith(b"\n"):
                yield JsonItem(number, b"", "too_long")
                while line and not line.endswith(b"\n"):
                    line = source.stream.readline(_LINE_LIMIT)
            elif text.startswith(b"["):
                block = _block(text)
                if block is None and number == 1:
                    yield from _document(source, text)
                    return
                if block is None:
                    yield JsonItem(number, b"", "invalid")
                else:
                    yield from (JsonItem(number, bytes(raw)) for raw in block)
            else:
                yield JsonItem(number, text)
    except BROKEN:
        yield JsonItem(number + 1, b"", "broken_file")


def _block(text: bytes) -> list[msgspec.Raw] | None:
    try:
        return _raws.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _document(source: Input, head: bytes) -> Iterator[JsonItem]:
    """The objects of one array that spans lines, cut out by their braces; memory for one object at a time."""
    cutter = _Cutter()
    yield from cutter.feed(head + b"\n")
    while chunk := source.stream.read(_CHUNK):
        yield from cutter.feed(chunk)
    if cutter.unfinished:
        yield JsonItem(cutter.line, b"", "broken_file")


class _Cutter:
    """Finds the objects of an outermost array in a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._at = 0
        self._depth = 0
        self._in_text = False
        self._start = -1
        self._closed = False
        self.line = 1

    @property
    def unfinished(self) -> bool:
        """Whether the array has not been closed."""
        return not self._closed

    def feed(self, chunk: bytes) -> Iterator[JsonItem]:
        """Takes bytes, gives the objects that they complete."""
        data = self._rest + chunk
        at = self._at
        while found := _MARKS.search(data, at):
            place, mark = found.start(), found.group()
            at = place + 1
            if self._in_text:
                if mark == b"\\":
                    at = place + 2
                elif mark == b'"':
                    self._in_text = False
            elif mark == b'"':
                self._in_text = True
            elif mark in b"{[":
                self._depth += 1
                if self._depth == 2:
                    self._start = place
            elif mark in b"}]":
                self._depth -= 1
                if self._depth == 1 and self._start >= 0:
                    self.line += data.count(b"\n", 0, self._start)
                    yield JsonItem(self.line, data[self._start : at])
                    self.line += data.count(b"\n", self._start, at)
                    data, at, self._start = data[at:], 0, -1
                elif self._depth == 0:
                    self._closed = True
        at = max(at, len(data))
        if self._start < 0:
            self.line += data.count(b"\n")
            data, at = b"", at - len(data)
        elif len(data) > 2 * MAX_EVENT_BYTES:
            yield from self._too_long(data)
            data, at = b"", at - len(data)
        self._rest, self._at = data, at

    def _too_long(self, data: bytes) -> Iterator[JsonItem]:
        """Gives up an object that no event can be; its end is still looked for, its bytes are forgotten."""
        yield JsonItem(self.line, b"", "too_long")
        self.line += data.count(b"\n")
        self._start = -1
