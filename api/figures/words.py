"""Verdicts in words, in Vietnamese for officials and in English; numbers only, no judgement of people."""

from domain.instants import Millis
from domain.verdicts import Judgement

RULES = {
    "766": ("theo Cổng (so giờ)", "by the portal (hours)"),
    "766-shift": (
        "theo Cổng, không trừ lần bổ sung đã dời hạn",
        "by the portal, no credit where the due date was moved",
    ),
    "orig": ("theo ngày hẹn gốc", "by the first due date"),
    "06a": ("theo II.06a (so ngày)", "by II.06a (dates)"),
    "06a-stopped-open": (
        "theo II.06a, dừng xử lý vẫn tính đang giải quyết",
        "by II.06a, stopped counts as in process",
    ),
}
_REASONS = {
    "undated": ("không có ngày hẹn trả", "there is no due date"),
    "second_supplement": ("yêu cầu bổ sung từ hai lần", "supplements were asked for twice"),
    "after_due": ("sau giờ hẹn trả", "after the due hour"),
    "before_due": ("trong giờ hẹn trả", "by the due hour"),
    "paused": ("đang tạm dừng", "paused"),
    "withdrawn": ("công dân rút hồ sơ", "withdrawn by the citizen"),
    "after_due_day": ("sau ngày hẹn trả", "after the due day"),
    "by_due_day": ("trong ngày hẹn trả", "by the due day"),
}
_STATES = {
    "finished_on_time": ("ĐÚNG HẠN", "ON TIME"),
    "finished_late": ("TRỄ", "LATE"),
    "open_late": ("ĐANG QUÁ HẠN", "OVERDUE"),
    "open_not_due": ("CHƯA QUÁ HẠN", "NOT DUE"),
    "undated": ("KHÔNG CÓ HẠN", "UNDATED"),
    "not_accepted": ("CHƯA TIẾP NHẬN", "NOT ACCEPTED"),
}


def sentences(family: str, state: str, verdict: Judgement | None, worked: Millis, day_ms: int) -> tuple[str, str]:
    """(Vietnamese, English) of one verdict; `worked` is the working time late, `day_ms` that of a working day."""
    rule = RULES[family]
    word = _STATES[state]
    if verdict is None:
        return f"{word[0]}.", f"{word[1]}."
    reason = _REASONS[verdict.reason]
    span = ("", "")
    if verdict.late and verdict.reason != "second_supplement":
        days, hours = divmod(worked // 3_600_000, max(1, day_ms // 3_600_000))
        span = (f" {days} ngày {hours} giờ làm việc", f" by {days} working days {hours} hours")
    if verdict.late and family.startswith("06a"):
        span = ("", "")
    return (
        f"{word[0]}{span[0]} {rule[0]}: {reason[0]}.",
        f"{word[1]}{span[1]} {rule[1]}: {reason[1]}.",
    )
