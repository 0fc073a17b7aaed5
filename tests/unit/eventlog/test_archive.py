"""Cold storage by position: in order, by leaps, to the end; what is damaged is never handed out as sound."""

import json
from pathlib import Path

import msgspec
import pytest

from domain.errors import Refused, Unavailable
from eventlog.archive import MANIFEST, Archive, ColdManifest, ColdStorage, sha_of
from eventlog.segments import Row, segment_file, write_segments

LOG = "dossier-events"


@pytest.fixture
def cold(tmp_path: Path) -> Path:
    """Offsets 0 to 29 of one partition in three segments."""
    folder = tmp_path / "cold"
    (folder / "segments").mkdir(parents=True)
    rows = [Row(n, 1_000 + n, b"k", b"value %d" % n, (("origin", b"live"),)) for n in range(30)]
    written = [w for n in (0, 10, 20) for w in write_segments(folder / "segments", LOG, 0, rows[n : n + 10])]
    segments = tuple(segment_file(w, "segments") for w in written)
    manifest = ColdManifest(made_at="", log_ids={LOG: "a"}, checkpoint=1, checkpoint_hash="", segments=segments)
    content = msgspec.to_builtins(manifest)
    (folder / MANIFEST).write_text(json.dumps({**content, "sha256": sha_of(content)}))
    return folder


def offsets(archive: Archive, start: int, limit: int) -> list[int]:
    return [row.offset for row in archive.rows(0, start, limit)]


def test_it_is_read_in_order_by_leaps_and_to_its_end(cold: Path) -> None:
    archive = Archive(str(cold), LOG)
    assert archive.stop(0) == 30
    assert archive.stop(1) == 0
    assert [offsets(archive, start, 7) for start in (0, 7, 14)] == [[*range(n, n + 7)] for n in (0, 7, 14)]
    assert offsets(archive, 25, 100) == [25, 26, 27, 28, 29]
    assert offsets(archive, 30, 5) == offsets(archive, 99, 5) == []
    assert offsets(archive, 3, 2) == [3, 4]
    assert Archive(cold.as_uri(), LOG).rows(0, 9, 2)[1].value == b"value 10"


def test_the_last_record_of_a_damaged_segment_is_not_handed_out(cold: Path) -> None:
    path = max((cold / "segments").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    archive = Archive(str(cold), LOG)
    assert offsets(archive, 0, 20) == [*range(20)]
    with pytest.raises(Refused, match="damaged"):
        offsets(archive, 20, 10)


def test_what_is_no_cold_storage_is_said_so(cold: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing in the cold storage"):
        Archive(str(tmp_path / "empty"), LOG)
    with pytest.raises(Refused, match=r"no address|library that is missing"):
        ColdStorage("nonsense://x")
    (cold / MANIFEST).write_text("[]")
    with pytest.raises(Refused, match="damaged"):
        Archive(str(cold), LOG)


def test_a_storage_that_does_not_answer_is_unavailable_whatever_its_library_raises(
    cold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndpointConnectionError(Exception):
        """As botocore's: no OSError."""

    def away(*_: object) -> None:
        raise EndpointConnectionError("could not connect")

    storage = ColdStorage(str(cold))
    manifest = storage.manifest()
    assert manifest is not None
    monkeypatch.setattr(storage.fs, "open", away)
    with pytest.raises(Unavailable, match="does not answer"):
        storage.manifest()
