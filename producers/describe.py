"""Looks at a CSV file before there is a mapping: its columns, how full they are, and what they might mean."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from producers.csv_rows import CsvFile
from producers.mapping import CsvOptions
from producers.open_file import open_input
from producers.text import fold_text

ALIASES: dict[str, tuple[str, ...]] = {
    "subject": ("Mã hồ sơ", "Số hồ sơ", "Số biên nhận", "MaHoSo", "case:concept:name", "case id"),
    "procedure": ("Tên TTHC", "Thủ tục", "Mã thủ tục", "MaTTHC"),
    "unit": ("Đơn vị", "Cơ quan giải quyết", "Đơn vị xử lý", "Nơi tiếp nhận", "DonViXuLy"),
    "submitted": ("Ngày nộp", "NgayNopHoSo"),
    "accepted": ("Ngày tiếp nhận", "Ngày nhận", "NgayTiepNhan", "startdate"),
    "due_at": ("Ngày hẹn trả", "Hạn xử lý", "Hạn trả", "NgayHenTra", "deadline", "Due Date"),
    "finished": ("Ngày kết thúc", "Ngày có kết quả", "NgayKetThucXuLy", "enddate", "Closed Date"),
    "returned": ("Ngày trả", "NgayTra"),
    "status": ("Trạng thái", "Tình trạng", "Kết quả", "TrangThaiHoSo"),
    "channel": ("Hình thức nộp", "Hình thức tiếp nhận", "Kênh", "KenhThucHien", "channel"),
    "office": ("Đang xử lý tại", "Bước hiện tại", "Phòng ban", "PhongBanXuLy", "org:group"),
    "officer": ("Cán bộ xử lý", "NguoiXuLy", "org:resource"),
    "amounts": ("Phí", "Lệ phí", "Tổng tiền"),
    "gateway": ("Hình thức thanh toán",),
    "personal": ("Chủ hồ sơ", "CCCD", "SĐT", "Địa chỉ", "ChuHoSo", "SoDienThoai", "Email"),
}
"""Names that columns have in real exports, by what they mean; 'personal' is never kept."""
_MEANINGS = {fold_text(name): meaning for meaning, names in ALIASES.items() for name in names}
_MOST_WORDS = 20


class ColumnSeen(NamedTuple):
    """A column: cells that hold something, its words where it has few (else empty), its likely meaning or ''."""

    name: str
    filled: int
    words: tuple[str, ...]
    meaning: str


def describe_csv(path: Path, options: CsvOptions | None = None, *, rows: int = 1000) -> tuple[ColumnSeen, ...]:
    """The columns of a file, judged by its first rows. Words of personal columns are never given out."""
    with open_input(path) as source:
        file = CsvFile(source, options or CsvOptions())
        seen: list[Counter[str]] = [Counter() for _ in file.header]
        for row in islice(file.rows(), rows):
            for counter, cell in zip(seen, row.cells, strict=False):
                if cell.strip():
                    counter[cell.strip()] += 1
    return tuple(_column(name, words) for name, words in zip(file.header, seen, strict=True))


def _column(name: str, words: Counter[str]) -> ColumnSeen:
    meaning = _MEANINGS.get(fold_text(name), "")
    few = len(words) <= _MOST_WORDS and meaning not in ("personal", "officer", "subject")
    return ColumnSeen(name, words.total(), tuple(sorted(words)) if few else (), meaning)
