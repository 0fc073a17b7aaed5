"""Messages on their ways: real servers on loopback, what they get, and what each failure is taken for."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.alerts import delivery_settings
from api.alerts.channels import Channels, is_permanent, outcome
from api.alerts.recipients import RecipientStore, new_entry
from api.alerts.sent import SentStore
from domain.errors import InvalidInput
from domain.instants import parse_rfc3339, zone
from domain.message import Message, sms_fault
from tests.support.far_sides import Gateway, Mailbox, free_port, http_gateway, smtp_server

NOW = parse_rfc3339("2026-11-23T07:15:00+07:00")
TEXT = (
    "Kính gửi UBND xã Mẫu A. Có 3 hồ sơ hẹn trả ngày 24/11/2026 chưa có kết quả và chưa có văn bản xin lỗi, "
    "đề nghị gia hạn (Mẫu 04). Hôm nay, 23/11, là ngày cuối để gửi đúng quy định. "
    "Mỗi hồ sơ chỉ được hẹn lại 01 lần."
)
MESSAGE = Message(
    key="0f3a",
    account="k1",
    unit="H44.1",
    slot=NOW,
    kinds=("A02",),
    alerts=("a" * 24,),
    level="red",
    subject="Xã Mẫu A: 3 hồ sơ hẹn trả ngày mai",
    text=TEXT,
    sms="[GS766] Xa Mau A: 3 ho so hen tra NGAY MAI chua co ket qua, chua gui Mau 04.",
    params={"unit": "Xã Mẫu A", "count": "3"},
    path="",
)
SECRET = "Bí-mật-của-cổng".encode().hex()
SETTINGS = """
[links]
board = "https://giamsat.example.vn"
[email]
host = "127.0.0.1"
port = {smtp}
security = "none"
sender = "gs766@example.vn"
[sms]
url = "{url}"
secret_file = "sms.key"
phone = "0"
timeout_seconds = 1.5
headers = {{ Authorization = "Bearer {{secret}}" }}
body = {{ to = "{{to}}", content = "{{sms}}", from = "GS766" }}
[zalo]
url = "{url}?oa=1"
timeout_seconds = 1.5
templates = {{ A02 = "328101" }}
answer = {{ field = "error", ok = [0], permanent = [-108] }}
[zalo.body]
phone = "{{to}}"
template_id = "{{template}}"
template_data = "{{params}}"
tracking_id = "{{id}}"
"""


class Ways:
    """The channels under test and their far sides."""

    def __init__(self, folder: Path, mailbox: Mailbox, smtp: int, gateway: Gateway) -> None:
        self.mailbox, self.gateway = mailbox, gateway
        self.settings = folder / "delivery.toml"
        self.settings.write_text(SETTINGS.format(smtp=smtp, url=gateway.url))
        (folder / "sms.key").write_text(SECRET + "\n")
        self.private = folder / "private.sqlite"
        store = RecipientStore(self.private)
        listed = ("email:van-phong@example.vn", "sms:0912000111", "zalo:0912000111", "sms:0912000112")
        store.put(new_entry("k1", "head", "H44.1", listed, zone("Asia/Ho_Chi_Minh")), NOW)
        self.sent = SentStore(self.private)
        self.client = httpx.Client(trust_env=False)
        self.channels = Channels(
            store, self.sent, lambda: delivery_settings.load(self.settings), self.client, lambda: NOW
        )

    def send(self, channel: str, **changed: Any) -> str | None:
        return self.channels.send(replace(MESSAGE, **changed), channel)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Mailbox, int, Gateway]]:
    mailbox = Mailbox()
    with smtp_server(mailbox) as smtp, http_gateway() as gateway:
        yield mailbox, smtp, gateway


@pytest.fixture
def ways(servers: tuple[Mailbox, int, Gateway], tmp_path: Path) -> Iterator[Ways]:
    mailbox, smtp, gateway = servers
    mailbox.forget()
    gateway.forget()
    found = Ways(tmp_path, mailbox, smtp, gateway)
    yield found
    found.channels.close()


def test_an_e_mail_is_plain_text_with_its_words_its_key_and_a_link(ways: Ways) -> None:
    assert ways.send("email") is None
    (mail,) = ways.mailbox.mails
    assert mail["To"] == "van-phong@example.vn"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["From"] == "Giám Sát 766 <gs766@example.vn>"
    assert mail["X-GS766-Key"] == "0f3a"
    assert mail.get_content_type() == "text/plain"
    text, _, link = mail.get_content().strip().rpartition("\r\n\r\n" if "\r\n" in mail.get_content() else "\n\n")
    assert text == TEXT
    assert link.startswith("https://giamsat.example.vn/v/1-")
    assert "?" not in link
    assert ways.send("email", retried=True) is None
    assert ways.mailbox.mails[1]["Subject"].startswith("(gửi lại) ")


def test_an_sms_is_what_the_mapping_says_with_the_secret_in_its_header_only(ways: Ways) -> None:
    assert ways.send("sms") is None
    ((path, headers, body),) = ways.gateway.asked
    assert path == "/send"
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["idempotency-key"] == "0f3a.sms"
    assert (body["to"], body["from"]) == ("0912000111", "GS766")
    assert body["content"].startswith(MESSAGE.sms + " Xem: https://giamsat.example.vn/v/1-")
    assert body["content"].isascii()
    assert len(body["content"]) <= 160
    assert ways.send("sms-2", retried=True) is None
    (_, headers, body) = ways.gateway.asked[1]
    assert (headers["idempotency-key"], headers["x-gs766-retried"]) == ("0f3a.sms-2", "true")
    assert body["to"] == "0912000112"


def test_a_link_that_does_not_fit_the_sms_is_left_out_never_cut(ways: Ways) -> None:
    long = MESSAGE.sms.ljust(150, ".")
    assert ways.send("sms", sms=long) is None
    assert ways.gateway.asked[0][2]["content"] == long


@pytest.mark.parametrize(("length", "between"), [(109, " Xem: "), (110, " "), (114, " "), (115, None)])
def test_the_link_stands_behind_its_word_where_both_fit(ways: Ways, length: int, between: str | None) -> None:
    sms = MESSAGE.sms.ljust(length, ".")
    assert ways.send("sms", sms=sms) is None
    said = ways.gateway.asked[0][2]["content"]
    assert sms_fault(said) is None
    assert said == sms if between is None else said.startswith(f"{sms}{between}https://")


def test_a_plain_link_of_the_text_becomes_the_signed_one_everywhere(ways: Ways) -> None:
    plain = "https://giamsat.example.vn/don-vi/H44.1"
    changed = {"path": "/don-vi/H44.1", "text": f"Mở danh sách ({plain}).", "sms": f"[GS766] Xem: {plain}"}
    assert ways.send("email", **changed) is None
    assert ways.send("sms", **changed) is None
    text = ways.mailbox.mails[0].get_content()
    assert re.fullmatch(r"Mở danh sách \(https://giamsat\.example\.vn/v/1-[A-Z2-7]{12}\)\.\s*", text)
    assert re.fullmatch(r"\[GS766\] Xem: https://\S+/v/1-[A-Z2-7]{12}", ways.gateway.asked[0][2]["content"])
    changed["sms"] = f"[GS766] Xem: {plain}".rjust(158, ".")
    assert ways.send("sms", **changed) is None
    assert ways.gateway.asked[1][2]["content"] == changed["sms"], "the signed link is longer and would not fit"


def test_a_zalo_template_gets_its_id_and_numbers_as_parameters(ways: Ways) -> None:
    assert ways.send("zalo") is None
    ((path, _, body),) = ways.gateway.asked
    assert path == "/send?oa=1"
    assert body == {
        "phone": "84912000111",
        "template_id": "328101",
        "template_data": {"unit": "Xã Mẫu A", "count": "3"},
        "tracking_id": "0f3a.zalo",
    }
    assert is_permanent(ways.send("zalo", kinds=("A13",)) or "")


@pytest.mark.parametrize("sms", ["Xã Mẫu A", "x" * 161, ""])
def test_an_sms_that_no_gateway_could_carry_is_never_handed_over(ways: Ways, sms: str) -> None:
    assert is_permanent(ways.send("sms", sms=sms) or "")
    assert ways.gateway.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "Ông A, số 012345678901",
        "gọi 0912000111",
        "CMND 123456789.",
        "https://giamsat.example.vn/don-vi/H44.1?key=abc",
        "khóa gs766_abcdef",
        "H44.100-261001-0001, thủ tục 2.000815",
    ],
)
def test_what_must_never_be_sent_is_stopped_on_every_channel(ways: Ways, text: str) -> None:
    for channel in ("email", "sms", "zalo"):
        for changed in ({"text": text}, {"subject": text}, {"sms": text}, {"params": {"x": text}}):
            assert is_permanent(ways.send(channel, **changed) or ""), changed
    assert ways.gateway.asked == []
    assert ways.mailbox.mails == []


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ([500, 200], ["transient", None]),
        ([429, 200], ["transient", None]),
        ([400], ["permanent", "permanent"]),
        ([401, 200], ["transient", None]),
        ([302, 200], ["transient", None]),
        (["close", 200], ["unanswered", None]),
        (["hang", 200], ["unanswered", None]),
    ],
)
def test_each_failure_of_a_gateway_has_its_class(ways: Ways, answers: list[int | str], seen: list[Any]) -> None:
    ways.gateway.answers = answers
    got = [ways.send("sms"), ways.send("sms", retried=True)]
    assert [None if reason is None else outcome(reason) for reason in got] == seen
    keys = {headers["idempotency-key"] for _, headers, _ in ways.gateway.asked}
    assert keys == {"0f3a.sms"}, "the far side can tell a repeat"
    shown = " ".join(f.reason for f in ways.sent.failures(NOW))
    assert bool(shown) == (got[-1] is not None)


def test_a_gateway_that_always_says_200_tells_the_truth_in_its_answer(ways: Ways) -> None:
    for body, seen in (
        (b'{"error": -124}', "transient"),
        (b'{"error": -108}', "permanent"),
        (b"<html>", "unanswered"),
    ):
        ways.gateway.body = body
        assert outcome(ways.send("zalo") or "") == seen
    ways.gateway.body = b'{"error": 0}'
    assert ways.send("zalo") is None


def test_nobody_there_is_not_a_message_that_may_have_arrived(ways: Ways) -> None:
    port = free_port()
    ways.settings.write_text(SETTINGS.format(smtp=port, url=f"http://127.0.0.1:{port}/send"))
    for channel in ("sms", "email"):
        assert outcome(ways.send(channel) or "") == "transient", channel


@pytest.mark.parametrize(
    ("refuse", "seen"),
    [("550 5.1.1 no such user", "permanent"), ("451 4.7.1 later", "transient"), ("554 5.7.1 spam", "transient")],
)
def test_a_mail_server_that_refuses(ways: Ways, refuse: str, seen: str) -> None:
    ways.mailbox.refuse = refuse
    reason = ways.send("email") or ""
    assert outcome(reason) == seen
    assert refuse[:3] in reason


def test_a_mail_server_that_closes_after_taking_leaves_one_marked_duplicate(ways: Ways) -> None:
    ways.mailbox.drop_after_taking = True
    assert outcome(ways.send("email") or "") == "unanswered"
    ways.mailbox.drop_after_taking = False
    assert ways.send("email", retried=True) is None
    assert [m["Subject"].startswith("(gửi lại) ") for m in ways.mailbox.mails] == [False, True]
    assert {m["X-GS766-Key"] for m in ways.mailbox.mails} == {"0f3a"}


@pytest.fixture
def kept() -> Iterator[list[str]]:
    """What a handler of the root logger gets, as in `ops.part` (pytest's own also hears loggers that are cut off);
    the servers of the test speak under names of their own."""
    lines: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith(("mail", "asyncio")):
                lines.append(record.getMessage())

    root, handler = logging.getLogger(), Keeping()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_neither_address_nor_secret_reaches_a_log_or_a_reason(ways: Ways, kept: list[str]) -> None:
    ways.mailbox.refuse = "550 nobody at van-phong@example.vn"
    ways.gateway.answers = [400]
    reasons = [ways.send(channel) or "" for channel in ("email", "sms", "zalo", "fax")]
    written = "\n".join([*reasons, *kept])
    assert "k1" in written
    for hidden in ("van-phong", "912000111", SECRET):
        assert hidden not in written


def test_what_is_not_set_up_waits_and_says_so(ways: Ways) -> None:
    ways.settings.unlink()
    assert ways.send("sms") == "sms is not set up: the delivery settings have no [sms]"
    ways.settings.write_text('[sms]\nurl = "http://127.0.0.1:1"\nbody = { to = "{to}", text = "{name}" }\n')
    assert "{name}" in (ways.send("sms") or "")
    assert outcome(ways.send("sms") or "") == "transient"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[email]\nhost = 1", "email.host"),
        ("[sms]\nurl='x'\nbody={to='{to}',a='{sms}'}", "sms.url"),
        ("[sms]\nurl='http://x'\nbody={a='{sms}'}", r"\{to\}"),
        ("[zalo]\nurl='http://x'\nbody={a='{to}',b='{params}',c='{template}'}", "templates"),
        ("[links]\nboard='giamsat'", "https"),
        ("= 1", "delivery.toml"),
    ],
)
def test_a_fault_of_the_settings_names_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "delivery.toml").write_text(text)
    with pytest.raises(InvalidInput, match=said):
        delivery_settings.load(tmp_path / "delivery.toml")


def test_an_apprise_address_gets_the_same_text(ways: Ways) -> None:
    store = RecipientStore(ways.private)
    url = ways.gateway.url.replace("http://", "json://")
    store.put(new_entry("k1", "head", "H44.1", (f"apprise:{url}",), zone("Asia/Ho_Chi_Minh")), NOW)
    assert ways.send("apprise") is None
    body = ways.gateway.asked[0][2]
    assert (body["title"], body["message"].startswith(TEXT)) == (MESSAGE.subject, True)
    ways.gateway.answers = [400]
    assert is_permanent(ways.send("apprise") or "")
