"""Verifying a backup without restoring it: every file's SHA-256, every record's place, nothing missing between."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.errors import Refused
from eventlog.segments import BrokenSegment, SegmentFile, check_segment
from ops.backup.files import private_fault
from ops.backup.logs import ALERTS, EVENTS
from ops.backup.manifest import NAME, Manifest, file_sha256, read_manifest
from ops.configs import PRIVATE

Step = Callable[[str, int, int | None], None]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as the manifest says: of which file, what, what it should be and what it is."""

    file: str
    what: str
    expected: Any
    found: Any


@dataclass(slots=True)
class Verdict:
    """What was checked and what does not hold; `more` is what a drill adds."""

    checked: dict[str, int] = field(default_factory=lambda: {"files": 0, "records": 0, "bytes": 0})
    differences: list[Difference] = field(default_factory=list)
    reason: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Literal["holds", "fails", "cannot_tell"]:
        """The answer in one word."""
        if self.differences:
            return "fails"
        return "cannot_tell" if self.reason else "holds"

    def differs(self, file: str, what: str, expected: Any, found: Any) -> None:
        """Notes one thing that does not hold."""
        self.differences.append(Difference(file=file, what=what, expected=expected, found=found))

    def to_json(self) -> dict[str, Any]:
        """The shape that reconcile has."""
        found: dict[str, Any] = {"verdict": self.verdict, "checked": self.checked}
        found["differences"] = [msgspec.to_builtins(d) for d in self.differences]
        if self.reason:
            found["reason"] = self.reason
        return {**found, **self.more}


def _silent(_what: str, _n: int, _total: int | None) -> None:
    """Where nobody watches."""


def verify_backup(folder: Path, step: Step = _silent) -> Verdict:
    """Reads everything that the manifest names. InvalidInput when the folder holds no backup."""
    verdict = Verdict()
    try:
        manifest = read_manifest(folder)
    except Refused as error:
        verdict.differs(NAME, "manifest", "what was written", str(error))
        return verdict
    total = sum(s.bytes for s in manifest.segments) + sum(f.bytes for f in manifest.files)
    _check_ranges(manifest, verdict)
    for segment in manifest.segments:
        if _check_bytes(folder, segment.file, segment.bytes, segment.sha256, verdict):
            _check_rows(folder, segment, verdict)
        step("bytes checked", segment.bytes, total)
    for file in manifest.files:
        if _check_bytes(folder, file.file, file.bytes, file.sha256, verdict) and file.name == PRIVATE:
            fault = private_fault(folder / file.file)
            if fault:
                verdict.differs(file.file, "integrity", "ok", fault)
        step("bytes checked", file.bytes, total)
    return verdict


def _check_ranges(manifest: Manifest, verdict: Verdict) -> None:
    """All partitions there, and the segments of each one after another without a hole or an overlap."""
    expected = {(EVENTS, p) for p in range(manifest.partitions)} | {(ALERTS, 0)}
    found = {(r.topic, r.partition): r.stop for r in manifest.ranges}
    for topic, partition in sorted(expected ^ set(found)):
        verdict.differs(NAME, f"{topic} partition {partition}", (topic, partition) in expected, False)
    for (topic, partition), stop in found.items():
        position = 0
        for segment in manifest.segments_of(topic, partition):
            if segment.start != position:
                verdict.differs(segment.file, "first offset", position, segment.start)
            position = segment.stop
        if position != stop:
            verdict.differs(NAME, f"{topic} partition {partition}: end of its segments", stop, position)


def _check_bytes(folder: Path, name: str, size: int, sha256: str, verdict: Verdict) -> bool:
    path = folder / name
    try:
        real = path.stat().st_size
        sha = file_sha256(path)
    except OSError as error:
        verdict.differs(name, "file", "present", error.strerror)
        return False
    verdict.checked["files"] += 1
    verdict.checked["bytes"] += real
    if real != size:
        verdict.differs(name, "bytes", size, real)
    elif sha != sha256:
        verdict.differs(name, "sha256", sha256, sha)
    return real == size and sha == sha256


def _check_rows(folder: Path, segment: SegmentFile, verdict: Verdict) -> None:
    try:
        held = check_segment(folder / segment.file)
    except BrokenSegment as error:
        verdict.differs(segment.file, "content", "sound", error.reason)
        return
    verdict.checked["records"] += held.records
    names = ("topic", "partition", "start", "stop", "records", "content")
    compared: Iterable[tuple[str, Any, Any]] = ((n, getattr(segment, n), getattr(held, n)) for n in names)
    for name, expected, found in compared:
        if expected != found:
            verdict.differs(segment.file, name, expected, found)
