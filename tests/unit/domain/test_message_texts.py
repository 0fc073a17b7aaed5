"""The words: each kind against the catalogue (users.md §B), the length of an SMS, and what must never be sent."""

from dataclasses import replace

import pytest

from domain.message import sms_fault, sms_length
from domain.messages.composing import message_of
from domain.messages.forbidden import forbidden
from domain.messages.rules import decode_rules
from domain.messages.slots import Moment
from domain.messages.wording import DEFAULT_NUMBERS, EXTRA, TEXTS, Line, long_text, numbers_of, short_text
from domain.reference import AlertThresholds
from tests.support.messages import CALENDAR, PEOPLE, Town, alert, at, to

KINDS = [f"A{n:02d}" for n in range(1, 21)]
LONG = (
    "Kính gửi UBND xã Mẫu A. Có 3 hồ sơ hẹn trả ngày 11/11/2026 chưa có kết quả và chưa có văn bản xin lỗi, "
    "đề nghị gia hạn (Mẫu 04). Hôm nay, 10/11, là ngày cuối để gửi đúng quy định. Mỗi hồ sơ chỉ được hẹn lại 01 "
    "lần. Mở danh sách để nhận việc hoặc báo số liệu chưa đúng. Số liệu đến 07:10 ngày 10/11/2026."
)
SHORT = (
    "[GS766] UBND xa Mau A: 3 ho so hen tra NGAY MAI chua co ket qua, chua gui Mau 04. "
    "Hom nay la han cuoi gui xin loi."
)
SILENT = (
    "Từ 08:12 hệ thống không nhận được dữ liệu từ Hệ thống thông tin giải quyết TTHC tỉnh. Mọi số liệu sau thời "
    "điểm này là số cũ; cảnh báo quá hạn của các đơn vị liên quan tạm dừng để tránh báo sai. Không phải lỗi của "
    "đơn vị giải quyết."
)


def test_the_texts_of_the_catalogue_are_these() -> None:
    due = [alert("A02", "2026-11-10T00:00", f"a{n}", due="2026-11-11T16:30") for n in range(3)]
    town = Town()
    message = to(town.round("2026-11-10T07:15", *due), "officer-1").message
    assert message.text.replace("07:15 ngày", "07:10 ngày") == LONG
    assert message.sms == SHORT
    assert message.params == {"unit": "UBND xã Mẫu A", "unit_plain": "UBND xa Mau A", "total": "3", "A02": "3"}
    silent = to(Town().round("2026-11-10T08:15", alert("A13", "2026-11-10T08:12")), "it").message
    assert SILENT in silent.text


def test_the_units_that_are_silent_are_named_to_whoever_stands_above_them() -> None:
    silent = [alert("A13", "2026-11-10T08:12", unit, unit=unit) for unit in ("H44.1", "H44.2")]
    text = to(Town().round("2026-11-10T08:15", *silent), "it").message.text
    assert "đơn vị giải quyết. Đơn vị không có dữ liệu: UBND xã Mẫu A, UBND xã Mẫu B." in text
    whole = alert("A13", "2026-11-10T08:12", "whole", unit="H44")
    assert "Đơn vị không có dữ liệu" not in to(Town().round("2026-11-10T08:15", whole), "it").message.text


def test_tomorrow_is_said_only_of_tomorrow() -> None:
    friday = alert("A02", "2026-11-13T00:00", due="2026-11-16T16:30")
    sms = to(Town().round("2026-11-13T07:15", friday), "officer-1").message.sms
    assert "hen tra ngay 16/11/2026" in sms


def test_both_rules_are_stated_of_what_is_late() -> None:
    late = [
        alert("A04", "2026-11-10T07:00", f"a{n}", due=f"2026-11-{day}T07:00") for n, day in enumerate(("09", "10"))
    ]
    text = to(Town().round("2026-11-10T07:15", *late), "officer-1").message.text
    assert "Có 2 hồ sơ đã quá giờ hẹn" in text
    assert "trong đó 1 đã qua ngày hẹn" in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_words_that_may_be_sent_and_an_sms_that_fits(kind: str) -> None:
    rules = decode_rules({})
    many = [alert(kind, "2026-11-10T07:00", f"a{n}", due="2026-11-11T16:30") for n in range(1284)]
    long_name = "Trung tâm Phục vụ hành chính công thành phố Mẫu Mẫu Mẫu"
    moment = Moment(at("2026-11-10T07:15"), CALENDAR, rules)
    for name in ("UBND xã Mẫu A", long_name):
        for retried in (False, True):
            chosen = [(one, "new") for one in many]
            made = message_of("k", PEOPLE[0], moment.now, chosen, (), moment, name, None, retried=retried)
            assert not isinstance(made, str), made
            assert sms_length(made.sms) <= 160
            assert made.sms.isascii()
            assert "{" not in made.text + made.sms + made.subject
            assert not any(one.subject in made.text + made.sms for one in many[:3]), "nothing of a dossier"
            assert forbidden(made.text + made.sms + made.subject) == ()
            assert sms_fault(made.sms) is None


def test_many_kinds_are_a_list_and_what_does_not_fit_is_counted() -> None:
    lines = tuple(
        Line(kind, {"n": "1.284", "since": "08:12", "by_day": "3", **DEFAULT_NUMBERS}) for kind in KINDS[:12]
    )
    sms = short_text("UBND xã Mẫu A", lines, repeated=True)
    assert len(sms) <= 160
    assert "loai viec khac" in sms
    assert sms.startswith("[GS766] UBND xa Mau A: (gui lai) 1.284 ")


def test_texts_name_the_thresholds_that_hold() -> None:
    numbers = numbers_of(
        AlertThresholds(acceptance_hours=12, crunch_days=5, crunch_ratio=2.25, publicising_working_days=7)
    )
    moment = Moment(at("2026-11-10T07:15"), CALENDAR, decode_rules({}))
    said = ""
    for kind in ("A07", "A17", "A18"):
        one = [(alert(kind, "2026-11-10T07:00"), "new")]
        made = message_of("k", PEOPLE[0], moment.now, one, (), moment, "X", None, retried=False, numbers=numbers)
        assert not isinstance(made, str)
        said += made.text + made.sms
    for words in ("12 giờ làm việc", "12 gio", "(7 ngày làm việc)", "5 ngày làm việc tới nhiều hơn 2,25 lần",
                  "5 ngay toi vuot 2,25 lan"):  # fmt: skip
        assert words in said


def test_extra_sentences_have_words_too() -> None:
    for word in EXTRA:
        line = Line(word, {"n": "2"})
        assert "2 việc" in long_text("X", (line,), "07:10", units=1, repeated=False)
        assert short_text("X", (line,), repeated=False).isascii()
    assert set(KINDS) == set(TEXTS)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("gọi 0912 345 678", "telephone"),
        ("gọi +84912345678", "telephone"),
        ("CCCD 001234567890", "identity"),
        ("CMND 123456789", "identity"),
        ("ai@example.vn", "e-mail"),
        ("https://x.vn/v?t=abc", "token"),
        ("gs766_abc", "token"),
        ("https://x.vn/v/0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b", "token"),
        ("xem ketqua.pdf", "file"),
        ("H44.100-261123-0001", "dossier's code"),
        ("H44.100-261123-0001 thủ tục 2.000815", "with its procedure"),
    ],
)
def test_what_must_never_be_sent_is_found(text: str, what: str) -> None:
    assert any(what in found for found in forbidden(text))


def test_a_message_whose_text_may_not_be_sent_is_suppressed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    due = alert("A02", "2026-11-10T00:00", due="2026-11-11T16:30")
    monkeypatch.setitem(
        __import__("tests.support.messages").support.messages.NAMES, "H44.1", "Xã A, ĐT 0912345678"
    )
    found = Town().round("2026-11-10T07:15", due, replace(due, id="b", unit="H44.2"))
    assert {m.message.account for m in found.messages} == {"officer-2", "head-2"}
    assert {(d.reason, d.alert) for d in found.decisions} == {("forbidden", due.id)}
