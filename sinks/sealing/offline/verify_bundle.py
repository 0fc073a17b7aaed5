#!/usr/bin/env python3
"""Checks an evidence bundle of Giám Sát 766 offline: python3 -I verify_bundle.py BUNDLE.zip

What is proven: the events in the bundle stand in the sealed log, byte for byte, at the places and times named;
where completeness is claimed, no event of that subject up to the close is missing; the bundle is as it was made.
What is not proven: that the sources told the truth; and that the checkpoint is the one that everybody was shown.
For that, compare its number and hash with a copy held outside (--outside FILE), the signing key with the one
published (--key HEX), and ask for a second authority's signature (--witness HEX). A figure is counted again from
its dossiers, or from those that its commitment and the checkpoint draw; that none was left out is not proven.

Exit 0 ĐẠT, 1 KHÔNG ĐẠT, 3 KHÔNG CHỨNG MINH ĐƯỢC.
"""

import argparse
import hashlib
import io
import json
import re
import struct
import sys
import uuid
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

FORMAT = "gs766-bundle-1"
BUNDLE_PREFIX = b"gs766-bundle-1\n"
CHECKPOINT_PREFIX = b"gs766-checkpoint-1\n"
KINDS = {
    "dossier": "hồ sơ",
    "figure": "số liệu",
    "alerts": "cảnh báo",
    "report": "báo cáo",
    "answer": "câu trả lời",
}
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
        self.bodies: dict[int, bytes] = {}
        self.witnesses: list[tuple[int, str, str]] = []
        self.said: list[str] = []
        self.unproven: list[str] = []
        self.named = self.read_again = self.stated = self.by_limit = self.refused = 0


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
    events = json.loads(files["events.json"])
    leaves = _check_events(events, newest, found)
    for claim in json.loads(files["completeness.json"]):
        _check_complete(claim, leaves, found)
    _check_witnesses(files, found)
    _check_kind(files, events, found)
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
        found.bodies[checkpoint["number"]] = body
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


# ---- a dossier's own events, read a second time (independently of the product's code)

HOW = {"finished": 6, "returned": 7, "withdrawn": 8, "stopped": 9, "rejected": 10}
RANK = {
    "submitted": 0,
    "accepted": 1,
    "due_date_moved": 2,
    "step_started": 3,
    "step_completed": 3,
    "supplement_requested": 4,
    "payment_requested": 4,
    "supplement_received": 5,
    "fee_paid": 5,
    **HOW,
    "reopened": 11,
    "transferred": 12,
}
WITHOUT_EFFECT = {"apology_sent", "components_recorded", "identity_verified", "synced", "rated", "complained"}


def millis(text: str) -> int:
    """An RFC 3339 instant in milliseconds."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    # `datetime.UTC` would need Python 3.11: an auditor's machine may be older.
    return (found - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)  # noqa: UP017


class Unread(Exception):
    """Events that this short reading does not cover: whole records, corrections under one id."""


def replayed(texts: Sequence[str]) -> tuple[list[Any], list[Any], list[Any], list[Any]] | None:
    """Stays, supplements, payments and due dates as the events alone tell them; None for a dossier that was never
    accepted. Unread for what needs the product itself (whole records of a source, several contents of one id)."""
    events = _in_order(texts, {*RANK, *WITHOUT_EFFECT})
    accepted: int | None = None
    dues: list[list[int]] = []
    supplements: list[list[Any]] = []
    payments: list[list[Any]] = []
    fallback: int | None = None
    segments: list[dict[str, Any]] = [{"start": None, "ends": []}]

    def due(at: int, text: Any) -> None:
        if text is not None and not (dues and dues[-1][1] == millis(text)):
            dues.append([at, millis(text)])

    def ended(segment: dict[str, Any]) -> bool:
        return bool(segment["ends"])

    for at, verb, data in events:
        if verb in ("submitted", "accepted"):
            due(at, data.get("due_at"))
            if verb == "accepted" and accepted is None:
                accepted = segments[0]["start"] = at
        elif verb in ("supplement_requested", "supplement_received", "due_date_moved"):
            before = dues[-1][1] if dues else None
            if verb == "due_date_moved":
                if before is None and data.get("from") is not None:
                    fallback = millis(data["from"])
                due(at, data.get("to"))
            elif verb == "supplement_requested":
                due(at, data.get("due_after"))
                supplements.append([at, None, False])
            elif any(p[1] is None for p in supplements):
                after = data.get("due_after")
                shifted = after is not None and before is not None and millis(after) > before
                due(at, after)
                supplements = [p if p[1] is not None else [p[0], at, shifted] for p in supplements]
        elif verb == "payment_requested":
            payments.append([at, None, False])
        elif verb == "fee_paid":
            payments = [p if p[1] is not None else [p[0], at, False] for p in payments]
        elif verb in HOW:
            if verb in ("finished", "returned") or accepted is not None:
                segments[-1]["ends"].append((min(HOW[verb], 8), len(segments[-1]["ends"]), at, verb))
        elif verb == "reopened" and accepted is not None and ended(segments[-1]):
            segments.append({"start": at, "ends": []})
    if accepted is None:
        return None
    if fallback is not None and not (dues and dues[0][0] <= accepted):
        dues = [[accepted, fallback], *dues]
    return _stays(accepted, segments), supplements, payments, sorted(dues, key=lambda d: d[0])


def _in_order(texts: Sequence[str], verbs: Collection[str]) -> list[tuple[int, str, Mapping[str, Any]]]:
    known: dict[tuple[str, str], tuple[Any, ...]] = {}
    for text in texts:
        event = json.loads(text)
        verb = event["type"].partition(".")[2]
        if event.get("dataversion", 1) not in (1, "1") or verb not in verbs:
            raise Unread
        at = millis(event["time"])
        recorded = millis(event["recordedtime"]) if event.get("recordedtime") else at
        data = event.get("data", {})
        name = (event["source"], event["id"])
        rank = RANK.get(verb, 13) if event["type"].startswith("dossier.") else 13
        found = (at, rank, recorded, *name, verb, data)
        old = known.get(name)
        if old is not None and (old[0], old[5], old[6]) != (at, verb, data):
            raise Unread
        if old is None or recorded < old[2]:
            known[name] = found
    return [(e[0], e[5], e[6]) for e in sorted(known.values(), key=lambda e: e[:5])]


def _stays(accepted: int, segments: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """The first `finished` ends a stay, else the first `returned`, else the first of the others; an end before
    the beginning is put to it."""
    stays: list[list[Any]] = []
    for n, segment in enumerate(segments):
        start = accepted if n == 0 else max(segment["start"], stays[-1][1])
        if not segment["ends"]:
            stays.append([start, None, ""])
            break
        _, _, at, how = min(segment["ends"])
        stays.append([start, max(start, at), how])
    return stays


# ---- counting, from a dossier's timeline, in the plainest way: one dossier, one period


def quantities(timeline: Sequence[Any], start: int, until: int, family: str, offset: int) -> dict[str, int]:
    """What one dossier adds to each quantity in [start, until) under a rule family; `offset` is the province's, in
    milliseconds east of UTC. The timeline's members stand as in `ho_so` of so_lieu.json."""
    stays, stopped_open, attributes, unhappy = timeline[0], timeline[1], timeline[6], timeline[8]
    usual = stays
    if family == "06a-stopped-open" and stopped_open is not None:
        stays = stopped_open
    held = attributes_held([name for name, _ in attributes], timeline[7])
    here = any(s[0] < until and (s[1] is None or s[1] >= start) for s in stays)
    here_usual = any(s[0] < until and (s[1] is None or s[1] >= start) for s in usual)
    last = [s for s in stays if s[0] < until][-1] if here else None
    is_open = here and last is not None and (last[1] is None or last[1] >= until)
    moment = until - 1 if is_open or last is None else last[1]
    how = None if is_open or last is None else last[2]
    late = here and is_late(timeline, family, moment, how, offset)
    accepted = bool(usual) and start <= usual[0][0] < until
    ended = bool(usual) and usual[-1][1] is not None and start <= usual[-1][1] < until
    found = {
        "received": here,
        "carried": any(s[0] < start and (s[1] is None or s[1] >= start) for s in stays),
        "accepted": accepted,
        "accepted_per_portal": accepted,
        "accepted_online": accepted and "online" in held,
        "done": here and not is_open,
        "done_ok": here and not is_open and not late,
        "done_late": here and not is_open and late,
        "open": is_open,
        "open_late": is_open and late,
        "satisfied": here and not late and not unhappy,
    }
    for name in ATTRIBUTES:
        found["acc:" + name] = accepted and name in held
        found["end:" + name] = ended and name in held
        found["hand:" + name] = here_usual and name in held
    return {name: int(value) for name, value in found.items()}


ATTRIBUTES = "online payable paid_online result_due result digitised reused store citizen_data synced".split()


def attributes_held(names: Collection[str], result_due: bool) -> set[str]:
    """The attributes that count, from those stated: a result only where one is due, and so on."""
    found = set(names)
    if result_due:
        found.add("result_due")
    else:
        found.discard("result")
    if "component" in found and ("result" in found or not result_due):
        found.add("digitised")
    if "payable" not in found:
        found.discard("paid_online")
    return found


def is_late(timeline: Sequence[Any], family: str, t: int, how: str | None, offset: int) -> bool:
    """Late at an instant: by the hour with credit for supplements (766 and its kin), or by the date (06a)."""
    supplements, payments, dues = timeline[2], timeline[3], timeline[4]
    said = [d for d in dues if d[0] <= t]
    due: int | None = said[-1][1] if said else None
    if family == "orig" and said:
        due = timeline[5]
    if due is None:
        return False
    if family.startswith("06a"):
        if how == "withdrawn":
            return False
        if how is None and any(p[0] <= t and (p[1] is None or p[1] > t) for p in [*supplements, *payments]):
            return False
        return (t + offset) // DAY > (due + offset) // DAY
    begun = [p for p in supplements if p[0] <= t]
    if len(begun) >= 2:
        return True
    end, credit = t, 0
    for pause in begun:
        if pause[1] is None or pause[1] > t:
            end = pause[0] if how is None else t
        elif not (pause[2] and family == "766-shift"):
            credit += pause[1] - pause[0]
    return end - credit > due


DAY = 86_400_000
SMALLEST_SAMPLE = 50


# ---- a figure: its dossiers, or a commitment to them and a sample nobody could choose


def row_hash(row: Sequence[Any]) -> bytes:
    """The leaf of a dossier: [code, numerator, denominator, timeline]."""
    return sha256(b"\x00" + canonical_json(row))


Summed = tuple[bytes, int, int]


def join(left: Summed, right: Summed) -> Summed:
    """An inner node of the tree of sums: it holds the hashes and the sums of both halves."""
    body = b"\x01" + left[0] + right[0] + struct.pack(">qqqq", left[1], left[2], right[1], right[2])
    return sha256(body), left[1] + right[1], left[2] + right[2]


def sum_levels(leaves: Sequence[Summed]) -> list[list[Summed]]:
    """The tree of sums, from the leaves to the root; a node without a neighbour rises as it is."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([join(row[n], row[n + 1]) if n + 1 < len(row) else row[n] for n in range(0, len(row), 2)])
    return levels


def sum_path(levels: Sequence[Sequence[Summed]], at: int) -> list[list[Any]]:
    """The neighbours from a leaf to the root."""
    path = []
    for row in levels[:-1]:
        if at ^ 1 < len(row):
            beside = row[at ^ 1]
            path.append([beside[0].hex(), beside[1], beside[2]])
        at >>= 1
    return path


def _risen(node: Summed, at: int, size: int, path: Sequence[Sequence[Any]]) -> Any:
    rest = [(bytes.fromhex(h), int(n), int(d)) for h, n, d in path]
    while size > 1:
        if at ^ 1 < size:
            beside = rest.pop(0)
            node = join(beside, node) if at & 1 else join(node, beside)
        at, size = at >> 1, (size + 1) >> 1
    if rest:
        raise Wrong("a path of the tree of sums is too long")
    return node


def drawn(root: str, checkpoint: str, count: int, size: int) -> list[int]:
    """Which dossiers a sample holds: it follows from the commitment and the checkpoint, so nobody can choose."""
    if count <= size:
        return list(range(count))
    found: set[int] = set()
    n = 0
    while len(found) < size:
        seed = b"gs766-sample-1\n" + bytes.fromhex(root) + bytes.fromhex(checkpoint)
        number = sha256(seed + struct.pack(">I", n))
        found.add(int.from_bytes(number, "big") % count)
        n += 1
    return sorted(found)


Texts = Mapping[tuple[str, str], Sequence[str]]
"""The exact texts of the events that count, by kind and subject."""
BASES = {"dossiers": "hồ sơ", "petitions": "phản ánh", "procedures": "thủ tục", "services": "dịch vụ",
         "announcements": "thủ tục", "contents": "thủ tục", "communes": "xã"}  # fmt: skip


def _check_figure(figure: Mapping[str, Any], events: Sequence[Mapping[str, Any]], found: Checked) -> None:
    basis = figure.get("basis", "dossiers")
    if basis == "portal":
        _check_portal(figure, events, found)
        return
    if basis not in BASES:
        raise Wrong(f"a figure of '{basis}' is not known to this verifier: take a newer one")
    count, rows = figure["count"], figure["rows"]
    if figure["sample"] < SMALLEST_SAMPLE:
        raise Wrong(f"a sample of {figure['sample']} dossiers says too little")
    wanted = drawn(figure["root"], found.checkpoints[found.newest][1], count, figure["sample"])
    if [row["at"] for row in rows] != wanted:
        raise Wrong("the dossiers shown are not those that the commitment and the checkpoint draw")
    total = figure["numerator"], figure.get("counted_denominator", figure["denominator"])
    refused = {(p, o, i) for row in rows for p, o, i in row.get("refused", ())}
    texts = _texts(events, refused, figure["known_at"], found)
    leaves = []
    for row in rows:
        told = row["timeline"] if basis == "dossiers" else row["told"]
        leaf = row_hash([row["code"], row["n"], row["d"], told]), row["n"], row["d"]
        leaves.append(leaf)
        if len(wanted) < count:
            root, *sums = _risen(leaf, row["at"], count, row["path"])
            if root.hex() != figure["root"] or tuple(sums) != total:
                raise Wrong(f"{row['code']} is not in the commitment, or the sums there are not the figure's")
        if basis == "dossiers":
            _check_share(figure, row, texts.get(("dossier", row["code"]), []), found)
        else:
            _check_counted(basis, figure, row, texts, found)
    if len(wanted) == count:
        root, *sums = sum_levels(leaves)[-1][0] if leaves else (sha256(b""), 0, 0)
        if root.hex() != figure["root"] or tuple(sums) != total:
            raise Wrong("numerator and denominator are not the sums over the dossiers")
    if len({row["code"] for row in rows}) != len(rows):
        raise Wrong("a dossier is counted twice")
    _check_documents(figure, texts, found)
    total = figure["numerator"], figure["denominator"]
    whole = "tất cả" if len(wanted) == count else f"mẫu {len(wanted)} trong"
    found.said.append(
        f"Số liệu {figure['indicator']}: {total[0]}/{total[1]}, tính lại từ {whole} {count} {BASES[basis]} "
        f"({found.read_again} {BASES[basis]} đọc lại độc lập từ chính sự kiện, "
        f"{found.stated} theo diễn tiến đã nêu)"
    )


TOLD = {"unit.national_report_received": "fact:national_report_accepted",
        "unit.portal_figures_received": "accepted_per_portal"}  # fmt: skip
"""Which documents tell how many were accepted, and the quantity in whose place what they tell stands."""


def _check_documents(figure: Mapping[str, Any], texts: Texts, found: Checked) -> None:
    """The denominator is the larger of what documents told of that unit and period before the instant named; the
    last of each kind counts, and where the portal told nothing, what was counted stands in its place."""
    asked = figure.get("documents")
    if asked is None:
        if "counted_denominator" in figure:
            raise Wrong("nothing says which documents the denominator rests on")
        return
    mine = [t for t in texts.get(("unit", figure["unit"]), ()) if json.loads(t)["type"] in TOLD]
    counted = figure["counted_denominator"]
    known: dict[str, Any] = dict.fromkeys(asked["largest"]) | {"accepted_per_portal": counted}
    try:
        history = _in_order(mine, {name.partition(".")[2] for name in TOLD})
    except Unread:
        found.unproven.append(f"{figure['indicator']}: its documents were corrected under one id")
        return
    year = figure.get("last_year")
    if year is not None:
        known["accepted_per_portal"] = 0
    told, before = 0, dict[str, Any]()
    for at, verb, data in history:
        accepted = data.get("figures", {}).get("accepted")
        if at >= asked["before"] or accepted is None:
            continue
        if data.get("period") == asked["period"]:
            known[TOLD[f"unit.{verb}"]] = accepted
            told += 1
        elif year is not None and data.get("period") == year["period"]:
            before[TOLD[f"unit.{verb}"]] = accepted
    if year is not None:
        _check_last_year(figure, year, known, before, found)
        return
    largest = max(known[name] for name in asked["largest"] if known[name] is not None)
    if largest != figure["denominator"]:
        raise Wrong(f"the documents and the count come to {largest}, not to {figure['denominator']} as stated")
    found.said.append(f"Mẫu số là số lớn nhất trong {told} văn bản đã nhận và số đếm {counted} của ta")


def _check_last_year(
    figure: Mapping[str, Any],
    year: Mapping[str, Any],
    known: Mapping[str, Any],
    before: Mapping[str, Any],
    found: Checked,
) -> None:
    """Where neither documents nor the count know of anything accepted in the period, the denominator is a share of
    last year's: what documents told of that year, else the dossiers counted."""
    period = figure["documents"]["period"]
    if any(known[name] for name in figure["documents"]["largest"]):
        raise Wrong(f"a document tells of {period} itself: last year does not count")
    shape = re.fullmatch(r"(\d{4})(-\d\d|-Q\d)?", period)
    if shape is None:
        raise Wrong(f"{period} is no share of a year")
    last, parts = int(shape[1]) - 1, {"": 1, "-Q": 4}.get((shape[2] or "")[:2], 12)
    if (year["period"], year["parts"]) != (str(last), parts):
        raise Wrong(f"{period} is 1/{parts} of {last}, not 1/{year['parts']} of {year['period']}")
    for name, number in (("start", last), ("until", last + 1)):
        midnight = millis(f"{number:04d}-01-01T00:00:00Z") - figure["utc_offset_ms"]
        if abs(year[name] - midnight) > CLOCK_CHANGES:
            raise Wrong(f"{name} of {last} is not where that year begins or ends")
    counted = figure["counted_denominator"]
    share = (max(before.values(), default=0) or counted) / parts
    if share != figure["denominator"]:
        raise Wrong(f"1/{parts} of {last} comes to {share}, not to {figure['denominator']} as stated")
    basis = (
        f"{len(before)} văn bản về năm {last}" if any(before.values()) else f"{counted} hồ sơ đếm được năm {last}"
    )
    found.said.append(
        f"Mẫu số là 1/{parts} số tiếp nhận năm {last}, theo {basis}: không văn bản nào trong gói nói kỳ {period} "
        "có tiếp nhận. Gói không chứng minh được rằng không hồ sơ nào được tiếp nhận trong kỳ."
    )


CLOCK_CHANGES = 3 * 3_600_000


def _texts(
    events: Sequence[Mapping[str, Any]], refused: Collection[Any], known_at: int | None, found: Checked
) -> Texts:
    texts: dict[tuple[str, str], list[str]] = {}
    for event in events:
        if (event["partition"], event["offset"], event["index"]) in refused:
            found.refused += 1
            continue
        if known_at is not None and event["known_at"] >= known_at:
            continue
        kind, _, subject = subject_key(event["event"].encode("utf-8", "surrogatepass")).partition(b"\0")
        if event["log"] == "dossier-events" and subject:
            key = kind.decode("utf-8", "surrogatepass"), subject.decode("utf-8", "surrogatepass")
            texts.setdefault(key, []).append(event["event"])
    return texts


def _check_share(figure: Mapping[str, Any], row: Mapping[str, Any], texts: Sequence[str], found: Checked) -> None:
    code, timeline = row["code"], row["timeline"]
    if not texts:
        raise Wrong(f"{code}: its events are not in the bundle")
    _check_timeline(code, timeline, texts, found)
    shares = []
    for part, span in (("numerator", figure), ("denominator", figure.get("last_year", figure))):
        one = quantities(timeline, span["start"], span["until"], figure["family"], figure["utc_offset_ms"])
        shares.append(sum(sign * one[name] for sign, name in figure["parts"][part]))
    if shares != [row["n"], row["d"]]:
        raise Wrong(f"{code} adds {shares[0]}/{shares[1]}, not {row['n']}/{row['d']} as stated")


def _check_timeline(code: str, timeline: Sequence[Any], texts: Sequence[str], found: Checked) -> None:
    """The timeline is what the events tell; where this reading does not reach, each of its instants stands in an
    event of the dossier."""
    try:
        told = replayed(texts)
    except Unread:
        known = {millis(t) for t in _instants([json.loads(text) for text in texts])}
        used = [t for s in timeline[0] for t in s[:2]] + [t for p in timeline[2] for t in p[:2]]
        if any(t is not None and t not in known for t in used):
            raise Wrong(f"{code}: an instant of its timeline stands in none of its events") from None
        found.stated += 1
        return
    if told is None:
        if timeline[0]:
            raise Wrong(f"{code}: no event tells that it was accepted")
        found.read_again += 1
        return
    stays, supplements, payments, dues = told
    stated = [list(d) for d in timeline[4]]
    if stated != dues and stated and stated[1:] == dues and stated[0][0] == stays[0][0]:
        found.by_limit += 1  # no source stated a due date by acceptance: the procedure's limit gave the first
        dues = stated
    same = [list(s) for s in timeline[0]] == stays and [list(p) for p in timeline[2]] == supplements
    if not same or [list(p) for p in timeline[3]] != payments or stated != dues:
        raise Wrong(f"{code}: its timeline is not what its events tell")
    found.read_again += 1


def _instants(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _instants(part)
    elif isinstance(value, list):
        for part in value:
            yield from _instants(part)
    elif isinstance(value, str) and len(value) >= 20 and value[4:5] == "-" and value[10:11] in "Tt":
        try:
            millis(value)
        except ValueError:
            return
        yield value


# ---- figures of petitions, of procedures, of what the portal told

PETITION = set(
    "received answered refused supplement_requested published disliked rated reopened linked unlinked".split()
)
PROCEDURE = set(
    "announced publicised described online_level_set fee_set limit_set payment_integrated "
    "model_dossier_published".split()
)
ONLINE = ("full", "partial")
EXAMPLES = {"acc_online": "online", "acc_paid_online": "paid_online", "acc_citizen_data": "citizen_data",
            "acc_fee_synced": "fee_synced"}  # fmt: skip
"""What one dossier of a procedure shows, and the attribute by which it does."""


def _check_counted(
    basis: str, figure: Mapping[str, Any], row: Mapping[str, Any], texts: Texts, found: Checked
) -> None:
    """One petition or procedure: what is told of it follows from its events, and its share from what is told."""
    told = row["told"]
    if basis == "petitions":
        mine = texts.get(("petition", row["code"]), [])
        _same(row, told, petition_told, mine, found)
        one = petition_quantities(told, figure["start"], figure["until"])
    elif basis == "communes":
        stated = {name: told.get(name) for name in ("kind", "copies_from", "closed_at")}
        mine = texts.get(("unit", row["code"]), [])
        _same(row, stated, lambda some: commune_told(some, figure["before"]), mine, found)
        if told["offices"][0] != row["code"]:
            raise Wrong(f"{row['code']}: another unit is told of than is counted")
        _check_under(row["code"], told["offices"], figure["unit"], texts)
        one = commune_quantities(told, figure["until"])
    else:
        spelled = [
            code for kind, code in texts if kind == "procedure" and procedure_key(code) == told["procedure"]
        ]
        mine = [text for code in spelled for text in texts["procedure", code]]
        if row["code"].partition("@")[0] != told["procedure"] or not mine:
            raise Wrong(f"{row['code']}: the events of the procedure are not in the bundle")
        stated = {name: told.get(name) for name in _SAID}
        _same(row, stated, lambda some: procedure_said(some, figure), mine, found)
        _check_place(told, row["code"], texts)
        for name, example in told.get("examples", {}).items():
            _check_example(basis, told, name, example, figure, texts)
        one = procedure_quantities(told, basis, figure)
    try:
        shares = [sum(sign * one[name] for sign, name in figure["parts"][p]) for p in ("numerator", "denominator")]
    except KeyError as error:
        raise Wrong(f"{row['code']}: {error} is not counted in {basis}") from None
    if shares != [row["n"], row["d"]]:
        raise Wrong(f"{row['code']} adds {shares[0]}/{shares[1]}, not {row['n']}/{row['d']} as stated")


def _same(row: Mapping[str, Any], told: Any, read: Any, texts: Sequence[str], found: Checked) -> None:
    if not texts:
        raise Wrong(f"{row['code']}: its events are not in the bundle")
    try:
        again = read(texts)
    except Unread:
        found.stated += 1
        return
    if again != told:
        raise Wrong(f"{row['code']}: what is told of it is not what its events say")
    found.read_again += 1


def petition_told(texts: Sequence[str]) -> list[Any]:
    """[received, due, answered (None when it waits), disliked or raised again], as the events tell them."""
    received = due = answered = None
    unhappy = False
    for at, verb, data in _in_order(texts, PETITION):
        if verb == "received":
            received = at if received is None else received
            due = due if data.get("due_at") is None else millis(data["due_at"])
        elif verb in ("answered", "refused"):
            answered = at if answered is None else answered
        elif verb == "reopened":
            answered, unhappy = None, True
        elif verb == "disliked":
            unhappy = True
        elif verb == "rated":
            unhappy = data.get("rating") == "dislike"
    return [received, due, answered, unhappy]


def petition_quantities(told: Sequence[Any], start: int, until: int) -> dict[str, int]:
    """What one petition adds to each quantity in [start, until): late when answered after its due instant, or
    open beyond it just before the end."""
    received, due, answered, unhappy = told
    held = dict.fromkeys(
        (f"pet:{b}_{w}" for b in ("received", "hand", "answered") for w in ("all", "in_time", "content")), 0
    )
    if received is None or received >= until:
        return held
    answered = None if answered is None or max(received, answered) >= until else max(received, answered)
    late = due is not None and (until - 1 if answered is None else answered) > due
    for basis, counts in (
        ("received", received >= start),
        ("hand", answered is None or answered >= start),
        ("answered", answered is not None and answered >= start),
    ):
        held[f"pet:{basis}_all"] = int(counts)
        held[f"pet:{basis}_in_time"] = int(counts and not late)
        held[f"pet:{basis}_content"] = int(counts and not late and not unhappy)
    return held


UNIT = set(
    "registered renamed merged closed certified_copies_offered national_report_received portal_figures_received "
    "observation_recorded source_described".split()
)


def commune_told(texts: Sequence[str], before: int) -> dict[str, Any]:
    """What was said of a unit before an instant (the first thing said where all came later): its kind, since when
    it offers certified electronic copies, when it was closed."""
    said: dict[str, Any] = {"kind": None, "copies_from": None, "closed_at": None}
    history = _in_order(texts, UNIT)
    for at, verb, data in [h for h in history if h[0] < before] or history[:1]:
        if verb in ("registered", "renamed") and data.get("kind") is not None:
            said["kind"] = data["kind"]
        elif verb in ("merged", "closed"):
            said["closed_at"] = at
        elif verb == "certified_copies_offered" and said["copies_from"] is None:
            said["copies_from"] = at
    return said


def commune_quantities(told: Mapping[str, Any], until: int) -> dict[str, int]:
    """What one unit adds: a commune that was not closed before the end, and whether it offered copies by then."""
    counts = told["kind"] == "commune" and (told["closed_at"] is None or told["closed_at"] >= until)
    offered = told["copies_from"] is not None and told["copies_from"] < until
    return {"fact:communes": int(counts), "fact:communes_certifying": int(counts and offered)}


def procedure_key(code: str) -> str:
    """The code under which a procedure is counted: a suffix behind the first two groups names the same one."""
    parts = code.split(".")
    national = len(parts) > 2 and all(p.isascii() and p.isdigit() for p in parts[:2]) and len(parts[1]) == 6
    return ".".join(parts[:2]) if national else code


_SAID = ("level", "fee", "citizen", "by", "announced", "due", "parts", "publicised")


def procedure_said(texts: Sequence[str], figure: Mapping[str, Any]) -> dict[str, Any]:
    """What had been said of a procedure before the end of the figure: level, fee, for citizens, applied by whom;
    announced in the period (None: not; true: in time), to be publicised in it (the same); parts, public."""
    said: dict[str, Any] = dict.fromkeys(_SAID) | {"fee": False, "citizen": True, "publicised": False}
    history = _in_order(texts, PROCEDURE)
    for at, verb, data in history:
        if at >= figure["until"]:
            continue
        if verb == "described":
            said["fee"] = bool(data["fee"]) if data.get("fee") is not None else said["fee"]
            said["by"] = sorted(data["applied_by"]) if data.get("applied_by") is not None else said["by"]
            said["parts"] = sorted(data["parts"]) if data.get("parts") is not None else said["parts"]
            if data.get("applicant_kinds") is not None:
                said["citizen"] = "citizen" in data["applicant_kinds"]
        elif verb == "online_level_set":
            said["level"] = data["level"]
        elif verb == "fee_set":
            said["fee"] = data["amount"] > 0
        elif verb == "publicised":
            said["publicised"] = True
    if "working_days" in figure:
        said["announced"], said["due"] = _announced(history, figure)
    return said


def _announced(history: Sequence[Any], figure: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """Announced in time (five working days before it takes effect) and publicised in time (five after), of what
    falls into the figure; working days are those that the bundle states."""
    offset, works = figure["utc_offset_ms"], sorted(figure["working_days"])
    public = [(at + offset) // DAY for at, verb, _ in history if verb == "publicised" and at < figure["until"]]
    announced: bool | None = None
    due: bool | None = None
    for at, verb, data in history:
        if verb != "announced" or at >= figure["until"]:
            continue
        day = (at + offset) // DAY
        if figure["start"] <= at and data.get("effective_at"):
            effective = (millis(data["effective_at"]) + offset) // DAY
            in_time = day <= [w for w in works if w < effective][-5]
            announced = in_time if announced is None else announced and in_time
        last = [w for w in works if w > day][4]
        if figure["start"] < (last + 1) * DAY - offset <= figure["until"]:
            in_time = any(day <= p <= last for p in public)
            due = in_time if due is None else due and in_time
    return announced, due


def procedure_quantities(told: Mapping[str, Any], basis: str, figure: Mapping[str, Any]) -> dict[str, int]:
    """What one procedure (of `services`: one procedure at one place) adds to each quantity."""
    level, fee, citizen, shown = told["level"], told["fee"], told["citizen"], told.get("examples", {})
    if basis == "services":
        return {
            "procedures:online_service": int(level in ONLINE),
            "procedures:with_online_dossier": int(level in ONLINE and "acc_online" in shown),
        }
    if basis == "announcements":
        return {
            "fact:announced": int(told["announced"] is not None),
            "fact:announced_on_time": int(told["announced"] is True),
            "fact:to_publicise": int(told["due"] is not None),
            "fact:publicised_on_time": int(told["due"] is True),
        }
    if basis == "contents":
        full = told["parts"] is not None and set(figure["required_parts"]) <= set(told["parts"])
        return {
            "fact:procedures_public": int(told["publicised"]),
            "fact:procedures_full": int(told["publicised"] and full),
        }
    return {
        "procedures:all": 1,
        "procedures:with_level": int(level is not None),
        "procedures:online": int(level in ONLINE),
        "procedures:fee": int(fee),
        "procedures:fee_synced": int(fee and "acc_fee_synced" in shown),
        "procedures:paid_online": int(fee and "acc_paid_online" in shown),
        "procedures:citizen": int(citizen),
        "procedures:citizen_data": int(citizen and "acc_citizen_data" in shown),
    }


def _check_place(told: Mapping[str, Any], code: str, texts: Texts) -> None:
    """The place applies the procedure: it is named, or its kind is, as an event of the unit says."""
    place = told.get("place", "")
    if code.partition("@")[2] not in ("", place):
        raise Wrong(f"{code}: another place is told of than it is counted at")
    if told["by"] is None or not place or place in told["by"]:
        return
    said = [json.loads(text).get("data", {}) for text in texts.get(("unit", place), ())]
    if not any(one.get("kind") in told["by"] for one in said):
        raise Wrong(f"{code}: nothing says that {place} applies it")


def _check_example(
    basis: str,
    told: Mapping[str, Any],
    name: str,
    example: Mapping[str, Any],
    figure: Mapping[str, Any],
    texts: Texts,
) -> None:
    """A dossier that shows what is said of a procedure: of that procedure, of an office of the place, accepted in
    the period, with the attribute."""
    code, timeline = example["code"], example["timeline"]
    mine = texts.get(("dossier", code), [])
    if not mine:
        raise Wrong(f"{code}: its events are not in the bundle")
    _check_timeline(code, timeline, mine, Checked())
    said = [json.loads(text).get("data", {}) for text in mine]
    if not any(procedure_key(str(one.get("procedure", ""))) == told["procedure"] for one in said):
        raise Wrong(f"{code}: none of its events names the procedure {told['procedure']}")
    one = quantities(timeline, figure["start"], figure["until"], figure["family"], figure["utc_offset_ms"])
    held = attributes_held([attribute for attribute, _ in timeline[6]], timeline[7])
    if not one["accepted"] or EXAMPLES[name] not in held:
        raise Wrong(f"{code} does not show what it is to show: {name}")
    offices = example["offices"]
    units = {str(value) for one in said for key, value in one.items() if key.endswith("unit")}
    if offices[0] not in units:
        raise Wrong(f"{code}: none of its events names the unit {offices[0]}")
    top = told["place"] if basis == "services" and told["place"] else figure["unit"]
    _check_under(code, offices, top, texts)


def _check_under(code: str, offices: Sequence[str], top: str, texts: Texts) -> None:
    """Each office stands under the next, up to the top: an event of it says so, none says another, or its code."""
    if offices[-1] != top:
        raise Wrong(f"{code}: it is not of {top}")
    for n, child in enumerate(offices[:-1]):
        parents = [json.loads(text).get("data", {}) for text in texts.get(("unit", child), ())]
        named = {one[name] for one in parents for name in ("parent", "into") if one.get(name)}
        if offices[n + 1] not in named and named and not child.startswith(offices[n + 1] + "."):
            raise Wrong(f"{code}: nothing says that {child} stands under {offices[n + 1]}")


def _check_portal(figure: Mapping[str, Any], events: Sequence[Mapping[str, Any]], found: Checked) -> None:
    """What the portal showed of a unit and period, as the last receipt says; nothing is counted."""
    receipts: dict[tuple[str, str], tuple[Any, ...]] = {}
    for event in events:
        if figure["known_at"] is not None and event["known_at"] >= figure["known_at"]:
            continue
        one = json.loads(event["event"])
        data = one.get("data", {})
        mine = one["type"] == "unit.portal_figures_received" and one["subject"] == figure["unit"]
        place = [event["partition"], event["offset"], event["index"]]
        if mine and data.get("period") == figure["period"] and place not in figure["refused"]:
            recorded = millis(one["recordedtime"]) if one.get("recordedtime") else millis(one["time"])
            known = (millis(one["time"]), event["known_at"], one["id"], recorded, place, data)
            old = receipts.get((one["source"], one["id"]))
            newer = old is not None and recorded > old[3]
            if old is None or (old[5] == data and not newer) or (old[5] != data and newer):
                receipts[one["source"], one["id"]] = known
    if not receipts:
        raise Wrong("no receipt of what the portal showed of that unit and period is in the bundle")
    last = max(receipts.values(), key=lambda r: r[:3])
    shown = last[5].get("figures", {})
    for name in ("numerator", "denominator", "score", "max"):
        if shown.get(f"{figure['indicator']}.{name}") != figure[name]:
            raise Wrong(f"the portal did not show {name} {figure[name]} of {figure['indicator']}")
    if last[4] != figure["receipt"]:
        raise Wrong("the receipt named is not the last one")
    found.said.append(
        f"Cổng DVCQG đã công bố {figure['indicator']} của {figure['unit']}, kỳ {figure['period']}: "
        f"{figure['numerator']}/{figure['denominator']}, điểm {figure['score']}. "
        "Chỉ chứng minh đã nhận đúng như vậy, không tính lại"
    )


# ---- alert chains, reports, answers


def _check_places(value: Any, log: str, proven: set[tuple[Any, ...]], found: Checked) -> None:
    """Every event that an answer names by its coordinates is in the bundle, proven. A record named without an
    index is one from which a row came, perhaps by an event of another subject: it need not be here."""
    if isinstance(value, Mapping):
        log = value.get("log", log) if isinstance(value.get("log", log), str) else log
        if isinstance(value.get("partition"), int) and isinstance(value.get("offset"), int):
            place = (log, value["partition"], value["offset"], value.get("index"))
            if place in proven:
                found.named += 1
            elif place[3] is not None:
                raise Wrong(f"{log} {place[1]}:{place[2]}:{place[3]} is named and not proven")
        for part in value.values():
            _check_places(part, log, proven, found)
    elif isinstance(value, list):
        for part in value:
            _check_places(part, log, proven, found)


def _check_report(files: Mapping[str, bytes], events: Sequence[Mapping[str, Any]], found: Checked) -> None:
    about = found.manifest["about"]
    issued = [json.loads(e["event"]) for e in events]
    issued = [e for e in issued if e["type"] == "report.issued" and e["subject"] == about]
    if not issued:
        raise Wrong(f"the event that issued {about} is not in the bundle")
    hashes = min(issued, key=lambda e: (millis(e["time"]), e["id"]))["data"].get("hashes", {})
    for form, wanted in sorted(hashes.items()):
        name = f"bao_cao.{form}"
        if name not in files:
            found.said.append(f"Tệp {form} không có trong gói: không dựng lại được đúng từng byte")
            found.unproven.append(f"{form}: the file is not in the bundle")
        elif hashlib.sha256(files[name]).hexdigest() != wanted:
            raise Wrong(f"{name} is not the file that was issued")
        else:
            found.said.append(f"Tệp {form}: đúng mã băm đã ghi khi phát hành")


ANSWERS = {"holds": "ĐẠT", "fails": "KHÔNG ĐẠT", "cannot_tell": "KHÔNG CHỨNG MINH ĐƯỢC"}
"""What an answer itself came to, which is not the verdict over its bundle."""


def _check_kind(files: Mapping[str, bytes], events: Sequence[Mapping[str, Any]], found: Checked) -> None:
    proven = {(e["log"], e["partition"], e["offset"], e["index"]) for e in events}
    proven |= {(e["log"], e["partition"], e["offset"], None) for e in events}
    kind = found.manifest["kind"]
    needed = {"figure": "so_lieu.json", "alerts": "chuoi_canh_bao.json", "answer": "tra_loi.json"}.get(kind)
    if needed is not None and needed not in files:
        raise Wrong(f"{needed} is missing")
    if kind == "figure":
        _check_figure(json.loads(files["so_lieu.json"]), events, found)
    elif kind == "report":
        _check_report(files, events, found)
    elif kind in ("alerts", "answer") and needed is not None:
        answer = json.loads(files[needed])
        _check_places(answer, "dossier-events", proven, found)
        found.said.append(f"Mọi sự kiện được nêu đều có chứng minh: {found.named} chỗ")
        own = answer.get("verdict") if kind == "answer" and isinstance(answer, dict) else None
        told = ANSWERS.get(str(own))
        if told is not None:
            found.said.append(
                f"Câu trả lời tự nó là {told}; gói chứng minh những sự kiện nó nêu, không chứng minh được rằng "
                "không còn sự kiện nào khác"
            )
    elif kind != "dossier":
        raise Wrong(f"a bundle of the kind '{kind}' is not known to this verifier: take a newer one")


# ---- witnesses

WITNESS_PREFIX = b"gs766-witness-1\n"


def _check_witnesses(files: Mapping[str, bytes], found: Checked) -> None:
    """Signatures of second authorities over checkpoints of the bundle; whose they are is for the reader to say."""
    for one in json.loads(files.get("witnesses.json", b"[]")):
        if one["number"] not in found.checkpoints:
            raise Wrong(f"a witness signs checkpoint {one['number']}, which is not here")
        body = found.bodies[one["number"]]
        if not is_signed(one["key"], one["signature"], WITNESS_PREFIX + body):
            raise Wrong(f"the signature of the witness {one['witness']} is not right")
        found.witnesses.append((one["number"], one["witness"], one["key"]))


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


def check_witness(found: Checked, key: str) -> None:
    """Whether that witness signed a checkpoint of the bundle that seals all its events; Wrong when not."""
    if not any(number == found.newest and signer == key for number, _, signer in found.witnesses):
        raise Wrong(f"the newest checkpoint {found.newest} has no signature of the witness {key}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Kiểm tra gói chứng cứ của Giám Sát 766, không cần mạng.")
    parser.add_argument("bundle")
    parser.add_argument("--outside", help="bản sao các mốc niêm phong do bên ngoài giữ (checkpoints.jsonl)")
    parser.add_argument("--key", help="khóa công khai đã công bố (64 ký tự thập lục phân)")
    parser.add_argument("--witness", help="khóa công khai của bên làm chứng: mốc mới nhất phải có chữ ký của họ")
    given = parser.parse_args()
    try:
        with open(given.bundle, "rb") as file:
            found = check_bundle(file.read())
        if given.key is not None and given.key.lower() != found.key:
            raise Wrong(f"signed by the key {found.key}, not by the one given")
        if given.witness is not None:
            check_witness(found, given.witness.lower())
        held = None
        if given.outside is not None:
            with open(given.outside, "rb") as file:
                held = check_outside(found, file.read())
    except (Wrong, OSError, ValueError, KeyError) as error:
        print(f"KHÔNG ĐẠT: {error}")
        return 1
    kind = KINDS.get(found.manifest["kind"], found.manifest["kind"])
    print(f"Gói: {kind} {found.manifest['about']}, lập lúc {found.manifest['made_at']}")
    print(f"Mốc niêm phong {found.newest}: {found.checkpoints[found.newest][1]}")
    print(f"Khóa ký: {found.key}")
    print(f"Sự kiện đã chứng minh: {found.events}")
    for line in found.complete[:20]:
        print(f"Đầy đủ: {line}")
    if len(found.complete) > 20:
        print(f"Đầy đủ: và {len(found.complete) - 20} đối tượng khác")
    for number, witness, key in found.witnesses:
        print(f"Có chữ ký làm chứng của {witness} cho mốc {number}: khóa {key}")
    for line in found.said:
        print(line)
    if found.refused:
        print(f"Sự kiện bị hệ thống từ chối, không tính (được nêu trong gói): {found.refused}")
    if found.by_limit:
        print(f"Hạn tính theo thời hạn của thủ tục, không do nguồn nêu: {found.by_limit} hồ sơ")
    if found.unproven:
        print("KHÔNG CHỨNG MINH ĐƯỢC: " + "; ".join(found.unproven))
        return 3
    if held is False:
        print("KHÔNG CHỨNG MINH ĐƯỢC: bản sao bên ngoài chưa có mốc niêm phong này")
        return 3
    if held is None:
        print("Chưa đối chiếu với bản sao bên ngoài (--outside): so số và mã của mốc niêm phong với nơi giữ nó.")
    print("ĐẠT")
    return 0


if __name__ == "__main__":
    sys.exit(main())
