"""Papers with every corner a renderer could stumble over, the same every time; run as a program: their hashes."""

import hashlib
import json

from api.papers.brief import Brief, DueDay, Number, Proposal
from api.papers.ii06a import DossierLine, Form, Line
from api.papers.issuing import Body, Paper, stamped
from api.papers.league import League, Standing, Table
from api.papers.publication import ApologyLine, Correction, ProcedureLine, Publication
from api.papers.questions import Heading
from api.papers.targets import Targets, UnitTargets
from dashboards.papers.files import FORMATS, render

NAME = "UBND xã Mẫu Ạ & <Con> Ờ Ễ"
GROUPS = (("A", 18), ("B", 20), ("C", 12), ("D", 10), ("E", 18), ("F", 22))


def heading(kind: str, **changes: object) -> Heading:
    """A heading of August 2026."""
    known: dict[str, object] = {
        "kind": kind,
        "unit": "H44.100",
        "unit_name": NAME,
        "period": "2026-08",
        "first_day": "2026-08-01",
        "last_day": "2026-08-31",
        "as_of": "2026-09-01T07:10:00.000+07:00",
        "forecast": False,
        "known_at": "2026-09-01T07:09:58.001+07:00",
        "positions": {"0": 120, "1": 118},
        "versions": {"set": "2026/1", "calendar": "built-in", "rules": "766", "fold": "1", "generation": "1"},
        "options": {},
    }
    return Heading(**{**known, **changes})  # type: ignore[arg-type]


def form(lines: int = 3) -> Form:
    """Lines whose identities hold, and a dossier on every list."""
    made = tuple(
        Line(
            key=f"H44.{n}", name="=SUM(A1)" if n == 0 else f"{NAME} {n}", online=5 + n, direct=2, carried=3,
            early=4, on_time=1 + n, late=1, open_in_time=3, open_late=1, late_with_apology=1, waiting=2, outside=1,
        )
        for n in range(lines)
    )  # fmt: skip
    one = DossierLine(
        code="H44.100-260801-0012", name=NAME, procedure="Cấp giấy phép", accepted="01/08/2026 08:00",
        due="10/08/2026 10:00", due_original="10/08/2026 10:00", ended="10/08/2026 15:20",
        state="finished_on_time",
        late_days=0, apology=None, by_date="finished_on_time", by_time="finished_late", reason="after_due",
    )  # fmt: skip
    return Form(by="unit", lines=made, overdue=(one,) * (2 * lines), disagree=(one,), undated=())


def publication() -> Publication:
    """A page with something in every part."""
    indicators = (
        {"code": "PUBLISH_ON_TIME", "name": "TTHC công bố đúng hạn", "group": "A", "numerator": 0,
         "denominator": 0, "rate": None, "points": None, "max": 6.0, "applies": False},
        {"code": "PUBLIC_CONTENT_FULL", "name": "TTHC công khai đủ nội dung", "group": "A", "numerator": None,
         "denominator": None, "rate": None, "points": None, "max": 2.0, "applies": False},
        {"code": "PROCESSED_ON_TIME", "name": "Hồ sơ đúng hạn", "group": "B", "numerator": 1284,
         "denominator": 1300, "rate": 1284 / 1300, "points": 19.754, "max": 20.0, "applies": True},
    )  # fmt: skip
    score = {
        "total_portal": 59.914, "total_rebased": 66.57, "max_applicable": 90.0, "band": "Trung bình",
        "groups": [
            {"code": c, "name": f"Nhóm {c}", "points": None if c == "A" else m / 2, "max": m} for c, m in GROUPS
        ],
    }  # fmt: skip
    volumes = {
        "received": 1300, "carried": 200, "online": 1000, "direct": 100, "done": 1100, "early": 900,
        "on_time": 190, "late": 10, "open": 200, "open_late": 6, "undated": 3,
    }  # fmt: skip
    return Publication(
        volumes=volumes,
        score=score,
        indicators=indicators,
        procedures=(
            ProcedureLine(name="Đăng ký kết hôn", received="1296", done="ẩn", late="10"),
            ProcedureLine(name="Cấp bản sao", received="<5", done="<5", late="0"),
        ),
        apologies_due=16,
        apologies_sent=5,
        apologies=(ApologyLine(code="•••••0012", unit=NAME, due="10/08/2026", sent=None),),
        petitions=dict.fromkeys(
            ("received", "carried", "answered_on_time", "answered_late", "open", "open_late", "unhappy"), 0
        ),
        corrections=(Correction(code="aa", issued="01/09/2026 07:00", changed=(("received", "1299", "1300"),)),),
    )


def brief() -> Brief:
    """A brief as full as it can get."""
    long_name = "Trung tâm Phục vụ hành chính công xã Nghĩa Thuận Mỹ Đức Hòa"
    groups = [{"code": c, "points": m / 3, "max": m} for c, m in GROUPS]
    score = {
        "period": "2026-08",
        "total_portal": 59.91,
        "total_rebased": 66.57,
        "band": "Trung bình",
        "groups": groups,
    }
    before = {**score, "total_portal": 60.33}
    units = tuple((f"{long_name} {n}", 9_999) for n in range(5))
    return Brief(
        day="01/09/2026",
        compared_with="31/08/2026",
        score=score,
        score_before=before,
        weakest=tuple(
            {"name": long_name, "rate": 0.1151, "lost": 3.54, "max": 4.0, "code": "X"} for _ in range(3)
        ),
        due_today=Number(now=118, before=81),
        overdue=Number(now=1284, before=1247),
        without_apology=Number(now=219, before=219),
        waiting=Number(now=40, before=55),
        waiting_too_long=3,
        overdue_units=units,
        proposals=(
            Proposal(kind="due_today", count=118, name=long_name, most=33),
            Proposal(kind="letters", count=12),
            Proposal(kind="indicator", name=long_name, rate=0.1151, lost=3.54),
        ),
        unacknowledged=units,
        unacknowledged_total=1000,
        broken_promises=units,
        broken_total=9,
        usual_output=350.5,
        ahead=tuple(DueDay(day=f"0{n}/09", due=921, crunch=n == 3) for n in range(1, 6)),
        undated=20,
        findings=44,
        dead_letters=1,
        silent_units=tuple(long_name for _ in range(5)),
        silent_total=40,
    )


def league() -> League:
    """Two tables with equal ranks and a unit that is not ranked."""

    def row(name: str, rank: int | None, total: float, reason: str | None = None) -> Standing:
        return Standing(
            unit=name, name=name, rank=rank, reason=reason, total_portal=total, total_rebased=None, band="Khá",
            groups=(None, 19.0, 9.0, 8.0, 15.0, 20.0), received=100, late=3,
        )  # fmt: skip

    rows: tuple[Standing, ...] = (
        row("Xã A", 1, 80.0),
        row("Xã B", 2, 79.0),
        row("Xã C", 2, 79.0),
        row("Xã D", 4, 70.0),
    )
    rows = (*rows, row(NAME, None, 90.0, "chưa đủ số liệu (12 hồ sơ, cần 30)"))
    tables = tuple(
        Table(kind=kind, title=title, size="0–499", lower=0, upper=500.0, rows=rows)
        for kind, title in (("department", "Sở, ban, ngành"), ("commune", "Xã, phường"))
    )
    groups = tuple((c, f"Nhóm {c}", float(m)) for c, m in GROUPS)
    return League(ranked_by="portal", fewest=30, groups=groups, missing=("A",), tables=tables)


def targets() -> Targets:
    """A rate that is on its way, a rate by hand, a number without data, and a document that has run out."""
    plain = {
        "code": "x", "name_en": "", "indicator": None, "better": "higher", "central": 0.5, "last_year": 0.7,
        "numerator": 8, "denominator": 20, "expired": False, "observation": None, "unit_of_measure": "rate",
    }  # fmt: skip
    hand = {
        "period": "2026",
        "recorded_at": "2026-07-05T08:00:00.000+07:00",
        "document": "BC-20",
        "recorded_by": "pks",
    }
    rows = (
        {**plain, "name": "Hồ sơ nộp trực tuyến", "basis": "Kế hoạch 2023–2025", "assigned": 0.77, "achieved": 0.4,
         "missing": 8, "needed_a_month": 2, "forecast": 0.61, "status": "hard", "expired": True},
        {**plain, "name": "Thủ tục có hồ sơ mẫu", "basis": "QĐ-1", "assigned": 0.5, "achieved": 1 / 3,
         "missing": 15, "needed_a_month": 4, "forecast": None, "status": "at_risk", "observation": hand},
        {**plain, "name": "Thời gian chờ trung bình (phút)", "basis": "QĐ-1", "unit_of_measure": "minutes",
         "assigned": 15, "achieved": None, "missing": None, "needed_a_month": None, "forecast": None,
         "status": "no_data", "observation": {**hand, "recorded_by": None, "document": None}},
    )  # fmt: skip
    units = (
        UnitTargets(unit="H44.100", name=NAME, targets=rows),
        UnitTargets(unit="H44.100.1", name="Tổ 1", targets=()),
    )
    return Targets(title="Kế hoạch năm 2026", version="2", year=2026, ends_at="2027-01-01T00:00:00", units=units)


def papers(*, issued: bool = True) -> dict[str, Paper]:
    """One of each kind."""
    bodies: dict[str, Body] = {
        "ii06a": form(), "league": league(), "publication": publication(), "brief": brief(), "targets": targets(),
    }  # fmt: skip
    return {
        kind: stamped(heading(kind, options={"form": "wide"} if kind == "ii06a" else {}), body, issued=issued)
        for kind, body in bodies.items()
    }


def hashes() -> dict[str, str]:
    """The SHA-256 of every file of every paper."""
    return {
        f"{kind}.{form}": hashlib.sha256(render(paper, form)).hexdigest()
        for kind, paper in papers().items()
        for form in (*FORMATS[kind], "json")
    }


if __name__ == "__main__":
    print(json.dumps(hashes()))
