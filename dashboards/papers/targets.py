"""Target progress as a document."""

from typing import Any

from api.papers.questions import Heading
from api.papers.targets import Targets
from dashboards.papers.document import Block, Document, Table, Text, Title
from dashboards.papers.words import DASH, PAPERS, moment, percent, points, source_line, span, standing_line, whole

_STATUS = {
    "reached": "đã đạt",
    "on_track": "đúng tiến độ",
    "at_risk": "có nguy cơ",
    "hard": "khó đạt",
    "missed": "không đạt",
    "no_target": "không giao",
    "no_data": "chưa có số liệu",
}
_COLUMNS = (
    "Chỉ tiêu", "Căn cứ", "Giao", "Đã đạt", "Còn thiếu", "Cần mỗi tháng", "Dự báo", "Tình trạng", "Nguồn nhập tay"
)  # fmt: skip
_ALIGN = ("left", "left", "right", "right", "right", "right", "right", "left", "left")
_WIDTHS = (4.2, 3, 1.3, 1.4, 1.4, 1.4, 1.3, 1.7, 3)


def document(head: Heading, body: Targets) -> Document:
    """Each unit's targets, with who entered what the log cannot know, when, and from which document."""
    blocks: list[Block] = [
        Title(PAPERS["targets"].upper()),
        Text(f"{head.unit_name}, {span(head)}; chỉ tiêu năm {body.year}", "strong"),
        Text(f"{standing_line(head)} {body.title} (phiên bản {body.version}).", "small"),
    ]
    for unit in body.units:
        rows = tuple(_row(t) for t in unit.targets)
        blocks += [Title(unit.name, 2), Table(_COLUMNS, rows, _ALIGN, _WIDTHS)]
    blocks.append(
        Text(
            "Còn thiếu: số hồ sơ (hoặc thủ tục) phải thêm vào tử số để đạt mức giao với mẫu số hiện nay. Dự báo "
            "theo tốc độ từ đầu kỳ. Dòng nhập tay ghi người nhập, lúc nhập và văn bản.",
            "small",
        )
    )
    title = f"{PAPERS['targets']}: {head.unit_name}, {body.year}"
    return Document(title, blocks, source_line(head), landscape=True)


def _row(t: dict[str, Any]) -> tuple[str, ...]:
    def value(number: float | None) -> str:
        if number is None:
            return DASH
        return (
            percent(number)
            if t["unit_of_measure"] == "rate"
            else points(number, 0 if number == int(number) else 1)
        )

    basis = t["basis"] + (" (đã hết hạn, tạm dùng)" if t["expired"] else "")
    return (
        t["name"],
        basis,
        value(t["assigned"]),
        value(t["achieved"]),
        whole(t["missing"]),
        whole(t["needed_a_month"]),
        value(t["forecast"]),
        _STATUS.get(t["status"], t["status"]),
        _source(t["observation"]),
    )


def _source(told: dict[str, Any] | None) -> str:
    if not told:
        return ""
    who = told.get("recorded_by") or "không rõ người nhập"
    return f"{who}, {moment(told['recorded_at'])}, {told.get('document') or 'không ghi văn bản'}"
