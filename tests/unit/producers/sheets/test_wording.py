"""What an import of spreadsheets says, in Vietnamese."""

import re
from pathlib import Path

import pytest

from producers.sheets import importing
from producers.sheets.wording import summary, vietnamese


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("a.xlsx was imported before: it says nothing new", "a.xlsx đã được nạp trước đây: không có gì mới"),
        (
            "40 of 41 dossiers of the file before are not in a.xlsx: is it filtered?",
            "40/41 hồ sơ của tệp trước không có trong a.xlsx: có phải tệp đã bị lọc?",
        ),
        ("a.xlsx: 3 codes stood as numbers: leading zeros may be lost", "a.xlsx: 3 mã hồ sơ là số trong tệp"),
        ("a.xlsx: Kênh lạ: not a known word (3 rows); left unknown", "a.xlsx: Kênh lạ: từ chưa biết (3 dòng)"),
        ("nobody knows this", "nobody knows this"),
    ],
)
def test_a_warning_is_said_in_vietnamese(said: str, words: str) -> None:
    assert vietnamese(said).startswith(words)


def test_every_warning_of_an_import_has_its_words() -> None:
    source = Path(importing.__file__).read_text(encoding="utf-8")
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    said = re.findall(r'(?:say|warnings\.append)\(\s*f"((?:[^"\\]|\\.)*)"', joined)
    assert len(said) == 10
    for template in said:
        plain = re.sub(r"\{[^}]*\}", "7", template)
        assert vietnamese(plain) != plain, plain


def test_the_one_line_leaves_out_what_did_not_happen() -> None:
    report = dict.fromkeys(("read", "accepted", "rejected", "duplicates", "ignored", "undated", "date_only"), 0)
    assert summary(report | {"read": 18_412, "undated": 7}) == (
        "đọc 18.412 · nhận 0 · từ chối 0 · 7 không có hạn · 0 chỉ có ngày"
    )
    assert "không đổi 3 · trùng mã 1" in summary(report | {"duplicates": 3, "ignored": 1})
