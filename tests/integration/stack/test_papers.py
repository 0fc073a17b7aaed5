"""Papers on a whole stack with the public receipt log: its known counts, issuing, who may, the same bytes."""

import io
from pathlib import Path

import httpx
import pytest
from python_calamine import CalamineWorkbook

from domain.instants import parse_rfc3339
from tests.integration.stack.conftest import Start
from tests.support.events import dossier_event
from tests.support.stack import ROOT, RunningStack
from tests.support.waiting import until

RECEIPT = ROOT.parent / "shared" / "data" / "receipt"
WHOLE = "2010-01-01..2012-01-23"


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
    return httpx.Client(base_url=stack.stack.api, headers={"Authorization": f"Bearer {token}"}, timeout=120)


@pytest.mark.skipif(not RECEIPT.is_dir(), reason="the public receipt log is not on this machine (../shared/data)")
def test_papers_of_the_receipt_log(start: Start, tmp_path: Path) -> None:
    stack = start("--time-zone", "Europe/Amsterdam", "--clock", "2012-01-23T14:42:54Z")
    files = [str(RECEIPT / name) for name in ("cases.csv", "events.csv")]
    stack.run("import", "csv", *files, "--mapping", str(ROOT / "examples" / "receipt.toml"), "--wait")

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
