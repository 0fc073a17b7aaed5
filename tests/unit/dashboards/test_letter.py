"""Mẫu 04 as a Word file: its words, equal bytes, a province's own form, and the route that gives it."""

import io
import zipfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docx import Document
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import problem_answers
from api.config import ApiConfig, StoreConfig
from api.figures.apologies import _reason
from dashboards.papers import letter_routes
from dashboards.papers.letter import _paragraphs, built_in, places, render
from domain.errors import InvalidInput
from eventlog.config import KafkaConfig

TOLD: dict[str, Any] = {
    "dossier_code": "H44.100-1",
    "as_of": "2026-11-20T10:00:00.000+07:00",
    "unit": "H44.100",
    "unit_name": "UBND xã Mẫu A",
    "procedure": "1.001",
    "procedure_name": "Cấp giấy phép",
    "accepted_at": "2026-11-02T08:00:00.000+07:00",
    "due_at": "2026-11-23T16:30:00.000+07:00",
    "due_at_original": None,
    "ended_at": None,
    "reason": "Chờ cơ quan phối hợp",
    "new_due_at": "2026-11-30T16:30:00.000+07:00",
    "reappointment": 1,
    "allowed": 1,
    "warnings": [{"code": "too_late", "vi": "", "en": ""}],
}


def text_of(content: bytes) -> str:
    return "\n".join(p.text for p in _paragraphs(Document(io.BytesIO(content))))


def test_the_letter_says_what_the_form_asks_for() -> None:
    text = text_of(render(TOLD))
    for words in (
        "UBND xã Mẫu A", "Số: ………", "Kính gửi: ……", "H44.100-1", "Cấp giấy phép (1.001)",
        "08 giờ 00, ngày 02/11/2026",
        "16 giờ 30, ngày 23/11/2026", "Lý do: Chờ cơ quan phối hợp.", "trả kết quả: 16 giờ 30, ngày 30/11/2026",
        "Lần hẹn lại: 01/01", "xin lỗi", "(Ký, ghi rõ họ tên, đóng dấu)",
    ):  # fmt: skip
        assert words in text
    assert "{{" not in text
    assert "QUÁ HẠN" not in text, "warnings are for who signs, not for the citizen"


def test_without_a_reason_there_is_room_to_write_one() -> None:
    assert "Lý do: ………" in text_of(render(TOLD | {"reason": None}))


def test_a_second_reappointment_and_a_result_are_named() -> None:
    assert "Lần hẹn lại: 02/01" in text_of(render(TOLD | {"reappointment": 2}))
    done = text_of(render(TOLD | {"new_due_at": None, "ended_at": "2026-11-25T09:00:00+07:00"}))
    assert "giải quyết xong ngày 25/11/2026" in done
    assert "không hẹn lại" in done


def test_the_same_question_gives_the_same_bytes_on_any_hour_of_the_day() -> None:
    first = render(TOLD)
    assert render(TOLD | {"as_of": "2026-11-20T16:59:00.000+07:00"}) == first
    assert render(TOLD | {"as_of": "2026-11-21T10:00:00.000+07:00"}) != first
    with zipfile.ZipFile(io.BytesIO(first)) as package:
        assert {info.date_time[0] for info in package.infolist()} == {1980}
    assert Document(io.BytesIO(first)).core_properties.author == ""


def own_form(path: Path, *texts: str, cut: bool = False) -> Path:
    document = Document()
    for text in texts:
        paragraph = document.add_paragraph()
        for piece in text if cut else (text,):
            paragraph.add_run(piece)
    document.sections[0].footer.paragraphs[0].text = "{{ unit }}"
    document.save(str(path))
    return path


@pytest.mark.parametrize("cut", [False, True])
def test_a_provinces_own_form_is_filled_in_however_word_has_cut_it(tmp_path: Path, cut: bool) -> None:
    form = own_form(tmp_path / "form.docx", "Mã {{dossier_code}} hẹn {{due_at}}", cut=cut)
    assert text_of(render(TOLD, form)).split("\n") == ["Mã H44.100-1 hẹn 16 giờ 30, ngày 23/11/2026", "H44.100"]


def test_a_form_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"owner_name; known are unit_name"):
        render(TOLD, own_form(tmp_path / "form.docx", "{{owner_name}}"))
    (tmp_path / "form.docx").write_bytes(b"text")
    with pytest.raises(InvalidInput, match=r"form\.docx, is not readable"):
        render(TOLD, tmp_path / "form.docx")
    with pytest.raises(InvalidInput, match="not readable"):
        render(TOLD, tmp_path / "none.docx")


def test_our_form_uses_only_places_that_exist() -> None:
    assert set(places(TOLD)) >= {"unit_name", "appointment"}
    assert "{{appointment}}" in "\n".join(p.text for p in _paragraphs(built_in()))


@pytest.mark.parametrize("text", ["CCCD 001234567890", "gọi 0912 345 678", "0912.345.678", "a\nb", "x" * 201])
def test_a_reason_with_somebodys_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        _reason(text)


@pytest.mark.parametrize("text", ["Chờ sở từ 12/11/2026", "Công văn 123/UBND ngày 20.11.2026", "Thiếu 2 người"])
def test_dates_and_numbers_of_papers_are_reasons(text: str) -> None:
    assert _reason(f" {text} ") == text
    assert _reason("  ") is None


class Keys:
    def find(self, token: str) -> None:
        del token


def served(tmp_path: Path, told: dict[str, Any] | None) -> tuple[TestClient, list[tuple[Any, ...]]]:
    app, acts = FastAPI(), list[tuple[Any, ...]]()
    problem_answers.install(app)
    app.include_router(letter_routes.router)

    def letter(_: Any, *args: Any) -> Any:
        acts.append(args)
        return told

    app.state.services = SimpleNamespace(
        config=ApiConfig(KafkaConfig("127.0.0.1:1"), StoreConfig(), tmp_path / "p"),
        keys=Keys(),
        context=lambda *_: nullcontext(None),
        figures=SimpleNamespace(apology_letter=letter),
        acts=SimpleNamespace(record=lambda *args: acts.append(args[:2])),
        wall=lambda: 0,
    )
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)), acts


def test_the_route_gives_the_file_and_names_what_to_heed(tmp_path: Path) -> None:
    client, acts = served(tmp_path, TOLD)
    answer = client.get("/v1/dossiers/H44.100-1/apology-letter?reason=R&new_date=2026-12-01")
    assert answer.content == render(TOLD)
    assert answer.headers["x-gs766-warnings"] == "too_late"
    assert 'filename="mau-04-H44.100-1.docx"' in answer.headers["content-disposition"]
    assert acts == [("H44.100-1", "R", "2026-12-01"), ("dossier_read", "H44.100-1")]
    assert (
        client.get("/v1/dossiers/H44.100-1/apology-letter?format=json").json()["warnings"][0]["code"] == "too_late"
    )


def test_a_dossier_that_is_not_seen_is_not_read(tmp_path: Path) -> None:
    client, acts = served(tmp_path, None)
    assert client.get("/v1/dossiers/X/apology-letter").status_code == 404
    assert [a for a in acts if a[0] == "dossier_read"] == []
