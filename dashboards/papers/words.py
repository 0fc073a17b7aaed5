"""Numbers, days and names as Vietnamese papers write them, and the lines that stand on every paper."""

from datetime import date, datetime

from api.papers.questions import Heading

DASH = "—"
NOT_ARISEN = "không phát sinh"
UNTOLD = "chưa có số liệu"
STATES = {
    "finished_on_time": "đã xong, đúng hạn",
    "finished_late": "đã xong, quá hạn",
    "open_late": "đang giải quyết, quá hạn",
    "open_not_due": "đang giải quyết, trong hạn",
    "undated": "không có hạn",
}
REASONS = {
    "undated": "không có ngày hẹn trả",
    "second_supplement": "yêu cầu bổ sung từ hai lần",
    "after_due": "sau giờ hẹn trả",
    "before_due": "trong giờ hẹn trả",
    "paused": "đang tạm dừng",
    "": "",
}
PAPERS = {
    "ii06a": "Biểu II.06a/VPCP/KSTT",
    "league": "Bảng xếp hạng đơn vị",
    "publication": "Công khai kết quả giải quyết thủ tục hành chính",
    "brief": "Bản tin giao ban",
    "targets": "Tiến độ chỉ tiêu",
}


def whole(n: float | int | None) -> str:
    """1284 as 1.284; nothing as a dash."""
    return DASH if n is None else f"{round(n):,}".replace(",", ".")


def points(value: float | None, digits: int = 2) -> str:
    """59.912 as 59,91; nothing as a dash."""
    return DASH if value is None else f"{value:,.{digits}f}".translate(_VIETNAMESE)


_VIETNAMESE = str.maketrans(",.", ".,")


def percent(rate: float | None, denominator: float | None = 0) -> str:
    """0.9891 as 98,91 %; without a rate, whether there was nothing to count or nobody told."""
    if rate is None:
        return NOT_ARISEN if denominator == 0 else UNTOLD
    return f"{points(rate * 100)} %"


def change(now: float, before: float | None, digits: int = 0) -> str:
    """+37 or −0,42; = when nothing changed; empty without a comparison."""
    if before is None:
        return ""
    moved = round(now - before, digits)
    if moved == 0:
        return "="
    return ("+" if moved > 0 else "−") + points(abs(moved), digits)


def day(text: str) -> str:
    """2026-11-18 as 18/11/2026."""
    return f"{date.fromisoformat(text):%d/%m/%Y}"


def moment(text: str) -> str:
    """An instant in the province's offset as 07:10 ngày 18/11/2026."""
    return f"{datetime.fromisoformat(text):%H:%M ngày %d/%m/%Y}"


def span(head: Heading) -> str:
    """The period in words."""
    return f"từ ngày {day(head.first_day)} đến ngày {day(head.last_day)}"


def source_line(head: Heading) -> str:
    """Where the figures come from: `Số liệu đến …; cách tính; mã kiểm chứng`."""
    versions = head.versions
    positions = ", ".join(f"{p}:{n}" for p, n in head.positions.items())
    ahead = " (dự báo)" if head.forecast else ""
    return (
        f"Số liệu đến {moment(head.as_of)}{ahead}; cách tính: bộ chỉ số {versions.get('set', '')}, lịch làm việc "
        f"{versions.get('calendar', '')}, phiên bản tính {versions.get('fold', '')}; vị trí nhật ký {positions}; "
        f"mã kiểm chứng {head.code}."
    )


def standing_line(head: Heading) -> str:
    """Whether this is a paper or a preview of one."""
    if head.issued:
        return f"Bản phát hành, mã số {head.kind}-{head.code}."
    return "Bản xem trước, chưa phát hành."
