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
from api.audit.counted import Counted, _told
from api.figures.procedures import announced_of, described
from domain.calendar_vn import vietnam_calendar
from domain.dossier import replay
from domain.events import Event, encode_event, make_event
from domain.facts import fact_of, merge
from domain.instants import DEFAULT_ZONE, parse_rfc3339
from domain.petition import replay_petition
from domain.timeline import timeline_of
from sinks.sealing.bundles import Kind, make_bundle
from sinks.sealing.offline import verify_bundle
from sinks.sealing.offline.verify_bundle import Wrong, check_bundle
from sinks.sealing.proofs import Coordinates, Proofs
from sinks.sealing.witnessed import Cosigned, keep_cosignature
from tests.support.events import HOUR, T0, dossier_event
from tests.support.sealed_folder import SealedFolder

CALENDAR = vietnam_calendar(DEFAULT_ZONE)
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
    rows: list[Counted] = []
    places: dict[str, list[Coordinates]] = {}
    for n in range(count):
        events = dossier(n)
        places[events[0].subject] = folder.seal(events, close=n == count - 1)
        timeline = timeline_of(replay(merge((), map(fact_of, events))), None, result_due=True).encode()
        stated = json.loads(timeline)
        one = verify_bundle.quantities(stated, START, UNTIL, "766", 7 * HOUR)
        up = one["done_ok"] + one["open"] - one["open_late"]
        rows.append(Counted(events[0].subject, stated, up, one["received"]))
    sums = sum(r.up for r in rows), sum(r.down for r in rows)
    assert 0 < sums[0] < sums[1] == count
    bounds = {"start": START, "until": UNTIL, "family": "766", "known_at": None, "utc_offset_ms": 7 * HOUR}
    said: dict[str, Any] = {"indicator": "PROCESSED_ON_TIME", "unit": "H44.100", "parts": PARTS, **bounds}
    said |= commitments._opened(rows, sums, Proofs(folder.config).newest(), "timeline")
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


BOUNDS: dict[str, Any] = {
    "start": START,
    "until": UNTIL,
    "family": "766",
    "known_at": None,
    "utc_offset_ms": 7 * HOUR,
}


def counted_figure(
    folder: SealedFolder,
    basis: str,
    parts: dict[str, Any],
    rows: list[Counted],
    **more: Any,
) -> dict[str, Any]:
    """What a bundle says of a figure over petitions or procedures."""
    said = {"indicator": "X", "unit": "H44", "basis": basis, "parts": parts, **BOUNDS, **more}
    shared = []
    for row in rows:
        if basis == "petitions":
            one = verify_bundle.petition_quantities(row.told, START, UNTIL)
        elif basis == "communes":
            one = verify_bundle.commune_quantities(row.told, UNTIL)
        else:
            one = verify_bundle.procedure_quantities(row.told, basis, said)
        up, down = (sum(sign * one[n] for sign, n in parts[p]) for p in ("numerator", "denominator"))
        shared.append(row._replace(up=up, down=down))
    sums = sum(r.up for r in shared), sum(r.down for r in shared)
    return said | commitments._opened(shared, sums, Proofs(folder.config).newest(), "told")


def petition_figure(folder: SealedFolder) -> tuple[dict[str, Any], list[Coordinates]]:
    """Answered in time, late, disliked, still open."""
    rows, places = [], []
    for n, (answer, liked) in enumerate([(10, True), (200, True), (20, False), (None, True)]):
        code, data = f"PAKN-{n}", {"unit": "H44.100", "due_at": "2026-08-05T17:00:00+07:00"}
        events = [make_event("petition.received", code, T0 + n, data, source="/t", id=f"{n}r")]
        if answer is not None:
            events.append(make_event("petition.answered", code, T0 + answer * HOUR, {}, source="/t", id=f"{n}a"))
        if not liked:
            events.append(make_event("petition.disliked", code, T0 + 30 * HOUR, {}, source="/t", id=f"{n}d"))
        found = replay_petition(merge((), map(fact_of, events)))
        told = [found.received_at, found.due_at, found.answered_at, found.unhappy]
        assert told == verify_bundle.petition_told([encode_event(e).decode() for e in events])
        places += folder.seal(events, close=n == 3)
        rows.append(Counted(code, told, 0, 0))
    parts = {"numerator": [(1, "pet:hand_content")], "denominator": [(1, "pet:hand_all")]}
    return counted_figure(folder, "petitions", parts, rows), places


def procedure_figure(folder: SealedFolder, basis: str) -> tuple[dict[str, Any], list[Coordinates]]:
    """A procedure with a fee, paid online once; one without any dossier; both announced."""
    rows, places = [], []
    paid = dossier(1)
    folder_places = folder.seal(paid, close=False)
    timeline = json.loads(timeline_of(replay(merge((), map(fact_of, paid))), None, result_due=True).encode())
    timeline[6] = [["payable", T0], ["paid_online", T0], ["online", T0]]
    for n, code in enumerate(("1", "2.000815")):
        facts: list[tuple[str, dict[str, Any]]] = [
            ("described", {"applied_by": ["commune"], "fee": True, "parts": ["steps", "fee"]}),
            ("online_level_set", {"level": "full"}),
            ("announced", {"effective_at": "2026-08-20T00:00:00+07:00"}),
            ("publicised", {}),
        ]
        events = [
            make_event(f"procedure.{v}", code, T0 - (9 - k) * HOUR, d, source="/t", id=f"{n}{k}")
            for k, (v, d) in enumerate(facts[: 4 - n])
        ]
        places += folder.seal(events, close=False)
        history = [(e.type, e.occurred_at, e.id, json.loads(e.body)) for e in events]
        p = described(code, history, UNTIL)
        announced: tuple[bool | None, bool | None] = (None, None)
        if basis == "announcements":
            announced = announced_of(CALENDAR.zone, CALENDAR, history, START, UNTIL)
        example: dict[str, Any] = {"code": paid[0].subject, "timeline": timeline, "offices": ["H44.100"]}
        example["offices"] = ["H44.100", "H44"] if basis == "procedures" else ["H44.100"]
        shown = {"acc_paid_online": example, "acc_online": example} if code == "1" else {}
        shown = shown if basis in ("procedures", "services") else {}
        told = {**_told(code, p, announced), "place": "H44.100", "examples": shown}
        rows.append(Counted(f"{code}@H44.100" if basis == "services" else code, told, 0, 0))
    unit = make_event("unit.registered", "H44.100", T0, {"kind": "commune", "parent": "H44"}, source="/t", id="u")
    places += [*folder_places, *folder.seal([unit])]
    parts = {
        "procedures": (["procedures:paid_online"], ["procedures:fee"]),
        "services": (["procedures:with_online_dossier"], ["procedures:online_service"]),
        "announcements": (["fact:publicised_on_time"], ["fact:to_publicise"]),
        "contents": (["fact:procedures_full"], ["fact:procedures_public"]),
    }[basis]
    named = dict(zip(("numerator", "denominator"), ([(1, n) for n in names] for names in parts), strict=True))
    days = [
        d
        for d in range(CALENDAR.zone.day(START) - 60, CALENDAR.zone.day(UNTIL) + 60)
        if CALENDAR.is_working_day(d)
    ]
    more: dict[str, Any] = {"working_days": days} if basis == "announcements" else {}
    more |= {"required_parts": ["steps"]} if basis == "contents" else {}
    return counted_figure(folder, basis, named, rows, **more), places


def portal_figure(folder: SealedFolder) -> tuple[dict[str, Any], list[Coordinates]]:
    """Two receipts of a period: the later one counts."""
    events = []
    for n, score in enumerate((15.5, 16.25)):
        figures = {"X.numerator": 70 + n, "X.denominator": 100, "X.score": score, "X.max": 20}
        data = {"period": "2026-08", "figures": figures}
        events.append(
            make_event("unit.portal_figures_received", "H44", T0 + n * HOUR, data, source="/t", id=f"p{n}")
        )
    places = folder.seal(events)
    said: dict[str, Any] = {
        "basis": "portal",
        "indicator": "X",
        "unit": "H44",
        "period": "2026-08",
        "known_at": None,
        "refused": [],
    }
    shown = {"numerator": 71, "denominator": 100, "score": 16.25, "max": 20}
    return said | shown | {"receipt": [places[1].partition, places[1].offset, places[1].index]}, places


def commune_figure(folder: SealedFolder) -> tuple[dict[str, Any], list[Coordinates]]:
    """One commune that certifies copies, one that does not, one that was closed, one office that is none."""
    rows, places = [], []
    verbs: list[tuple[str, list[str]]] = [("commune", ["certified_copies_offered"]), ("commune", [])]
    verbs += [("commune", ["certified_copies_offered", "closed"]), ("department", ["certified_copies_offered"])]
    for n, (kind, later) in enumerate(verbs):
        code = f"H44.{100 + n}"
        events = [make_event("unit.registered", code, T0, {"kind": kind, "parent": "H44"}, source="/t", id="0")]
        events += [
            make_event(f"unit.{verb}", code, T0 + k * HOUR, {}, source="/t", id=f"{k}")
            for k, verb in enumerate(later, 1)
        ]
        told = verify_bundle.commune_told([encode_event(e).decode() for e in events], UNTIL)
        assert told["copies_from"] == (T0 + HOUR if later else None)
        assert told["closed_at"] == (T0 + 2 * HOUR if len(later) > 1 else None)
        places += folder.seal(events, close=n == len(verbs) - 1)
        rows.append(Counted(code, told | {"offices": [code, "H44"]}, 0, 0))
    parts = {"numerator": [(1, "fact:communes_certifying")], "denominator": [(1, "fact:communes")]}
    return counted_figure(folder, "communes", parts, rows, before=UNTIL), places


def documents_figure(folder: SealedFolder) -> tuple[dict[str, Any], list[Coordinates]]:
    """Six dossiers are counted; of the reports of that period the last one told of nine."""
    told = [(0, "2026-08", 12), (1, "2026-08", 9), (2, "2026-07", 40), (900, "2026-08", 50)]
    events = [
        make_event("unit.national_report_received", "H44.100", T0 + hours * HOUR,
                   {"period": period, "figures": {"accepted": accepted}}, source="/t", id=f"r{hours}")
        for hours, period, accepted in told
    ]  # fmt: skip
    places = folder.seal(events, close=False)
    said, others = figure(folder, 6)
    largest = ["fact:national_report_accepted", "accepted_per_portal"]
    asked = {"largest": largest, "period": "2026-08", "before": UNTIL}
    said |= {"counted_denominator": said["denominator"], "denominator": 9, "documents": asked}
    return said, [*places, *others]


def last_year_figure(folder: SealedFolder) -> tuple[dict[str, Any], list[Coordinates]]:
    """Nothing was accepted in February 2027; six dossiers were in the year before, a twelfth of them counts."""
    said, places = figure(folder, 6)
    for row in said["rows"]:
        row |= {"n": 0, "d": 1}
    said["parts"] = {"numerator": [(1, "acc:synced")], "denominator": [(1, "accepted_per_portal")]}
    said |= commitments_again(folder, said)
    asked = {
        "largest": ["fact:national_report_accepted", "accepted_per_portal"],
        "period": "2027-02",
        "before": UNTIL,
    }
    new_years = [parse_rfc3339(f"{year}-01-01T00:00:00+07:00") for year in (2026, 2027)]
    year = {"period": "2026", "parts": 12, "start": new_years[0], "until": new_years[1]}
    february = {"start": new_years[1] + 31 * 24 * HOUR, "until": new_years[1] + 59 * 24 * HOUR}
    counted = {"counted_denominator": 6, "denominator": 0.5, "documents": asked, "last_year": year}
    return said | february | counted, places


def bundled(figure: Callable[..., Any], *asked: str) -> Callable[[SealedFolder], bytes]:
    """A maker of such a bundle."""

    def made(folder: SealedFolder) -> bytes:
        said, places = figure(folder, *asked)
        return bundle(folder, "figure", places, {"so_lieu.json": said})

    return made


COUNTED = {
    "petitions": bundled(petition_figure),
    **{name: bundled(procedure_figure, name) for name in ("procedures", "services", "announcements", "contents")},
    "portal": bundled(portal_figure),
    "communes": bundled(commune_figure),
    "documents": bundled(documents_figure),
    "last year": bundled(last_year_figure),
}


@pytest.mark.parametrize("made", [a_figure, a_chain, a_report, an_answer, *COUNTED.values()])
def test_any_changed_byte_is_noticed(folder: SealedFolder, made: Callable[[SealedFolder], bytes]) -> None:
    data = made(folder)
    check_bundle(data)
    rng = random.Random(1)
    for at in rng.sample(range(len(data)), 60):
        changed = bytearray(data)
        changed[at] ^= rng.randrange(1, 256)
        with pytest.raises(Wrong):
            check_bundle(bytes(changed))


def test_what_is_no_dossier_is_counted_again_too(tmp_path: Path) -> None:
    said = {
        name: check_bundle(made(SealedFolder(tmp_path / name))).said[0].removeprefix("Số liệu X: ")
        for name, made in COUNTED.items()
    }
    assert said["petitions"].startswith("1/4, tính lại từ tất cả 4 phản ánh (4 phản ánh đọc lại")
    assert said["procedures"].startswith("1/2, tính lại từ tất cả 2 thủ tục (2 thủ tục đọc lại")
    assert said["services"].startswith("1/2, tính lại")
    assert said["announcements"].startswith("1/2, tính lại")
    assert said["contents"].startswith("1/1, tính lại")
    assert "71/100, điểm 16.25" in said["portal"]
    assert said["communes"].startswith("1/2, tính lại từ tất cả 4 xã (4 xã đọc lại")
    assert said["last year"].startswith("Mẫu số là 1/12 số tiếp nhận năm 2026, theo 6 hồ sơ đếm được năm 2026")
    assert said["documents"] == "Mẫu số là số lớn nhất trong 2 văn bản đã nhận và số đếm 6 của ta"


def test_nothing_else_can_be_told_of_petitions_procedures_and_the_portal(folder: SealedFolder) -> None:
    petitions = petition_figure(folder)
    procedures = {n: procedure_figure(folder, n) for n in ("procedures", "services", "announcements", "contents")}
    portal, communes = portal_figure(folder), commune_figure(folder)

    def refused(match: str, figure: tuple[dict[str, Any], list[Coordinates]], *path: Any, to: Any) -> None:
        said, places = json.loads(json.dumps(figure[0])), figure[1]
        said |= commitments_again(folder, said)
        here = said
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = to
        said |= commitments_again(folder, said)
        with pytest.raises(Wrong, match=match):
            check_bundle(bundle(folder, "figure", places, {"so_lieu.json": said}))

    refused("what its events say", petitions, "rows", 1, "told", 3, to=True)
    refused("as stated", petitions, "rows", 1, "n", to=1)
    refused("not in the bundle", petitions, "rows", 0, "code", to="PAKN-9")
    refused("not known to this verifier", petitions, "basis", to="guesses")
    refused("is not counted", petitions, "parts", "numerator", 0, 1, to="procedures:all")
    refused("what its events say", procedures["procedures"], "rows", 1, "told", "fee", to=False)
    refused("not in the bundle", procedures["procedures"], "rows", 1, "told", "procedure", to="9")
    shown = ("rows", 0, "told", "examples", "acc_paid_online")
    refused("does not show", procedures["procedures"], *shown, "timeline", 6, to=[])
    refused("names the unit", procedures["procedures"], *shown, "offices", to=["H44.7", "H44"])
    refused("it is not of", procedures["procedures"], *shown, "offices", to=["H44.100"])
    refused("its timeline", procedures["procedures"], *shown, "timeline", 0, 0, 1, to=T0 + HOUR)
    example = procedures["procedures"][0]["rows"][0]["told"]["examples"]["acc_paid_online"]
    refused("names the procedure", procedures["procedures"], "rows", 1, "told", "examples",
            to={"acc_paid_online": example})  # fmt: skip
    refused("another place", procedures["services"], "rows", 0, "told", "place", to="H44.7")
    refused("what its events say", procedures["announcements"], "rows", 1, "told", "due", to=True)
    refused("what its events say", procedures["contents"], "rows", 0, "told", "parts", to=["fee"])
    refused("what its events say", communes, "rows", 1, "told", "copies_from", to=T0)
    refused("another unit", communes, "rows", 1, "told", "offices", 0, to="H44.100")
    refused("it is not of", communes, "rows", 1, "told", "offices", 1, to="H45")
    refused("nothing says", communes, "rows", 1, "told", "offices", to=["H44.101", "H7", "H44"])
    refused("did not show", portal, "score", to=19)
    refused("not the last", portal, "receipt", 2, to=0)
    refused("no receipt", portal, "period", to="2026-07")


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("denominator", 12),
        ("denominator", 6),
        ("documents", {"largest": ["accepted_per_portal"], "period": "2026-08", "before": UNTIL}),
        ("documents", {"largest": ["fact:national_report_accepted"], "period": "2026-07", "before": UNTIL}),
        ("documents", None),
        ("counted_denominator", 5),
    ],
)
def test_nothing_else_can_be_told_of_what_documents_tell(folder: SealedFolder, name: str, to: Any) -> None:
    said, places = documents_figure(folder)
    with pytest.raises(Wrong):
        check_bundle(bundle(folder, "figure", places, {"so_lieu.json": said | {name: to}}))


def commitments_again(folder: SealedFolder, said: dict[str, Any]) -> dict[str, Any]:
    """The commitment of whoever changes a row and signs the bundle anew."""
    if "rows" not in said:
        return {}
    name = "timeline" if said.get("basis", "dossiers") == "dossiers" else "told"
    rows = [Counted(r["code"], r[name], r["n"], r["d"]) for r in said["rows"]]
    sums = sum(r.up for r in rows), sum(r.down for r in rows)
    return commitments._opened(rows, sums, Proofs(folder.config).newest(), name)


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
    # What the answer came to is told apart from the verdict over its bundle, which proves no absence.
    for verdict, words in (("holds", "là ĐẠT;"), ("cannot_tell", "là KHÔNG CHỨNG MINH ĐƯỢC;")):
        nothing = {"tra_loi.json": {"differences": [], "verdict": verdict}}
        said = check_bundle(bundle(folder, "answer", places, nothing)).said[-1]
        assert words in said
        assert "không chứng minh được rằng không còn" in said
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
