#!/usr/bin/env python3
"""Checks an evidence bundle of Giám Sát 766 offline: python3 -I verify_bundle.py BUNDLE.zip

What is proven: the events in the bundle stand in the sealed log, byte for byte, at the places and times named;
where completeness is claimed, no event of that subject up to the close is missing; the bundle is as it was made.
What is not proven: that the sources told the truth; and that the checkpoint is the one that everybody was shown.
For that, compare its number and hash with a copy held outside (--outside FILE), and the signing key with the one
published (--key HEX).

Exit 0 ĐẠT, 1 KHÔNG ĐẠT, 3 KHÔNG CHỨNG MINH ĐƯỢC.
"""

import argparse
import hashlib
import io
import json
import struct
import sys
import uuid
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

FORMAT = "gs766-bundle-1"
BUNDLE_PREFIX = b"gs766-bundle-1\n"
CHECKPOINT_PREFIX = b"gs766-checkpoint-1\n"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
LONGEST_KEY = 480


class Wrong(Exception):
    """Something in the bundle is not what it must be."""


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


# ---- Ed25519 (RFC 8032), verification only

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    found: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point = _add(point, point)
        scalar >>= 1
    return found


def _x_of(y: int, sign: int) -> int:
    if y >= _P:
        raise Wrong("not a point of the curve")
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if square == 0:
        if sign:
            raise Wrong("not a point of the curve")
        return 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        raise Wrong("not a point of the curve")
    return _P - x if x & 1 != sign else x


def _point(data: bytes) -> _Point:
    number = int.from_bytes(data, "little")
    y = number & (1 << 255) - 1
    x = _x_of(y, number >> 255)
    return x, y, 1, x * y % _P


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE: _Point = (_x_of(_BASE_Y, 0), _BASE_Y, 1, _x_of(_BASE_Y, 0) * _BASE_Y % _P)


def is_signed(key: str, signature: str, message: bytes) -> bool:
    """Whether the signature (hexadecimal) is that public key's over the message."""
    try:
        public, sign = bytes.fromhex(key), bytes.fromhex(signature)
        if len(public) != 32 or len(sign) != 64 or key != key.lower() or signature != signature.lower():
            return False
        a, r = _point(public), _point(sign[:32])
    except (ValueError, Wrong):
        return False
    s = int.from_bytes(sign[32:], "little")
    if s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(sign[:32] + public + message).digest(), "little") % _L
    left, right = _times(s, _BASE), _add(r, _times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % _P == 0


# ---- Merkle trees (RFC 9162)


def node_hash(left: bytes, right: bytes) -> bytes:
    """An inner node."""
    return sha256(b"\x01" + left + right)


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to, None when it is none (§2.1.3.2)."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


# ---- what is sealed


def leaf_hash(
    log_id: str, partition: int, offset: int, index: int, count: int, known_at: int, event: bytes
) -> bytes:
    """The leaf of one event."""
    head = struct.pack(">c16sIQ", b"\x00", uuid.UUID(log_id).bytes, partition, offset)
    return sha256(head + struct.pack(">IIq", index, count, known_at) + sha256(event))


def subject_key(event: bytes) -> bytes:
    """Kind and subject of an event."""
    try:
        found = json.loads(event)
        kind, subject = found["type"].partition(".")[0], found["subject"]
        if not found["type"] or not subject:
            return b"\x00"
        key: bytes = f"{kind}\0{subject}".encode("utf-8", "surrogatepass")
    except (ValueError, KeyError, TypeError, AttributeError):
        return b"\x00"
    return key if len(key) <= LONGEST_KEY else b"\x01" + sha256(key)


def entry_hash(key: bytes, leaves: Sequence[bytes]) -> bytes:
    """A subject's entry in a close, from the leaves of all its events in order."""
    chain = sha256(b"\x02" + key)
    for leaf in leaves:
        chain = sha256(b"\x03" + chain + leaf)
    return sha256(b"\x00" + struct.pack(">H", len(key)) + key + struct.pack(">Q", len(leaves)) + chain)


# ---- the file


def canonical_zip(files: Mapping[str, bytes]) -> bytes:
    """The one ZIP of these files: stored, sorted by name, without times; nothing else is accepted."""
    body, directory = b"", b""
    for name in sorted(files):
        data, encoded = files[name], name.encode()
        fixed = struct.pack(
            "<HHHHHIIIHH", 20, 0x800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(encoded), 0
        )
        directory += b"PK\x01\x02\x14\x00" + fixed + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + encoded
        body += b"PK\x03\x04" + fixed + encoded + data
    count = len(files)
    return (
        body
        + directory
        + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    )


def read_zip(data: bytes) -> dict[str, bytes]:
    """The files of a bundle; Wrong when it is not the canonical ZIP of them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception as error:
        raise Wrong(f"the file is damaged ({type(error).__name__})") from None
    if canonical_zip(files) != data:
        raise Wrong("the file is not as it was made: bytes were changed or added")
    return files


def canonical_json(value: Any) -> bytes:
    """The one text of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Checked:
    """What a bundle proves, once checked."""

    def __init__(self) -> None:
        self.manifest: dict[str, Any] = {}
        self.checkpoints: dict[int, tuple[dict[str, Any], str]] = {}
        self.events = 0
        self.complete: list[str] = []
        self.newest = 0
        self.key = ""


def check_bundle(data: bytes) -> Checked:
    """Checks everything; Wrong says what does not hold."""
    try:
        return _check(read_zip(data))
    except Wrong:
        raise
    except Exception as error:
        raise Wrong(f"the bundle is not understood ({type(error).__name__}: {error})") from None


def _check(files: Mapping[str, bytes]) -> Checked:
    found = Checked()
    for name in (MANIFEST, SIGNATURE, "checkpoints.json", "events.json", "completeness.json"):
        if name not in files:
            raise Wrong(f"{name} is missing")
    manifest = json.loads(files[MANIFEST])
    if manifest.get("format") != FORMAT or canonical_json(manifest) != files[MANIFEST]:
        raise Wrong("the manifest is not of this format")
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    del listed[MANIFEST], listed[SIGNATURE]
    if manifest["files"] != listed:
        odd = sorted(n for n in {*listed, *manifest["files"]} if listed.get(n) != manifest["files"].get(n))
        raise Wrong(f"not what the manifest lists: {', '.join(odd)}")
    found.manifest = manifest
    _check_checkpoints(json.loads(files["checkpoints.json"]), found)
    newest = found.checkpoints[found.newest][0]
    if manifest["key"] not in newest["keys"]:
        raise Wrong("the manifest is signed by a key that the newest checkpoint does not name")
    signature = files[SIGNATURE].decode("ascii")
    if not is_signed(manifest["key"], signature, BUNDLE_PREFIX + files[MANIFEST]):
        raise Wrong("the manifest's signature is not right")
    leaves = _check_events(json.loads(files["events.json"]), newest, found)
    for claim in json.loads(files["completeness.json"]):
        _check_complete(claim, leaves, found)
    return found


def _check_checkpoints(signed: Sequence[Mapping[str, str]], found: Checked) -> None:
    for one in signed:
        body = one["body"].encode()
        checkpoint = json.loads(body)
        if canonical_json(checkpoint) != body or checkpoint["format"] != "gs766-checkpoint-1":
            raise Wrong("a checkpoint is not of this format")
        if checkpoint["key"] not in checkpoint["keys"]:
            raise Wrong(f"checkpoint {checkpoint['number']} does not name the key that signs it")
        if not is_signed(checkpoint["key"], one["signature"], CHECKPOINT_PREFIX + body):
            raise Wrong(f"checkpoint {checkpoint['number']}: its signature is not right")
        found.checkpoints[checkpoint["number"]] = checkpoint, hashlib.sha256(body).hexdigest()
    if not found.checkpoints:
        raise Wrong("there is no checkpoint")
    found.newest = max(found.checkpoints)
    found.key = found.checkpoints[found.newest][0]["key"]


def _check_events(
    events: Sequence[Mapping[str, Any]], newest: Mapping[str, Any], found: Checked
) -> dict[tuple[str, int], list[tuple[int, bytes, bytes]]]:
    """By log and partition: (leaf index, key of the subject, leaf), in order, all proven."""
    heads = {(t["log"], t["partition"]): t for t in newest["trees"]}
    leaves: dict[tuple[str, int], list[tuple[int, bytes, bytes]]] = {}
    for event in events:
        place = event["log"], event["partition"]
        head = heads.get(place)
        where = f"{event['log']} {event['partition']}:{event['offset']}:{event['index']}"
        if head is None:
            raise Wrong(f"{where}: the checkpoint does not seal that partition")
        raw = event["event"].encode("utf-8", "surrogatepass")
        leaf = leaf_hash(
            head["log_id"],
            event["partition"],
            event["offset"],
            event["index"],
            event["count"],
            event["known_at"],
            raw,
        )
        root = root_from_inclusion(leaf, event["leaf"], head["size"], [bytes.fromhex(h) for h in event["path"]])
        if root is None or root.hex() != head["root"]:
            raise Wrong(f"{where}: the event is not what was sealed there")
        leaves.setdefault(place, []).append((event["leaf"], subject_key(raw), leaf))
        found.events += 1
    for listed in leaves.values():
        listed.sort()
        if len({number for number, _, _ in listed}) != len(listed):
            raise Wrong("an event stands in the bundle twice")
    return leaves


def _check_complete(
    claim: Mapping[str, Any], leaves: Mapping[tuple[str, int], Sequence[tuple[int, bytes, bytes]]], found: Checked
) -> None:
    place, number = (claim["log"], claim["partition"]), claim["checkpoint"]
    subject = f"{claim['kind']} {claim['subject']}"
    if number not in found.checkpoints:
        raise Wrong(f"the checkpoint {number} that closes {subject} is missing")
    close = next(
        (
            c
            for c in found.checkpoints[number][0]["closes"]
            if (c["log"], c["partition"], c["size"]) == (*place, claim["size"])
        ),
        None,
    )
    if close is None:
        raise Wrong(f"checkpoint {number} has no such close of {subject}")
    key = f"{claim['kind']}\0{claim['subject']}".encode("utf-8", "surrogatepass")
    key = key if len(key) <= LONGEST_KEY else b"\x01" + sha256(key)
    mine = [leaf for at, owner, leaf in leaves.get(place, ()) if owner == key and at < claim["size"]]
    path = [bytes.fromhex(h) for h in claim["path"]]
    root = root_from_inclusion(entry_hash(key, mine), claim["place"], close["subjects"], path)
    if root is None or root.hex() != close["root"]:
        raise Wrong(f"the events of {subject} up to {close['day']} are not all here, or not only these")
    found.complete.append(f"{subject}: {len(mine)} sự kiện đến hết {close['day']}")


def check_outside(found: Checked, lines: bytes) -> bool:
    """Whether a copy of the checkpoints held outside has the same ones; Wrong when it has others."""
    same = False
    for line in lines.splitlines():
        body = json.loads(line)["body"]
        number = json.loads(body)["number"]
        if number in found.checkpoints:
            if hashlib.sha256(body.encode()).hexdigest() != found.checkpoints[number][1]:
                raise Wrong(f"the copy outside has another checkpoint {number}: two histories were shown")
            same = same or number == found.newest
    return same


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Kiểm tra gói chứng cứ của Giám Sát 766, không cần mạng.")
    parser.add_argument("bundle")
    parser.add_argument("--outside", help="bản sao các mốc niêm phong do bên ngoài giữ (checkpoints.jsonl)")
    parser.add_argument("--key", help="khóa công khai đã công bố (64 ký tự thập lục phân)")
    given = parser.parse_args()
    try:
        with open(given.bundle, "rb") as file:
            found = check_bundle(file.read())
        if given.key is not None and given.key.lower() != found.key:
            raise Wrong(f"signed by the key {found.key}, not by the one given")
        held = None
        if given.outside is not None:
            with open(given.outside, "rb") as file:
                held = check_outside(found, file.read())
    except (Wrong, OSError, ValueError, KeyError) as error:
        print(f"KHÔNG ĐẠT: {error}")
        return 1
    print(f"Gói: {found.manifest['kind']} {found.manifest['about']}, lập lúc {found.manifest['made_at']}")
    print(f"Mốc niêm phong {found.newest}: {found.checkpoints[found.newest][1]}")
    print(f"Khóa ký: {found.key}")
    print(f"Sự kiện đã chứng minh: {found.events}")
    for line in found.complete:
        print(f"Đầy đủ: {line}")
    if held is False:
        print("KHÔNG CHỨNG MINH ĐƯỢC: bản sao bên ngoài chưa có mốc niêm phong này")
        return 3
    if held is None:
        print("Chưa đối chiếu với bản sao bên ngoài (--outside): so số và mã của mốc niêm phong với nơi giữ nó.")
    print("ĐẠT")
    return 0


if __name__ == "__main__":
    sys.exit(main())
