"""Bundles of every kind: the verifier accepts what was made, and nothing that was changed."""

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.audit import commitments
from domain.dossier import replay
from domain.events import Event, make_event
from domain.facts import fact_of, merge
from domain.timeline import timeline_of
from sinks.queries.dossiers import Timed
from sinks.sealing.bundles import Kind, make_bundle
from sinks.sealing.offline import verify_bundle
from sinks.sealing.offline.verify_bundle import Wrong, check_bundle
from sinks.sealing.proofs import Coordinates, Proofs
from sinks.sealing.witnessed import Cosigned, keep_cosignature
from tests.support.events import HOUR, T0, dossier_event
from tests.support.sealed_folder import SealedFolder

START, UNTIL = T0 - 100 * HOUR, T0 + 400 * HOUR
PARTS: dict[str, Any] = {
    "numerator": [(1, "done_ok"), (1, "open"), (-1, "open_late")],
    "denominator": [(1, "received")],
}


@pytest.fixture
def folder(tmp_path: Path) -> SealedFolder:
    return SealedFolder(tmp_path)


def dossier(n: int) -> list[Event]:
    """In time, late or open, by its number."""
    code, due = f"H44.100-{n:03d}", {"due_at": "2026-08-05T17:00:00+07:00"}
    events = [dossier_event(code, "accepted", T0 + n, 0, unit="H44.100", procedure="1", **due)]
    if n % 3:
        events.append(dossier_event(code, "finished", T0 + n % 3 * 40 * HOUR + n, 1))
    return events


def figure(folder: SealedFolder, count: int) -> tuple[dict[str, Any], list[Coordinates]]:
    """A figure over some dossiers, sealed; and where their events stand."""
    rows, places = [], {}
    for n in range(count):
        events = dossier(n)
        places[events[0].subject] = folder.seal(events, close=n == count - 1)
        timeline = timeline_of(replay(merge((), map(fact_of, events))), None, result_due=True).encode()
        stated = json.loads(timeline)
        one = verify_bundle.quantities(stated, START, UNTIL, "766", 7 * HOUR)
        up = one["done_ok"] + one["open"] - one["open_late"]
        rows.append((Timed(events[0].subject, "H44.100", "1", "online", timeline), up, one["received"]))
    sums = sum(r[1] for r in rows), sum(r[2] for r in rows)
    assert 0 < sums[0] < sums[1] == count
    bounds = {"start": START, "until": UNTIL, "family": "766", "known_at": None, "utc_offset_ms": 7 * HOUR}
    said: dict[str, Any] = {"indicator": "PROCESSED_ON_TIME", "unit": "H44.100", "parts": PARTS, **bounds}
    said |= commitments._opened(rows, sums, Proofs(folder.config).newest())
    return said, [p for row in said["rows"] for p in places[row["code"]]]


def bundle(
    folder: SealedFolder, kind: Kind, places: list[Coordinates], files: Mapping[str, Any], about: str = "A"
) -> bytes:
    content = {n: v if isinstance(v, bytes) else verify_bundle.canonical_json(v) for n, v in files.items()}
    return make_bundle(
        folder.config,
        kind=kind,
        about=about,
        made_at="2026-09-01T00:00:00Z",
        events=places,
        subjects=[],
        files=content,
        records=lambda: folder,
    )


def a_figure(folder: SealedFolder) -> bytes:
    said, places = figure(folder, 6)
    return bundle(folder, "figure", places, {"so_lieu.json": said})


def a_chain(folder: SealedFolder) -> bytes:
    places = folder.seal(dossier(0))
    event = make_event("alert.acknowledged", "a1", T0, {"actor": "p1"}, source="/test", id="x")
    (act,) = folder.seal([event], "alert-log")
    chain = {
        "evidence": {"partition": 0, "offset": 0},
        "acts": [{"act": "acknowledged", **msgspec.to_builtins(act)}],
    }
    return bundle(folder, "alerts", [*places, act], {"chuoi_canh_bao.json": chain})


def a_report(folder: SealedFolder) -> bytes:
    content = b"%PDF-1.4 paper"
    data = {"report": "brief", "hashes": {"pdf": hashlib.sha256(content).hexdigest()}}
    places = folder.seal([make_event("report.issued", "brief-1", T0, data, source="/test", id="r")])
    return bundle(folder, "report", places, {"bao_cao.pdf": content}, "brief-1")


def an_answer(folder: SealedFolder) -> bytes:
    places = folder.seal(dossier(1))
    rows = [{"events": [{"partition": p.partition, "offset": p.offset, "index": p.index}]} for p in places]
    return bundle(folder, "answer", places, {"tra_loi.json": {"verdict": "fails", "differences": rows}})


@pytest.mark.parametrize("made", [a_figure, a_chain, a_report, an_answer])
def test_any_changed_byte_is_noticed(folder: SealedFolder, made: Callable[[SealedFolder], bytes]) -> None:
    data = made(folder)
    check_bundle(data)
    rng = random.Random(1)
    for at in rng.sample(range(len(data)), 60):
        changed = bytearray(data)
        changed[at] ^= rng.randrange(1, 256)
        with pytest.raises(Wrong):
            check_bundle(bytes(changed))


def test_a_figure_is_counted_again_from_its_dossiers(folder: SealedFolder) -> None:
    said, places = figure(folder, 6)
    found = check_bundle(bundle(folder, "figure", places, {"so_lieu.json": said}))
    assert (found.read_again, found.stated) == (6, 0)
    assert "2/6, tính lại từ tất cả 6 hồ sơ" in found.said[0]

    def refused(match: str, places: list[Coordinates] = places, **changes: Any) -> None:
        with pytest.raises(Wrong, match=match):
            check_bundle(bundle(folder, "figure", places, {"so_lieu.json": {**said, **changes}}))

    refused("not the sums", numerator=said["numerator"] + 1)
    refused("draw", rows=said["rows"][1:])
    refused("not in the bundle", places[2:])
    refused("says too little", sample=3)
    better = [dict(row) for row in said["rows"]]
    better[2]["n"] = 1
    refused("as stated", rows=better)
    # A timeline that its events do not tell.
    timeline = json.loads(json.dumps(said["rows"][2]["timeline"]))
    timeline[0][0][1] -= 60 * HOUR
    refused("its events tell", rows=[*said["rows"][:2], {**better[2], "timeline": timeline}, *said["rows"][3:]])


def test_of_many_dossiers_a_sample_that_nobody_chose_is_shown(
    folder: SealedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitments, "SAMPLE", 5)
    monkeypatch.setattr(verify_bundle, "SMALLEST_SAMPLE", 5)
    said, places = figure(folder, 13)
    found = check_bundle(bundle(folder, "figure", places, {"so_lieu.json": said}))
    assert "mẫu 5 trong 13 hồ sơ" in found.said[0]

    def with_rows(rows: list[Any]) -> bytes:
        return bundle(folder, "figure", places, {"so_lieu.json": {**said, "rows": rows}})

    first = said["rows"][0]
    for changed in ({**first, "n": 1 - first["n"]}, {**first, "path": first["path"][1:]}):
        with pytest.raises(Wrong):
            check_bundle(with_rows([changed, *said["rows"][1:]]))
    # The draw follows from the root and the checkpoint: others cannot be shown instead.
    with pytest.raises(Wrong, match="draw"):
        check_bundle(with_rows([{**first, "at": first["at"] + 1}, *said["rows"][1:]]))


def test_a_report_is_the_file_that_was_issued(folder: SealedFolder) -> None:
    content = b"%PDF-1.4 paper"
    data = {"report": "brief", "hashes": {"pdf": hashlib.sha256(content).hexdigest(), "html": "0" * 64}}
    places = folder.seal([make_event("report.issued", "brief-1", T0, data, source="/test", id="r")])
    found = check_bundle(bundle(folder, "report", places, {"bao_cao.pdf": content}, "brief-1"))
    assert found.unproven == ["html: the file is not in the bundle"]
    with pytest.raises(Wrong, match="not the file"):
        check_bundle(bundle(folder, "report", places, {"bao_cao.pdf": content + b"x"}, "brief-1"))
    with pytest.raises(Wrong, match="issued brief-2"):
        check_bundle(bundle(folder, "report", places, {"bao_cao.pdf": content}, "brief-2"))


def test_what_an_answer_names_is_proven(folder: SealedFolder) -> None:
    places = folder.seal(dossier(1))
    rows = [{"dossier_code": "x", "events": [{"log": "dossier-events", "partition": 0, "offset": 0, "index": 1}]}]
    answer = {"tra_loi.json": {"differences": rows}}
    assert check_bundle(bundle(folder, "answer", places, answer)).named == 1
    with pytest.raises(Wrong, match="0:0:1 is named and not proven"):
        check_bundle(bundle(folder, "answer", places[:1], answer))
    with pytest.raises(Wrong, match=r"tra_loi.json is missing"):
        check_bundle(bundle(folder, "answer", places, {}))


def test_a_witness_is_believed_by_its_key_only(folder: SealedFolder, tmp_path: Path) -> None:
    from sinks.sealing.keys import load_keys
    from sinks.sealing.witnessed import WITNESS_PREFIX

    places = folder.seal(dossier(1))
    last = Proofs(folder.config).newest()
    keys = load_keys(tmp_path / "witness.json")
    signature = keys.sign(last.body.encode(), WITNESS_PREFIX)
    keep_cosignature(folder.config.folder, Cosigned(1, "Thanh tra", keys.key, signature))
    found = check_bundle(bundle(folder, "dossier", places, {}))
    verify_bundle.check_witness(found, keys.key)
    with pytest.raises(Wrong, match="no signature of the witness"):
        verify_bundle.check_witness(found, "0" * 64)
    keep_cosignature(folder.config.folder, Cosigned(1, "Thanh tra", keys.key, signature[:64] + signature[:64]))
    with pytest.raises(Wrong, match="witness"):
        check_bundle(bundle(folder, "dossier", places, {}))
