"""Compressed HTTP bodies: what Content-Encoding may name, and ClickHouse's own frames."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from sinks.embedded import wire
from sinks.embedded.errors import TOO_LARGE_BODY, EngineError

OFFERED = ("zstd", "lz4", "gzip", "deflate")
"""What an answer may be packed in, the preferred first."""
Encoder = Callable[[Iterable[bytes]], Iterator[bytes]]


def chosen(accepted: str) -> str:
    """The encoding for an Accept-Encoding header; nothing if none of ours is in it."""
    named = [part.strip().partition(";") for part in accepted.lower().split(",")]
    wanted = {name.strip() for name, _, weight in named if weight.replace(" ", "") not in ("q=0", "q=0.0")}
    return next((name for name in OFFERED if name in wanted), "")


def encoder(name: str) -> Encoder:
    """Packs pieces one by one into one stream of the encoding `name`; nothing: leaves them as they are."""
    if not name:
        return iter
    if name == "lz4":
        return _lz4
    return lambda pieces: _packed(pieces, _compressor(name))


def _compressor(name: str) -> Any:
    if name == "zstd":
        return zstandard.ZstdCompressor(level=1).compressobj()
    return zlib.compressobj(3, wbits=31 if name == "gzip" else 15)


def _packed(pieces: Iterable[bytes], compressor: Any) -> Iterator[bytes]:
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _lz4(pieces: Iterable[bytes]) -> Iterator[bytes]:
    with lz4.frame.LZ4FrameCompressor() as compressor:
        yield compressor.begin()
        for piece in pieces:
            yield compressor.compress(piece)
        yield compressor.flush()


def framed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces in ClickHouse's own compressed frames, as `compress=1` asks."""
    for piece in pieces:
        yield wire.frames(piece, wire.LZ4)


def unpacked(body: bytes, name: str, limit: int) -> bytes:
    """A body without its Content-Encoding; raises for one that is unknown, broken or larger than `limit`."""
    try:
        if name in ("", "identity"):
            return body
        if name in ("gzip", "deflate"):
            opener = zlib.decompressobj(wbits=31 if name == "gzip" else 15)
            plain, whole = opener.decompress(body, limit + 1), opener.eof
        elif name == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(body) as reader:
                plain, whole = reader.read(limit + 1), True
        elif name == "lz4":
            opened = lz4.frame.LZ4FrameDecompressor()
            plain, whole = opened.decompress(body, max_length=limit + 1), opened.eof
        else:
            raise EngineError(
                TOO_LARGE_BODY, f"Content-Encoding {name} is not supported; {', '.join(OFFERED)} are"
            )
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError) as exc:
        raise EngineError(TOO_LARGE_BODY, f"The request's body is no {name}: {exc}") from None
    if len(plain) > limit or not whole:
        raise EngineError(
            TOO_LARGE_BODY, f"The request's body may have {limit} bytes, unpacked, and must be whole"
        )
    return plain


def unframed(body: bytes, limit: int) -> bytes:
    """A body in ClickHouse's own frames, as `decompress=1` says."""
    reader, plain = wire.reader_of(body), bytearray()
    while reader.more():
        plain += wire.read_frame(reader)[1]
        if len(plain) > limit:
            raise EngineError(TOO_LARGE_BODY, f"The request's body may have {limit} bytes, unpacked")
    return bytes(plain)
