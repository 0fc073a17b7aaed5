"""The board over a fake source, as a process for a browser; `POST /fake` changes the source."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from api.access import Principal
from dashboards.board.alert_model import (
    ActRow,
    AlertList,
    AlertPage,
    AlertRow,
    Answer,
    Filter,
    Ticket,
)
from dashboards.board.model import (
    DossierPage,
    EventRow,
    Freshness,
    Group,
    Indicator,
    Live,
    Numbers,
    OverdueRow,
    Score,
    UnitPage,
    UnitRow,
    Verdict,
)
from dashboards.board.mount import mount
from dashboards.board.sheets import Asked, Progress
from domain.errors import InvalidInput, Unavailable
from domain.indicator_documents import packaged_sets
from domain.instants import parse_rfc3339, zone
from domain.periods import parse_instant
from domain.scoring import score_indicator, totalled
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.memory import Memory
from producers.sheets.importing import Options, import_sheets, open_source
from producers.sheets.sheet_mapping import SheetMapping
from producers.sink import NullSink

ALERT = "0123456789abcdef01234567"
DAY, HOUR = 86_400_000, 3_600_000
AT = parse_rfc3339("2026-11-24T07:10:02+07:00")
NAMES = ("Xã Mẫu A", "Sở Mẫu Nội vụ", "Phường Mẫu B", "Xã Mẫu <C>", "Xã Mẫu D", "Sở Mẫu Xây dựng", "Xã Mẫu Đ")
FIGURES = {
    "DOSSIER_SYNC": (151_200, 152_595), "PROCESSED_ON_TIME": (144_658, 184_513),
    "FORMALITY_ONLINE_SERVICE": (1_611, 1_802), "ONLINE_SERVICE_WITH_DOSSIER": (402, 1_611),
    "DOSSIER_SUBMITTED_ONLINE": (150_917, 152_595), "FORMALITY_PAYMENT_INTEGRATED": (611, 640),
    "FORMALITY_PAID_ONLINE": (312, 640), "DOSSIER_PAID_ONLINE": (82_913, 98_459),
    "PETITION_PROCESSING_ON_TIME": (240, 247), "PETITION_HANDLING_SATISFACTION": (229, 247),
    "DOSSIER_RECEIVING_SATISFACTION": (144_600, 184_513), "ORIGINAL_RESULT_AVAILABLE": (74_000, 120_400),
    "SO_HOA_GIAY_TO_GIAI_QUYET": (21_219, 184_513), "REUSED_DIGITIZED_DATA": (40_112, 184_513),
    "SYNCED_WITH_DVCQG_PERSONAL_STORAGE": (8_300, 184_513), "CITIZEN_DATA_CONNECTED_DOSSIER": (99_020, 184_513),
}  # fmt: skip


def _absent(row: Indicator, group: str) -> bool:
    return row.group == group and not row.applies


def _score() -> Score:
    chosen = next(s for s in packaged_sets() if s.name == "2026")
    found = totalled(chosen, [score_indicator(i, *FIGURES.get(i.code, (None, None))) for i in chosen.indicators])
    names = {i.code: i for i in chosen.indicators}
    rows = tuple(
        Indicator(
            r.code, r.group, names[r.code].name, names[r.code].name_en, r.numerator, r.denominator, r.rate,
            r.points, r.max, r.applies,
        )
        for r in found.indicators
    )  # fmt: skip
    groups = tuple(
        Group(g.code, s.name, s.name_en, g.points, g.max, sum(r.max for r in rows if _absent(r, g.code)))
        for g, s in zip(found.groups, chosen.groups, strict=True)
    )  # fmt: skip
    return Score("H44", "Tỉnh Mẫu", "2026-11", "2026", 1, "0/120 · 1/88 · 2/97 · 3/104", found.total_portal,
                 found.total_rebased, found.band, groups, rows)  # fmt: skip


class FakeSource:
    """Figures that the test changes; `asked` counts how often the whole board was computed."""

    def __init__(self) -> None:
        self.zone, self.root = zone("Asia/Ho_Chi_Minh"), "H44"
        self.turn = self.asked = 0
        self.overdue, self.failing = 1_284, False
        self.stale_ms: int | None = None

    def place(self) -> object:
        return self.turn

    def live(self) -> Live:
        self.asked += 1
        if self.failing:
            raise Unavailable("the store does not answer")
        units = tuple(
            UnitRow(f"H44.{100 + n}", name, max(0, 96 - 13 * n), (17 - 5 * n) % 11) for n, name in enumerate(NAMES)
        )
        fresh = Freshness(AT - 4_000, self.stale_ms, 163, 163)
        return Live(AT, "wall", fresh, _score(), Numbers(118, 412, self.overdue, 96, 219), units)

    def unit(self, code: str) -> UnitPage | None:
        if code != "H44.100":
            return None
        rows = tuple(
            OverdueRow(
                f"H44.100-261{n:03d}-00{n:02d}",
                "2.000815",
                AT - 9 * DAY,
                AT - n * DAY,
                AT - (n + n % 2) * DAY,
                n,
                n * DAY,
                n % 3 == 0,
            )
            for n in range(1, 9)
        )
        return UnitPage(code, NAMES[0], AT, None, 6, rows, self.overdue)

    def dossier(self, code: str) -> DossierPage | None:
        if code != "H44.100-261001-0001":
            return None
        due = AT - 2 * DAY
        vi = ("ĐANG QUÁ HẠN 2 ngày 0 giờ làm việc theo Cổng (so giờ): sau giờ hẹn trả.",
              "ĐANG QUÁ HẠN theo II.06a (so ngày): sau ngày hẹn trả.",
              "ĐANG QUÁ HẠN 9 ngày theo ngày hẹn gốc.")  # fmt: skip
        rules = (("766", "after_due"), ("06a", "after_due_day"), ("orig", "after_due"))
        verdicts = tuple(
            Verdict(rule, "open_late", True, reason, said, f"OVERDUE by rule {rule}", due, AT, 3_600_000, 1)
            for (rule, reason), said in zip(rules, vi, strict=True)
        )
        types = ("submitted", "accepted", "step_started", "supplement_requested", "supplement_received")
        events = tuple(
            EventRow(
                f"dossier.{t}",
                AT - (9 - n) * DAY,
                AT - (9 - n) * DAY + n * 10 * HOUR,
                AT - (9 - n) * DAY + n * 10 * HOUR + 400,
                "/h44/one-stop",
                2,
                40 + n,
                n,
                f"e{n}",
            )
            for n, t in enumerate(types)
        )
        return DossierPage(
            code=code,
            at=AT,
            unit="H44.100",
            unit_name=NAMES[0],
            procedure="2.000815",
            status="processing",
            channel="online",
            accepted_at=AT - 9 * DAY,
            due_at=due,
            due_at_original=due - 7 * DAY,
            finished_at=None,
            returned_at=None,
            apology_at=None,
            verdicts=verdicts,
            events=events,
            findings=("due_moved_after_due",),
        )


class FakeAuditor:
    """Answers every question alike; its bundle is not one."""

    def units(self, viewer: Principal) -> list[str]:
        return ["H44", *viewer.units]

    def ask(self, viewer: Principal, fields: Mapping[str, str]) -> dict[str, Any]:
        if fields.get("unit") == "H44.9":
            raise InvalidInput("there is no unit H44.9")
        event = {"type": "dossier.due_date_moved", "partition": 2, "offset": 40, "index": 1}
        row = {"dossier_code": "H44.100-1 <b>", "old_due": "2026-11-20", "events": [event]}
        found = {"question": fields["cau"], "verdict": "fails", "reason": f"asked by {viewer.key_id}"}
        return {**found, "checked": {"dossiers": 12, "moves": 1}, "differences": [row]}

    def bundle(self, viewer: Principal, fields: Mapping[str, str]) -> bytes:
        return f"PK {viewer.key_id} {sorted(fields)}".encode()


class FakeFindings:
    """Two findings of a unit, about a dossier and about the unit itself; closing moves one to the closed."""

    def __init__(self) -> None:
        self.closed: dict[str, dict[str, Any]] = {}

    def units(self, viewer: Principal) -> list[str]:
        return ["H44", *viewer.units]

    def findings(self, viewer: Principal, unit: str, period: str, kind: str) -> dict[str, Any]:
        if unit == "H44.9":
            raise InvalidInput(f"there is no unit H44.9 in {period} for {viewer.key_id}")
        event = {"type": "dossier.due_date_moved", "occurred_at": "2026-11-20T08:00", "partition": 2, "offset": 40}
        common: dict[str, Any] = {"unit": unit, "since": "2026-11-20", "events": [event | {"index": 1}]}
        rows: list[dict[str, Any]] = [
            {"id": "f1", "kind": "due_moved_late", "dossier_code": "H44.100-1 <b>", **common},
            {"id": "f2", "kind": "all_paid_online", "dossier_code": None, **common},
        ]
        rows = [row for row in rows if kind in ("", row["kind"])]
        closed = [{**row, "closed": self.closed[row["id"]]} for row in rows if row["id"] in self.closed]
        spread = {"findings": 1, "peers": 7, "peers_median": 1.5, "peers_most": 4.0}
        by_kind = [
            {"kind": "due_moved_late", "per_thousand": 9.0, **spread},
            {"kind": "all_paid_online", "percent": 100.0, "paid": 44, **spread, "peers_median": 85.2},
        ]
        rest = [row for row in rows if row["id"] not in self.closed]
        told = {"checked": {"dossiers": 12}, "differences": rest, "by_kind": by_kind, "closed": closed}
        return {**told, "left_out": 0}

    def close(self, viewer: Principal, fields: Mapping[str, str]) -> None:
        if not fields.get("reason"):
            raise InvalidInput("a finding is closed with a reason")
        said = {"reason": fields["reason"], "actor": viewer.key_id, "at": "2026-11-24T08:00"}
        self.closed[fields["finding"]] = said


class FakeGate:
    """Lets everyone in but those who send the cookie `outside`; the key is 'gs766_right'."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    def viewer(self, request: Request) -> Principal | None:
        if "outside" in request.cookies and request.cookies.get("gs766_key") != "gs766_right":
            return None
        scopes = {"read", "display", "intake"} if "clerk" in request.cookies else {"read", "display"}
        scopes |= {"act"} if "actor" in request.cookies else set()
        return Principal("test", frozenset(scopes))  # type: ignore[arg-type]

    def sees(self, viewer: Principal, unit: str) -> bool:
        return bool(viewer) and bool(unit)

    def admit(self, token: str) -> bool:
        return token == "gs766_right"

    def record_read(self, viewer: Principal, dossier_code: str) -> None:
        self.reads.append(f"{viewer.key_id} {dossier_code}")

    def record_list(self, viewer: Principal, unit: str) -> None:
        self.reads.append(f"{viewer.key_id} list of {unit}")


class FakeDesk:
    """Really looks into files; what it is told to bring in it only notes."""

    def __init__(self) -> None:
        self.brought: list[str] = []
        self.here = tempfile.mkdtemp(prefix="gs766-desk-")

    def folder(self) -> Path:
        return Path(self.here)

    def source(self) -> str:
        return "/excel"

    def look(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        mapping = SheetMapping(columns=asked.columns, unit=asked.unit).with_status(asked.status)
        source = open_source(file, mapping, AT)
        options = Options(mapping, zone("Asia/Ho_Chi_Minh"), "H44", packaged_sets()[-1], dry_run=True)
        memory = Memory(Path(self.here) / "none.sqlite", read_only=True)
        keys = IdentifierKeys(None, options.zone, lambda: AT)
        try:
            report = import_sheets([source], options, NullSink(), Edge(keys), memory)
        finally:
            memory.close()
        progress("file", 1, 2)
        return {**report.as_json(), "samples": [[list(s) for s in sheet.samples] for sheet in report.sheets]}

    def bring(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        self.brought.append(f"{asked.actor} {sorted(asked.status.items())} {file.suffix}")
        return {**self.look(file, asked, progress), "dry_run": False, "rejected_files": []}


class FakeAlerts:
    """One alert of a unit with its chain; acts are kept and shown, as a store would show them."""

    def __init__(self, source: FakeSource) -> None:
        self.zone, self._source = source.zone, source
        self.acts = [ActRow("notified", AT - HOUR, AT - HOUR, "notifier", "email", "", "", None, "", "0/1/0")]
        self.done: list[str] = []
        self.tickets: list[Ticket] = []

    def _row(self) -> AlertRow:
        taken = any(act.act == "acknowledged" for act in self.acts)
        promised = next((act.until for act in self.acts if act.act == "promised"), None)
        waiting = sum(not ticket.outcome for ticket in self.tickets)
        about = ("H44.100-261001-0001", "dossier", "H44.100", NAMES[3], AT - DAY, None, AT - DAY)
        return AlertRow(
            ALERT, "A04", "red", "Quá hạn", "Overdue", "holding", *about, taken, promised, False, waiting
        )

    def alerts(self, viewer: Principal, asked: Filter) -> AlertList:
        assert viewer
        here = asked.unit in ("", "H44.100") and asked.kind in ("", "A04") and asked.level in ("", "red")
        shown = here and asked.state != "cleared" and (bool(self._row().open_disputes) or not asked.disputed)
        return AlertList(AT, (self._row(),) if shown else (), int(shown))

    def listed(self, viewer: Principal, asked: Filter) -> None:
        self.done.append(f"{viewer.key_id} listed {asked.unit}{asked.kind}")

    def alert(self, viewer: Principal, alert: str) -> AlertPage | None:
        assert viewer
        return AlertPage(AT, self._row(), tuple(self.acts), tuple(self.tickets)) if alert == ALERT else None

    def act(self, viewer: Principal, alert: str, verb: str, said: Mapping[str, str]) -> Answer:
        assert alert == ALERT
        if verb in ("promise", "silence") and not said.get("until"):
            raise InvalidInput(f"{verb} needs until, the date it lasts to")
        self.done.append(f"{viewer.key_id} {verb} {said.get('reason', '')}{said.get('outcome', '')}")
        until = parse_instant(said["until"], self.zone) if said.get("until") else None
        names = {"ack": "acknowledged", "promise": "promised", "dispute": "disputed", "resolve": "commented"}
        words = (said.get("reason", ""), said.get("note", ""), until, said.get("outcome", ""))
        place = f"0/{len(self.acts) + 1}/0"
        row = ActRow(names.get(verb, verb), AT, AT, viewer.key_id, "", *words, place)
        self.acts.append(row)
        if verb == "dispute":
            self.tickets.append(Ticket("t1", AT, viewer.key_id, ""))
        if verb == "resolve":
            self.tickets = [Ticket("t1", AT, viewer.key_id, said["outcome"])]
        self._source.turn += 1
        return Answer("Tin cuối cùng hệ thống nhận được: …" if verb == "dispute" else "")

    def opened(self, viewer: Principal, token: str) -> str | None:
        if token != "1-ABCDEFGHIJKL":
            return None
        self.done.append(f"{viewer.key_id} opened")
        return "/canh-bao?unit=H44.100&kind=A04"


def make_app() -> FastAPI:
    """The app under test."""
    app, source, gate, desk = FastAPI(), FakeSource(), FakeGate(), FakeDesk()
    alerts = FakeAlerts(source)

    @app.post("/fake")
    async def change(request: Request) -> dict[str, Any]:
        for name, value in (await request.json()).items():
            setattr(source, name, value)
        source.turn += 1
        return {"asked": source.asked, "reads": gate.reads, "done": alerts.done, "brought": desk.brought,
                "kept": [p.name for p in desk.folder().iterdir()]}  # fmt: skip

    mount(app, source, gate, desk, FakeAuditor(), alerts, FakeFindings())
    return app


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
