"""The monthly publication as a document."""

from typing import Any

from api.papers.publication import Correction, Publication
from api.papers.questions import Heading
from dashboards.papers.document import Block, Bullets, Document, Table, Text, Title
from dashboards.papers.words import (
    DASH,
    NOT_ARISEN,
    PAPERS,
    UNTOLD,
    percent,
    points,
    source_line,
    span,
    standing_line,
    whole,
)

LONGEST = 100
"""Procedures listed at most, by volume; the page says how many are left out."""
_NAMES = {
    "received": "tiếp nhận",
    "carried": "kỳ trước chuyển sang",
    "online": "trực tuyến trong kỳ",
    "direct": "trực tiếp, bưu chính trong kỳ",
    "done": "đã giải quyết",
    "early": "trước hạn",
    "on_time": "đúng hạn",
    "late": "quá hạn",
    "open": "đang giải quyết",
    "open_late": "đang giải quyết, quá hạn",
    "undated": "không có hạn",
    "total_portal": "điểm theo Cổng",
    "total_rebased": "điểm quy đổi",
    "apologies_due": "phải xin lỗi",
    "apologies_sent": "đã xin lỗi",
    "petitions_received": "phản ánh, kiến nghị tiếp nhận",
    "petitions_carried": "phản ánh, kiến nghị kỳ trước chuyển sang",
    "petitions_answered_on_time": "phản ánh, kiến nghị trả lời đúng hạn",
    "petitions_answered_late": "phản ánh, kiến nghị trả lời quá hạn",
    "petitions_open": "phản ánh, kiến nghị đang xử lý",
    "petitions_open_late": "phản ánh, kiến nghị quá hạn chưa trả lời",
    "petitions_unhappy": "phản ánh, kiến nghị không hài lòng",
}


def document(head: Heading, body: Publication) -> Document:
    """The page that a unit puts on its notice board and its site."""
    blocks: list[Block] = [
        Title(PAPERS["publication"].upper()),
        Text(f"{head.unit_name}, kỳ {head.period} ({span(head)})", "strong"),
        Text(standing_line(head), "small"),
        Title("1. Hồ sơ", 2),
        _volumes(body),
        Text(
            "So theo ngày (Biểu II.06a): xong trước ngày hẹn trả là trước hạn, trong ngày hẹn là đúng hạn, sau "
            f"ngày hẹn là quá hạn. Hồ sơ công dân rút: đúng hạn. {whole(body.volumes['undated'])} hồ sơ không có "
            "ngày hẹn trả không tính là quá hạn.",
            "small",
        ),
        Title("2. Chỉ số theo Quyết định 766/QĐ-TTg", 2),
        Text(
            f"Điểm theo cách tính của Cổng Dịch vụ công quốc gia: {points(body.score['total_portal'])}/100 "
            f"({body.score['band']}). Quy đổi trên phần áp dụng: {points(body.score['total_rebased'])}/100 "
            f"(điểm tối đa áp dụng {points(body.score['max_applicable'])}).",
            "strong",
        ),
        _groups(body),
        _indicators(body),
        Text(_not_arisen(body), "small"),
        Title("3. Hồ sơ theo thủ tục", 2),
        _procedures(body),
        Text(
            f"Số dưới 5 ghi “<5”; “ẩn” là số không công bố để không suy ra được số dưới 5. {_left_out(body)}",
            "small",
        ),
        Title("4. Xin lỗi và hẹn lại (Mẫu 04)", 2),
        Text(
            f"Phải xin lỗi: {whole(body.apologies_due)} hồ sơ quá hạn. Đã gửi văn bản xin lỗi: "
            f"{whole(body.apologies_sent)}. Chưa gửi: {whole(body.apologies_due - body.apologies_sent)}."
        ),
        *_apologies(body),
        Title("5. Phản ánh, kiến nghị", 2),
        *_petitions(body),
        Title("6. Đính chính", 2),
        *_corrections(body.corrections),
    ]
    return Document(f"{PAPERS['publication']}: {head.unit_name}, {head.period}", blocks, source_line(head))


def _volumes(body: Publication) -> Table:
    v = body.volumes
    order = (
        ("Tiếp nhận", v["received"]),
        ("– kỳ trước chuyển sang", v["carried"]),
        ("– trong kỳ, trực tuyến", v["online"]),
        ("– trong kỳ, trực tiếp và bưu chính", v["direct"]),
        ("Đã giải quyết", v["done"]),
        ("– trước hạn", v["early"]),
        ("– đúng hạn", v["on_time"]),
        ("– quá hạn", v["late"]),
        ("Đang giải quyết", v["open"]),
        ("– trong hạn", v["open"] - v["open_late"]),
        ("– quá hạn", v["open_late"]),
    )
    rows = tuple((name, whole(n)) for name, n in order)
    strong = frozenset(n for n, (name, _) in enumerate(order) if not name.startswith("–"))
    return Table(("Hồ sơ", "Số lượng"), rows, ("left", "right"), (3, 1), strong)


def _groups(body: Publication) -> Table:
    rows = tuple((g["code"], g["name"], _group_points(body, g), points(g["max"], 0)) for g in body.score["groups"])
    return Table(("Nhóm", "Tên", "Điểm", "Tối đa"), rows, ("center", "left", "right", "right"), (1, 6, 2, 1))


def _group_points(body: Publication, group: dict[str, Any]) -> str:
    if group["points"] is not None:
        return points(group["points"])
    mine = [r for r in body.indicators if r["group"] == group["code"]]
    return NOT_ARISEN if any(r["denominator"] == 0 for r in mine) else UNTOLD


def _indicators(body: Publication) -> Table:
    rows = tuple(
        (
            r["group"],
            r["name"],
            _count(r["numerator"]),
            _count(r["denominator"]),
            percent(r["rate"], r["denominator"]),
            DASH if r["points"] is None else points(r["points"]),
            points(r["max"], 0),
        )
        for r in body.indicators
    )
    columns = ("Nhóm", "Chỉ số", "Tử số", "Mẫu số", "Tỷ lệ", "Điểm", "Tối đa")
    align = ("center", "left", "right", "right", "right", "right", "right")
    return Table(columns, rows, align, (1, 6, 1.6, 1.6, 2.2, 1.3, 1.2))


def _count(value: float | int | None) -> str:
    if value is None or float(value).is_integer():
        return whole(value)
    return points(float(value))


def _not_arisen(body: Publication) -> str:
    none = [r["name"] for r in body.indicators if r["rate"] is None and r["denominator"] == 0]
    untold = [r["name"] for r in body.indicators if r["rate"] is None and r["denominator"] != 0]
    found = []
    if none:
        found.append(
            f"Không phát sinh trong kỳ ({len(none)}): {'; '.join(none)}. Không phát sinh không phải là 0 %."
        )
    if untold:
        found.append(f"Chưa có số liệu ({len(untold)}): {'; '.join(untold)}.")
    return " ".join(found) or "Mọi chỉ số đều có phát sinh trong kỳ."


def _procedures(body: Publication) -> Table:
    rows = tuple((p.name, _cell(p.received), _cell(p.done), _cell(p.late)) for p in body.procedures[:LONGEST])
    columns = ("Thủ tục", "Tiếp nhận", "Đã giải quyết", "Quá hạn")
    return Table(
        columns, rows or (("(không có hồ sơ)", "0", "0", "0"),), ("left", "right", "right", "right"), (6, 1, 1, 1)
    )


def _cell(text: str) -> str:
    return whole(int(text)) if text.isdecimal() else text


def _left_out(body: Publication) -> str:
    more = len(body.procedures) - LONGEST
    return f"Còn {more} thủ tục ít hồ sơ hơn không in ở đây." if more > 0 else ""


def _apologies(body: Publication) -> tuple[Block, ...]:
    if not body.apologies:
        return ()
    rows = tuple((a.code, a.unit, a.due, a.sent or "chưa gửi") for a in body.apologies)
    table = Table(("Mã hồ sơ (đã che)", "Đơn vị", "Hẹn trả", "Gửi Mẫu 04"), rows, (), (2, 4, 1.5, 1.5))
    more = body.apologies_due - len(rows)
    return (table, Text(f"Còn {whole(more)} hồ sơ khác không in ở đây.", "small")) if more > 0 else (table,)


def _petitions(body: Publication) -> tuple[Block, ...]:
    p = body.petitions
    if not p["received"]:
        return (Text("Không phát sinh phản ánh, kiến nghị trong kỳ."),)
    names = ("received", "carried", "answered_on_time", "answered_late", "open", "open_late", "unhappy")
    rows = tuple((_NAMES[f"petitions_{n}"].removeprefix("phản ánh, kiến nghị "), whole(p[n])) for n in names)
    return (Table(("Phản ánh, kiến nghị", "Số lượng"), rows, ("left", "right"), (3, 1)),)


def _corrections(listed: tuple[Correction, ...]) -> tuple[Block, ...]:
    if not listed:
        return (Text("Đây là bản đầu tiên của kỳ này; chưa có bản nào trước đó."),)
    return (
        Text("Các bản đã phát hành trước của kỳ này (không thay, không xóa) và những số đã khác:"),
        Bullets(tuple(_correction(c) for c in listed)),
    )


def _correction(c: Correction) -> str:
    head = f"Bản phát hành {c.issued}, mã kiểm chứng {c.code}: "
    if c.changed is None:
        return head + "không so được."
    if not c.changed:
        return head + "không có số nào khác."
    moved = [f"{_NAMES.get(name, name)} {_number(then)}, nay là {_number(now)}" for name, then, now in c.changed]
    return f"{head}{'; '.join(moved)}."


def _number(text: str) -> str:
    return whole(int(text)) if text.isdecimal() else text.replace(".", ",")
