"""Coverage-guided fuzzing (atheris) of everything that reads strange bytes; one process, the first byte chooses.

    python -m tests.fuzz.guided [TARGET] CORPUS -max_total_time=600 -rss_limit_mb=1500

What a target lets pass is an answer; anything else that is raised ends the process, and libFuzzer keeps the input.
Options after the folder are libFuzzer's.
"""

import contextlib
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["domain", "producers", "sinks.embedded", "api"]):
    from domain.blocks import split_block
    from domain.changes import decode_change
    from domain.errors import Gs766Error, InvalidEvent, InvalidInput, NewerEvent
    from domain.events import Event, decode_event, encode_event
    from domain.figure_tables import read_number
    from domain.instants import Zone, parse_rfc3339
    from domain.reference import check_document
    from producers.edge import Edge
    from producers.importing import run_import
    from producers.keys import IdentifierKeys
    from producers.mapping_file import load_mapping
    from producers.portal_wire import BadRecord, read_item
    from producers.sink import NullSink
    from sinks.embedded.blocks import skipper, split_blocks
    from sinks.embedded.errors import EngineError
    from sinks.embedded.protocol import read_hello, read_query
    from sinks.embedded.wire import read_frame, reader_of
    from tests.fuzz.test_spreadsheets import read as read_spreadsheet

import msgspec

ZONE = Zone("Asia/Ho_Chi_Minh")
EDGE = Edge(IdentifierKeys(None, ZONE, lambda: 0))
FOLDER = Path(tempfile.mkdtemp(prefix="gs766-guided-"))
CUT = (EngineError, EOFError, ValueError, struct.error, OverflowError)
"""What a connection answers to, or takes for a client that has gone (`NativeConnection.run`)."""
MAPPING = """
source = "/t"
zone = "Asia/Ho_Chi_Minh"
[rows]
subject = "code"
[[event]]
type = "accepted"
time = "accepted"
[event.data]
unit = "unit"
due_at = "due"
"""


def event(data: bytes) -> None:
    """One event: decoded, checked as a document, and written again to the same."""
    with contextlib.suppress(InvalidEvent, NewerEvent):
        found: Event = decode_event(data)
        if found.kind in ("calendar", "unit", "procedure"):
            check_document(found, ZONE)
        assert decode_event(encode_event(found)) == found


def block(data: bytes) -> None:
    """A record of the log."""
    with contextlib.suppress(InvalidEvent):
        split_block(data)


def change(data: bytes) -> None:
    """A change record."""
    with contextlib.suppress(InvalidEvent, Gs766Error, msgspec.DecodeError, ValueError):
        decode_change(data)


def wire_record(data: bytes) -> None:
    """An item of the portal push."""
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        item = msgspec.json.decode(data)
        with contextlib.suppress(BadRecord):
            read_item(item, ZONE)


def edge(data: bytes) -> None:
    """An event at the intake's edge."""
    with contextlib.suppress(InvalidEvent, NewerEvent):
        EDGE.admit(data, received_at_ms=1_788_000_000_000)


def lines(data: bytes) -> None:
    """A file of events, a line each, or one document."""
    path = FOLDER / "a.jsonl"
    path.write_bytes(data)
    with contextlib.suppress(InvalidInput):
        run_import("jsonl", [path], None, NullSink(), EDGE, dry_run=True)


def table(data: bytes) -> None:
    """A CSV file under a mapping."""
    path, mapping = FOLDER / "a.csv", FOLDER / "m.toml"
    path.write_bytes(data)
    with contextlib.suppress(InvalidInput):
        run_import("csv", [path], load_mapping(mapping, ZONE), NullSink(), EDGE, dry_run=True)


def spreadsheet(data: bytes) -> None:
    """A spreadsheet in any form."""
    read_spreadsheet(data)


def words(data: bytes) -> None:
    """Numbers, instants and types of columns, as text."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        read_number(text)
    with contextlib.suppress(ValueError, Gs766Error):
        parse_rfc3339(text)
    with contextlib.suppress(EngineError):
        skipper(text)


def native(data: bytes) -> None:
    """What a client says on the native port: hello, a query, blocks, compressed frames."""
    for read in (read_hello, lambda reader: read_query(reader, 54_460), read_frame):
        with contextlib.suppress(*CUT):
            read(reader_of(data))
    with contextlib.suppress(*CUT):
        split_blocks(data)


Target = Callable[[bytes], None]
TARGETS: tuple[Target, ...] = (
    event, block, change, wire_record, edge, lines, table, spreadsheet, words, native,
)  # fmt: skip
_EVENT = (
    b'{"specversion":"1.0","id":"1","source":"/s","type":"dossier.accepted","time":"2026-08-03T09:12:00+07:00",'
    b'"subject":"A","data":{"unit":"H44.100","due_at":"2026-08-10T17:00:00+07:00"}}'
)
SEEDS: dict[Target, bytes] = {
    event: _EVENT,
    block: b"[" + _EVENT + b"," + _EVENT + b"]",
    wire_record: b'{"MaHoSo":"H44.100-1","MaTTHC":"1.1","NgayTiepNhan":"20260803091200","TrangThaiHoSo":9}',
    edge: _EVENT,
    lines: _EVENT + b"\n" + _EVENT,
    table: b"code,accepted,unit,due\nA,2026-08-03 09:12,H44.100,2026-08-10\n",
    spreadsheet: "<html><table><tr><td>Mã hồ sơ</td><td>Ngày tiếp nhận</td></tr></table>".encode(),
    words: b"Array(Tuple(a LowCardinality(Nullable(String)), `b c` Decimal(38, 2)))",
    native: b"\x03abc\x01\x01\xbc\xa9\x03\x02db\x04user\x02pw",
}


def main() -> None:
    """Writes the seeds into the corpus and hands over to libFuzzer, which ends the process."""
    (FOLDER / "m.toml").write_text(MAPPING)
    load_mapping(FOLDER / "m.toml", ZONE)
    by_name = {target.__name__: target for target in TARGETS}
    arguments = sys.argv[1:]
    only = by_name.get(arguments[0]) if arguments else None
    folder, *options = arguments[1:] if only else arguments
    for target, seed in SEEDS.items():
        (Path(folder) / target.__name__).write_bytes(bytes([TARGETS.index(target)]) + seed)

    def one(data: bytes) -> None:
        target = only or TARGETS[data[0] % len(TARGETS)] if data else native
        target(data[1:])

    atheris.Setup([sys.argv[0], folder, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
