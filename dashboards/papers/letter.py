"""Mẫu 04 as a Word file: a template, ours or a province's own, with its places filled in; equal bytes."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as Doc
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.opc.exceptions import PackageNotFoundError
from docx.shared import Pt
from docx.table import Table
from docx.text.paragraph import Paragraph

from domain.errors import InvalidInput

MEDIA = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_DOTS = "…" * 20
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_HEAD_LEFT = ("{{unit_name}}", "BỘ PHẬN TIẾP NHẬN VÀ TRẢ KẾT QUẢ", "Số: ………/PXL-………")
_HEAD_RIGHT = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "………, ngày …… tháng …… năm ………",
)
_BODY = (
    "Kính gửi: " + "…" * 40,
    "{{unit_name}} đã tiếp nhận hồ sơ mã số {{dossier_code}}, thủ tục: {{procedure}}.",
    "Ngày tiếp nhận: {{accepted_at}}.",
    "Thời gian hẹn trả kết quả: {{due_at}}.",
    "Đến nay, hồ sơ chưa có kết quả đúng thời gian đã hẹn. Lý do: {{reason}}.",
    "Sự chậm trễ này đã gây phiền hà, tốn kém thời gian, công sức của Ông/Bà, Tổ chức. Chúng tôi xin chân thành "
    "xin lỗi.",
    "{{appointment}}",
    "Lần hẹn lại: {{reappointment}}.",
    "Mong nhận được sự thông cảm của Ông/Bà, Tổ chức vì sự chậm trễ này./.",
)


def places(told: Mapping[str, Any]) -> dict[str, str]:
    """What stands in each place of a template, from the answer of `api.figures.apology_letter`."""
    name = told["procedure_name"]
    new = told["new_due_at"]
    ended = _day(told["ended_at"])
    appointment = (
        f"Chúng tôi xin hẹn lại thời gian trả kết quả: {_moment(new)}."
        if new
        else f"Hồ sơ đã giải quyết xong ngày {ended}; kính mời Ông/Bà, Tổ chức đến nhận kết quả."
    )
    number, allowed = told["reappointment"], told["allowed"]
    return {
        "unit_name": told["unit_name"],
        "unit": told["unit"],
        "dossier_code": told["dossier_code"],
        "procedure": f"{name} ({told['procedure']})" if name else str(told["procedure"]),
        "accepted_at": _moment(told["accepted_at"]),
        "due_at": _moment(told["due_at"]),
        "due_at_original": _moment(told["due_at_original"] or told["due_at"]),
        "reason": told["reason"] or _DOTS,
        "new_due_at": _moment(new) if new else "",
        "appointment": appointment,
        "reappointment": f"{number:02d}/{allowed:02d}" if new else "không hẹn lại",
    }


def render(told: Mapping[str, Any], template: Path | None = None) -> bytes:
    """The file. InvalidInput for a template that is no Word file or names a place that does not exist."""
    document = built_in() if template is None else _opened(template)
    values = places(told)
    unknown = sorted(set(_PLACE.findall("\n".join(p.text for p in _paragraphs(document)))) - set(values))
    if unknown:
        raise InvalidInput(
            f"the template of the letter has places that are not known: {', '.join(unknown)}; "
            f"known are {', '.join(values)}"
        )
    for paragraph in _paragraphs(document):
        _fill(paragraph, values)
    _stamp(document, told)
    raw = io.BytesIO()
    document.save(raw)
    return _packed(raw.getvalue())


def built_in() -> Doc:
    """Our template: the form of thông tư 01/2018/TT-VPCP, phụ lục, Mẫu số 04."""
    document = Document()
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Times New Roman", Pt(13)
    head = document.add_table(rows=1, cols=2)
    for cell, lines in zip(head.rows[0].cells, (_HEAD_LEFT, _HEAD_RIGHT), strict=True):
        for n, line in enumerate(lines):
            paragraph = cell.paragraphs[0] if n == 0 else cell.add_paragraph()
            paragraph.alignment = ALIGN.CENTER
            paragraph.add_run(line).bold = n < 2
    title = document.add_paragraph()
    title.alignment = ALIGN.CENTER
    title.paragraph_format.space_before = title.paragraph_format.space_after = Pt(18)
    title.add_run("PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ").bold = True
    for line in _BODY:
        paragraph = document.add_paragraph(line)
        paragraph.paragraph_format.first_line_indent = Pt(28)
    signed = document.add_table(rows=1, cols=2).rows[0].cells[1]
    for n, line in enumerate(("THỦ TRƯỞNG ĐƠN VỊ", "(Ký, ghi rõ họ tên, đóng dấu)")):
        paragraph = signed.paragraphs[0] if n == 0 else signed.add_paragraph()
        paragraph.alignment = ALIGN.CENTER
        paragraph.add_run(line).bold = n == 0
    return document


def _opened(template: Path) -> Doc:
    try:
        return Document(str(template))
    except (OSError, ValueError, KeyError, PackageNotFoundError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"the template of the letter, {template.name}, is not readable as .docx") from error


def _paragraphs(document: Doc) -> Iterator[Paragraph]:
    """Every paragraph: the body's, those of tables however deep, those of heads and feet."""
    yield from _within(document)
    for section in document.sections:
        for part in (section.header, section.footer):
            if not part.is_linked_to_previous:
                yield from _within(part)


def _within(holder: Any) -> Iterator[Paragraph]:
    for block in holder.iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                for cell in row.cells:
                    yield from _within(cell)
        else:
            yield block


def _fill(paragraph: Paragraph, values: Mapping[str, str]) -> None:
    """Fills the places; Word may have cut one over several runs: then the whole paragraph goes into its first."""
    for run in paragraph.runs:
        if _PLACE.search(run.text):
            run.text = _filled(run.text, values)
    if paragraph.runs and _PLACE.search(paragraph.text):
        text = _filled(paragraph.text, values)
        for run in paragraph.runs[1:]:
            run.text = ""
        paragraph.runs[0].text = text


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: values[found[1]], text)


def _stamp(document: Doc, told: Mapping[str, Any]) -> None:
    """Word's own fields: nobody's name, and the day of the question instead of the clock's."""
    day = datetime.fromisoformat(told["as_of"]).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    core = document.core_properties
    core.author = core.last_modified_by = core.comments = core.keywords = ""
    core.title, core.revision = f"Mẫu 04 {told['dossier_code']}", 1
    core.created = core.modified = day


def _packed(content: bytes) -> bytes:
    """The same package without the times of writing."""
    raw = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return raw.getvalue()


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%H giờ %M, ngày %d/%m/%Y}"


def _day(text: str | None) -> str:
    return f"{datetime.fromisoformat(text):%d/%m/%Y}" if text else ""
