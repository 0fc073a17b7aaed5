"""The change record: how the fold's rows travel to the store through the topic `dossier-changes`.

A batch of log records [from_offset, to_offset] of one partition becomes one or more change records with seq
0…n, the last one marked: positions advance on `last` only (decisions 17).
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from domain.instants import Millis

MAX_CHANGE_BYTES = 512 * 1024


class ChangeRecord(Struct, frozen=True):
    """One record of `dossier-changes`. `known_at` is the running maximum of append times up to `to_offset`;
    `clock` the greatest credible `occurred_at` (≤ known_at + 5 min) folded so far; `parts` maps a name of
    `rows.ROW_TYPES` to a JSON array of rows."""

    generation: int
    partition: int
    from_offset: int
    to_offset: int
    seq: int
    last: bool
    known_at: Millis
    clock: Millis
    log_id: str
    parts: dict[str, Raw]


_PIECE = 100
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(ChangeRecord)


def decode_change(value: bytes) -> ChangeRecord:
    """A change record from its bytes; parts stay raw. Raises msgspec.DecodeError for anything else."""
    try:
        return _decoder.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError("it is not valid JSON") from error


def pack(
    rows: Mapping[str, Sequence[Struct]],
    *,
    generation: int,
    partition: int,
    from_offset: int,
    to_offset: int,
    known_at: Millis,
    clock: Millis,
    log_id: str,
    first_seq: int = 0,
    whole: bool = True,
    limit: int = MAX_CHANGE_BYTES,
) -> Iterator[bytes]:
    """The change records of one batch, each at most about `limit` bytes, the last one marked.

    A batch without rows gives one empty record: the position must advance all the same. A slice of a larger
    batch is not `whole` and begins at `first_seq`.
    """
    boxes = list(_boxes(rows, limit)) or [{}]
    for place, parts in enumerate(boxes):
        yield _encode(
            ChangeRecord(
                generation=generation,
                partition=partition,
                from_offset=from_offset,
                to_offset=to_offset,
                seq=first_seq + place,
                last=whole and place == len(boxes) - 1,
                known_at=known_at,
                clock=clock,
                log_id=log_id,
                parts={name: Raw(b"[" + b",".join(values) + b"]") for name, values in parts.items()},
            )
        )


def _boxes(rows: Mapping[str, Sequence[Struct]], limit: int) -> Iterator[dict[str, list[bytes]]]:
    box: dict[str, list[bytes]] = {}
    size = 0
    for name, values in rows.items():
        for encoded in _pieces(values, limit):
            if size and size + len(encoded) > limit:
                yield box
                box, size = {}, 0
            box.setdefault(name, []).append(encoded)
            size += len(encoded) + 1
    if box:
        yield box


def _pieces(rows: Sequence[Struct], limit: int) -> Iterator[bytes]:
    """The rows as JSON in pieces of several, without the brackets: the fewer, the faster. One that comes out too
    large is halved, down to single rows."""
    for start in range(0, len(rows), _PIECE):
        waiting = [rows[start : start + _PIECE]]
        while waiting:
            piece = waiting.pop()
            encoded = _encode(piece)
            if len(encoded) > limit // 4 and len(piece) > 1:
                half = len(piece) // 2
                waiting += [piece[half:], piece[:half]]
            else:
                yield encoded[1:-1]
