"""The public receipt log on one whole stack: its figures as counted independently, then papers issued from it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from domain.instants import parse_rfc3339
from tests.support.events import dossier_event
from tests.support.stack import ROOT, RunningStack
from tests.support.waiting import until

RECEIPT = ROOT.parent / "shared" / "data" / "receipt"
WHOLE = "2010-01-01..2012-01-23"
OPTIONS = ("--time-zone", "Europe/Amsterdam", "--clock", "2012-01-23T14:42:54Z")
Brought = tuple[RunningStack, dict[str, Any]]


def issued(stack: RunningStack, *arguments: str) -> str:
    """The id of a paper issued by the command line."""
    before = {r["id"] for r in stack.json("report", "list")["reports"]}
    stack.run("report", *arguments, "--issue")

    def new() -> list[str]:
        return [r["id"] for r in stack.json("report", "list")["reports"] if r["id"] not in before]

    return str(until(new, "the issue to be in the rows", 60)[0])


def client(stack: RunningStack, *arguments: str) -> httpx.Client:
    """HTTP with a key of its own."""
    token = stack.run("keys", "create", "test", *arguments).strip()
    return httpx.Client(
        base_url=stack.stack.api, headers={"Authorization": f"Bearer {token}"}, timeout=120, verify=False
    )


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, dict[str, Any]]]:
    """A stack with the log imported, and the import's report. The tests below take it in their order."""
    if not RECEIPT.is_dir():
        pytest.skip("the public receipt log is not on this machine (../shared/data)")
    stack = RunningStack(tmp_path_factory.mktemp("receipt"), *OPTIONS)
    files = [str(RECEIPT / name) for name in ("events.csv", "cases.csv")]
    try:
        stack.start()
        mapping = str(ROOT / "examples" / "receipt.toml")
        yield stack, stack.json("import", "csv", *files, "--mapping", mapping, "--wait")
    finally:
        stack.stop()


def test_the_figures_are_those_that_were_counted_independently(brought: Brought) -> None:
    stack, report = brought
    assert report["rejected"] == 0
    found = report["findings"]
    assert (found["no_end"], found["end_before_start"], found["event_after_end"]) == (105, 2, 145)
    by_hour = stack.json("overdue", "--rule", "timestamp")["totals"]
    assert by_hour == {
        "finished_on_time": 952,
        "finished_late": 377,
        "open_late": 39,
        "open_not_due": 66,
        "undated": 0,
    }
    assert stack.json("overdue", "--rule", "date")["totals"]["finished_late"] == 309
    late = stack.json("alerts", "--kind", "A04", "--state", "all", "--clock", "log")
    assert (late["totals"]["A04"], len(late["alerts"])) == (416, 416), "377 finished late and 39 open and late"
    assert stack.json("alerts", "--kind", "A04", "--clock", "wall")["totals"]["A04"] > 39, (
        "today they all are late"
    )
    kept = stack.rows()["findings"]
    assert sum(row[0] == "event_after_end" for row in kept) == 145
    assert sum(row[0] == "end_before_start" for row in kept) == 2
    assert stack.json("reconcile")["verdict"] == "holds"


def test_papers_are_issued_and_found_again(brought: Brought, tmp_path: Path) -> None:
    stack, _ = brought
    form = tmp_path / "form.xlsx"
    report = issued(stack, "ii06a", "--period", WHOLE, "--out", str(form))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(form.read_bytes())).get_sheet_by_name("II.06a").to_python()
    total = next(row for row in sheet if "Tổng cộng" in row)
    received, done, late, open_ = (total[n] for n in (2, 6, 9, 10))
    assert (received, done, late, open_) == (952 + 377 + 39 + 66, 952 + 377, 309, 39 + 66)
    assert any("(3) = (7) + (11): ĐÚNG" in row for row in sheet)
    page = issued(stack, "publication", "--period", "2011-05", "--out", str(tmp_path / "page.html"))

    moved = {"unit": "Elsewhere", "procedure": "other", "due_at": "2011-05-20T10:00:00+02:00"}
    accepted, reopened = (parse_rfc3339(t) for t in ("2011-05-02T10:00:00+02:00", "2011-11-01T10:00:00+01:00"))
    stack.load([dossier_event("case-new", "accepted", accepted, 0, **moved)])
    stack.load([dossier_event("case-10011", "reopened", reopened, 0)])
    stack.settle()
    fresh = tmp_path / "fresh.xlsx"
    stack.run("report", "ii06a", "--period", WHOLE, "--out", str(fresh))
    assert fresh.read_bytes() != form.read_bytes()
    for one, file in ((report, form), (page, tmp_path / "page.html")):
        again = tmp_path / f"again{file.suffix}"
        stack.run("report", "show", one, "--out", str(again))
        assert again.read_bytes() == file.read_bytes()
    second = tmp_path / "second.html"
    stack.run("report", "publication", "--period", "2011-05", "--out", str(second))
    assert "tiếp nhận 332, nay là 333" in second.read_text(encoding="utf-8")
    who_may(stack, report, page)


def who_may(stack: RunningStack, report: str, page: str) -> None:
    question = {"period": "2011-05"}
    with client(stack, "--scope", "read", "--unit", "General") as one:
        own = one.get("/v1/reports/publication", params=question)
        assert own.status_code == 200
        assert own.headers["content-type"] == "text/html; charset=utf-8"
        assert "General, kỳ 2011-05" in own.text
        for path in (f"/v1/reports/{report}", f"/v1/reports/{page}"):
            assert one.get(path).status_code == 404
        assert one.get("/v1/reports/publication", params={**question, "unit": "H44"}).status_code == 404
        assert one.get("/v1/reports").json() == {"reports": []}
        assert one.post("/v1/reports/brief/issue").status_code == 403
    with client(stack, "--scope", "display") as wall:
        assert wall.get("/v1/reports/brief").status_code == 403
    with stack.http() as owner:
        for path, status in (("/v1/reports/letter", 404), ("/v1/reports/brief?format=xlsx", 422)):
            assert owner.get(path).status_code == status
        assert owner.get("/v1/reports/brief?unit=H44&unit=H44").status_code == 422
        assert owner.get("/v1/reports/league").headers["content-type"] == "application/pdf"
