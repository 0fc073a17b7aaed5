"""An import's report in the words of the officials who export the files: on the terminal and on the board."""

from collections.abc import Mapping
from typing import Any

CAN = {"yes": "tính được", "no": "để trống (không phải 0)", "other": "cần dữ liệu tham chiếu"}
"""Whether an indicator can be computed from a file (`abilities`)."""
REASONS = {
    "no_code": "không có mã hồ sơ",
    "no_time": "không có ngày nộp, ngày tiếp nhận",
    "bad_time": "ngày không đọc được",
    "code_as_number": "mã hồ sơ bị Excel đổi thành số, mất chữ số",
    "invalid": "giá trị không hợp lệ",
}
"""Why a row was refused; other reasons stand as they are."""


def summary(report: Mapping[str, Any]) -> str:
    """The one line that everybody reads, of a report as JSON."""
    parts = [f"{word} {whole(report[name])}" for name, word in _ALWAYS]
    parts += [f"{word} {whole(report[name])}" for name, word in _SOMETIMES if report[name]]
    return " · ".join(
        [*parts, f"{whole(report['undated'])} không có hạn", f"{whole(report['date_only'])} chỉ có ngày"]
    )


_ALWAYS = (("read", "đọc"), ("accepted", "nhận"), ("rejected", "từ chối"))
_SOMETIMES = (("duplicates", "không đổi"), ("ignored", "trùng mã"))


def whole(n: int) -> str:
    """A whole number as it is written in Vietnamese: 18.412."""
    return f"{n:,}".replace(",", ".")
