"""An import's report in the words of the officials who export the files: on the terminal and on the board."""

import re
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


_WARNINGS = (
    (r"(.*) was imported before: it says nothing new", r"\1 đã được nạp trước đây: không có gì mới"),
    (
        r"(\d+) of (\d+) dossiers of the file before are not in (.*): is it filtered\?",
        r"\1/\2 hồ sơ của tệp trước không có trong \3: có phải tệp đã bị lọc?",
    ),
    (
        r"(.*) has exactly 65,536 rows: .*",
        r"\1 có đúng 65.536 dòng: khuôn dạng cũ không chứa được hơn, tệp có lẽ đã bị cắt",
    ),
    (
        r"(.*) holds nothing but overdue dossiers: .*",
        r"\1 chỉ có hồ sơ quá hạn: là một phần của danh sách, không dùng để tính tỷ lệ",
    ),
    (r"(.*): its date cells had day and month exchanged.*", r"\1: ô ngày bị đổi chỗ ngày và tháng; đã đổi lại"),
    (r"(.*) has dates of both orders; .*", r"\1 có cả hai kiểu ngày/tháng; chỗ không rõ thì hiểu ngày đứng trước"),
    (
        r"(.*): nothing tells day from month; .*",
        r"\1: không có gì cho biết ngày hay tháng đứng trước; hiểu ngày trước",
    ),
    (r"(.*): (\d+) codes stood as numbers: .*", r"\1: \2 mã hồ sơ là số trong tệp: có thể đã mất số 0 ở đầu"),
    (r"(.*): (\d+) amounts could not be read .*", r"\1: \2 số tiền không đọc được, đã bỏ"),
    (r"(.*): not a known word \((\d+) rows\); left unknown", r"\1: từ chưa biết (\2 dòng), để trống"),
)


def vietnamese(warning: str) -> str:
    """A warning of an import in Vietnamese; one that is not known stays as it is."""
    for pattern, words in _WARNINGS:
        if found := re.fullmatch(pattern, warning):
            return found.expand(words)
    return warning
