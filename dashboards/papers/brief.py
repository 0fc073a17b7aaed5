"""The morning brief as a document: one A4, six parts, the same order every day."""

from api.papers.brief import Brief, Number, Proposal
from api.papers.questions import Heading
from dashboards.papers.document import Block, Bullets, Document, Table, Text, Title
from dashboards.papers.words import change, moment, percent, points, source_line, standing_line, whole


def document(head: Heading, body: Brief) -> Document:
    """The brief of a unit's day."""
    blocks: list[Block] = [
        Title(f"BẢN TIN GIAO BAN {body.day}"),
        Text(
            f"{head.unit_name}. Số liệu đến {moment(head.as_of)}; so với cùng giờ ngày làm việc liền trước "
            f"({body.compared_with}). {standing_line(head)}",
            "small",
        ),
        Title("1. Điểm và nhóm yếu nhất", 2),
        Text(_score(body), "strong"),
        _groups(body),
        _weakest(body),
        Title("2. Đến hạn, quá hạn, chưa xin lỗi, chờ tiếp nhận", 2),
        _numbers(body),
        Text(f"Quá hạn nhiều nhất: {_units(body.overdue_units)}"),
        Title("3. Đề xuất", 2),
        Bullets(tuple(proposal(p) for p in body.proposals) or ("Không có đề xuất.",)),
        Title("4. Nhận việc và lời hẹn", 2),
        Text(
            f"Hồ sơ quá hạn từ hơn 1 ngày làm việc chưa ai nhận việc: {whole(body.unacknowledged_total)}. "
            f"Nhiều nhất: {_units(body.unacknowledged)}"
        ),
        Text(f"Quá ngày đã hứa mà chưa xong: {whole(body.broken_total)}. {_units(body.broken_promises)}"),
        Title("5. Dồn hạn", 2),
        _ahead(body),
        Text(
            f"Bình thường mỗi ngày làm việc xong {points(body.usual_output, 1)} hồ sơ (20 ngày gần nhất). "
            "Cột ghi cả hồ sơ hẹn trả vào ngày nghỉ liền trước.",
            "small",
        ),
        Title("6. Chất lượng dữ liệu", 2),
        Text(_quality(body)),
    ]
    return Document(f"Bản tin giao ban {body.day}: {head.unit_name}", blocks, source_line(head), compact=True)


def _score(body: Brief) -> str:
    before = body.score_before or {}
    moved = change(body.score["total_portal"], before.get("total_portal"), 2)
    versus = f" ({moved} so với {body.compared_with})" if moved else " (ngày liền trước thuộc kỳ khác, không so)"
    return (
        f"Tháng {body.score['period']}: {points(body.score['total_portal'])}/100 theo Cổng, "
        f"{body.score['band']}{versus}; quy đổi phần áp dụng {points(body.score['total_rebased'])}."
    )


def _groups(body: Brief) -> Table:
    before = {g["code"]: g["points"] for g in (body.score_before or {"groups": ()})["groups"]}
    columns = tuple(f"{g['code']} (/{points(g['max'], 0)})" for g in body.score["groups"])
    now = tuple("không phát sinh" if g["points"] is None else points(g["points"]) for g in body.score["groups"])
    moved = tuple(
        "" if g["points"] is None else change(g["points"], before.get(g["code"]), 2) for g in body.score["groups"]
    )
    return Table(columns, (now, moved), ("center",) * len(columns))


def _weakest(body: Brief) -> Text:
    if not body.weakest:
        return Text("Không có chỉ số nào đang mất điểm.")
    listed = "; ".join(
        f"{w['name']}: {percent(w['rate'])}, mất {points(w['lost'])}/{points(w['max'], 0)}" for w in body.weakest
    )
    return Text(f"Mất điểm nhiều nhất: {listed}.")


def _numbers(body: Brief) -> Table:
    def row(name: str, n: Number) -> tuple[str, str, str, str]:
        return (name, whole(n.now), whole(n.before), change(n.now, n.before))

    late = f"Chờ tiếp nhận (trong đó quá 8 giờ làm việc: {whole(body.waiting_too_long)})"
    rows = (
        row("Hẹn trả hôm nay, còn mở (cứu được)", body.due_today),
        row("Đang quá hạn, theo giờ", body.overdue),
        row("Quá hạn chưa xin lỗi", body.without_apology),
        row(late, body.waiting),
    )
    return Table(
        ("", "Nay", body.compared_with, "Thay đổi"), rows, ("left", "right", "right", "right"), (5, 1, 1, 1)
    )


def _units(listed: tuple[tuple[str, int], ...]) -> str:
    return "; ".join(f"{_short(name)} {whole(n)}" for name, n in listed) + "." if listed else "không có."


def _short(name: str, longest: int = 40) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def proposal(p: Proposal) -> str:
    """A proposal in words: never an order, no cause."""
    if p.kind == "due_today":
        return (
            f"Đề xuất xử lý trước {whole(p.count)} hồ sơ hẹn trả hôm nay còn mở; nhiều nhất: {_short(p.name)} "
            f"({whole(p.most)})."
        )
    if p.kind == "letters":
        return (
            f"Đề xuất rà {whole(p.count)} hồ sơ hẹn trả ngày làm việc tới chưa có Mẫu 04: hôm nay là ngày cuối "
            "gửi cho hồ sơ biết trước là không kịp."
        )
    if p.kind == "overdue":
        return (
            f"Đề xuất đôn đốc {whole(p.count)} hồ sơ đang quá hạn để kỳ sau không bị tính lại; nhiều nhất: "
            f"{_short(p.name)} ({whole(p.most)})."
        )
    return f"Đề xuất xem xét chỉ số “{p.name}”: đạt {percent(p.rate)}, còn mất {points(p.lost)} điểm."


def _ahead(body: Brief) -> Table:
    due = tuple(f"{whole(d.due)}{' – DỒN HẠN' if d.crunch else ''}" for d in body.ahead)
    return Table(tuple(d.day for d in body.ahead), (due,), ("center",) * len(body.ahead))


def _quality(body: Brief) -> str:
    silent = ""
    if body.silent_total:
        more = body.silent_total - len(body.silent_units)
        names = ", ".join(_short(n) for n in body.silent_units) + (f" và {more} đơn vị khác" if more > 0 else "")
        silent = f" Không có hồ sơ tiếp nhận trong 20 ngày làm việc: {names}."
    return (
        f"Hồ sơ đang mở không có hạn: {whole(body.undated)}. Dấu hiệu cần xác minh trên hồ sơ đang mở: "
        f"{whole(body.findings)}. Sự kiện bị từ chối từ khi có nhật ký: {whole(body.dead_letters)}.{silent}"
    )
