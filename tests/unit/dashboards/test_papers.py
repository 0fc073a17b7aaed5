"""Papers as files: the same bytes everywhere, formulas with their values, text that reads and can be searched."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from api.papers.issuing import stamped
from dashboards.papers.files import chosen, render
from dashboards.papers.words import change, points, whole
from dashboards.papers.workbook import SHEETS, WIDE, workbook
from domain.errors import InvalidInput
from tests.unit.dashboards import papers as made

ROOT = Path(__file__).parents[3]


def test_files_are_the_same_bytes_twice_and_in_another_process_with_other_surroundings() -> None:
    here = made.hashes()
    assert made.hashes() == here
    others = {"PYTHONHASHSEED": "7", "TZ": "America/New_York", "LC_ALL": "C", "LANG": "vi_VN.UTF-8"}
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **others}
    command = [sys.executable, "-m", "tests.unit.dashboards.papers"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == here


def test_a_document_does_not_carry_over_the_letters_of_the_one_before() -> None:
    papers = made.papers()
    alone = render(papers["brief"], "pdf")
    render(papers["publication"], "pdf")
    assert render(papers["brief"], "pdf") == alone


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_the_workbook_has_its_sheets_and_the_values_of_its_formulas() -> None:
    found = sheets(render(made.papers()["ii06a"], "xlsx"))
    assert tuple(found) == (*SHEETS[:4], WIDE, SHEETS[4])
    total = found["II.06a"][11]
    assert total[1:] == ["Tổng cộng", 33, 18, 6, 9, 21, 12, 6, 3, 12, 9, 3]
    assert found["II.06a"][13][2] == "(3) = (7) + (11): ĐÚNG"
    assert found["Danh sách quá hạn"][1][1] == 6
    assert found["Ghi chú"][8][1] == "ĐÚNG"
    assert found["II.06a"][8][1] == "=SUM(A1)"  # a unit's name, not a formula


def test_a_form_without_any_dossier_holds() -> None:
    found = sheets(workbook(made.heading("ii06a"), made.form(0)))
    assert found["II.06a"][8][1:] == ["Tổng cộng", *[0] * 11]
    assert found["II.06a"][10][2] == "(3) = (7) + (11): ĐÚNG"


def test_a_broken_identity_is_told() -> None:
    body = made.form()
    body.lines[0].carried += 1
    found = sheets(workbook(made.heading("ii06a"), body))
    assert found["II.06a"][13][2] == "(3) = (7) + (11): SAI"


def without_values(content: bytes) -> bytes:
    """The workbook as if nobody had computed it: what it then shows, the reader computed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            text = old.read(item)
            if item.filename.startswith("xl/worksheets/"):
                text = re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", text)
            new.writestr(item.filename, text)
    return out.getvalue()


@pytest.mark.skipif(which("soffice") is None, reason="LibreOffice is not on this machine")
def test_libreoffice_computes_the_same_values(tmp_path: Path) -> None:
    content = workbook(made.heading("ii06a", options={"form": "wide"}), made.form())
    (tmp_path / "bare.xlsx").write_bytes(without_values(content))
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to",
         "ods", "--outdir", str(tmp_path / "out"), str(tmp_path / "bare.xlsx")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert cells((tmp_path / "out" / "bare.ods").read_bytes()) == cells(content)


def cells(content: bytes) -> dict[tuple[str, int, int], Any]:
    return {
        (name, r, c): value
        for name, rows in sheets(content).items()
        for r, row in enumerate(rows)
        for c, value in enumerate(row)
        if value != ""
    }


def text_of(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_a_pdf_holds_vietnamese_text_that_can_be_searched() -> None:
    found = text_of(render(made.papers()["publication"], "pdf"))
    for words in (
        "CÔNG KHAI KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH",
        "UBND xã Mẫu Ạ & <Con> Ờ Ễ",
        "59,91/100 (Trung bình)",
        "Không phát sinh trong kỳ (1): TTHC công bố đúng hạn",
        "Chưa có số liệu (1): TTHC công khai đủ nội dung",
        "Phải xin lỗi: 16",
        "tiếp nhận 1.299, nay là 1.300",
        "mã kiểm chứng",
    ):
        assert words in found, words


def test_letters_in_two_pieces_are_printed_as_one() -> None:
    body = made.publication()
    head = made.heading("publication", unit_name="Huye\u0323\u0302n")
    assert "Huyện" in text_of(render(stamped(head, body, issued=True), "pdf"))


def test_the_fullest_brief_is_one_page_of_six_parts_in_order() -> None:
    content = render(made.papers()["brief"], "pdf")
    assert len(PdfReader(io.BytesIO(content)).pages) == 1
    found = text_of(content)
    parts = [found.index(f"{n}. {name}") for n, name in enumerate(
        ("Điểm", "Đến hạn", "Đề xuất", "Nhận việc", "Dồn hạn", "Chất lượng"), 1)]  # fmt: skip
    assert parts == sorted(parts)
    assert "(−0,42 so với 31/08/2026)" in found
    assert "921 – DỒN HẠN" in found


def test_the_league_table_shows_equal_ranks_and_why_a_unit_has_none() -> None:
    found = render(made.papers()["league"], "html").decode()
    first = found[found.index("<h2>") : found.rindex("<h2>")]
    assert re.findall(r'<tr><td class="center">(.)</td>', first) == ["1", "2", "2", "4", "—"]
    assert "không xếp hạng: chưa đủ số liệu (12 hồ sơ, cần 30)" in first


def test_a_page_is_static_and_asks_nothing_of_anybody() -> None:
    for kind in ("publication", "brief", "league", "targets"):
        page = render(made.papers()[kind], "html").decode()
        assert not re.search(r"<script|src=|href=|https?://|@import|url\(", page)
        assert "<Con>" not in page


def test_a_preview_says_that_it_is_none_and_its_code_is_that_of_the_issued_paper() -> None:
    for kind, paper in made.papers(issued=False).items():
        if kind != "ii06a":
            assert "Bản xem trước, chưa phát hành" in render(paper, "html").decode()
    assert made.papers(issued=False)["brief"].heading.code == made.papers()["brief"].heading.code


def words_of(kind: str) -> list[str]:
    page = render(made.papers()[kind], "html").decode()
    main = page[page.index("<main>") : page.index("</main>")]
    said = [" ".join(x.split()) for x in re.sub(r"<[^>]+>", "|", main).split("|")]
    return [s for s in said if s]


@pytest.mark.parametrize("kind", ["publication", "brief", "league", "targets"])
def test_a_paper_in_words(kind: str) -> None:
    golden = (Path(__file__).parent / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    assert words_of(kind) == golden


def test_formats() -> None:
    assert chosen("ii06a", None) == "xlsx"
    assert chosen("brief", "json") == "json"
    with pytest.raises(InvalidInput, match=r"publication comes as html, pdf, json; not as 'xlsx'"):
        chosen("publication", "xlsx")


def test_numbers_as_vietnamese_papers_write_them() -> None:
    assert whole(1284) == "1.284"
    assert points(1234.5) == "1.234,50"
    assert (change(5, 4), change(4, 5), change(5, 5), change(5, None)) == ("+1", "−1", "=", "")
