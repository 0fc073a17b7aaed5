"""The pages of alerts: what they say, in both languages, and that data is text and never markup."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from dashboards.board import alert_views as views
from dashboards.board.alert_model import ActRow, AlertList, AlertPage, AlertRow, Filter, Ticket, VacantPost
from dashboards.board.alert_words import ACTS, OURS, POSTS, SUBJECTS, WORDS, lacking
from domain.alerts import KINDS
from domain.event_types import ALERT_VERBS
from domain.instants import MS_DAY, parse_rfc3339, zone
from domain.message import POSTS as CHAIN
from domain.messages import planning
from domain.messages.values import Reason

PLANNING = Path(planning.__file__)
ZONE = zone("Asia/Ho_Chi_Minh")
AT = parse_rfc3339("2026-11-24T07:10:00+07:00")
ROW = AlertRow(
    "a" * 24, "A12", "amber", "Phản ánh", "Petition", "holding", "<P1>", "petition", "H44.1", "Xã <A>",
    AT - MS_DAY, None, AT, False, None, False, 0,
)  # fmt: skip
ACT = ActRow("commented", AT, AT, "k1", "", "partner", "<script>", None, "", "0/1/0")


def test_every_act_and_word_has_both_languages() -> None:
    assert set(ALERT_VERBS) == set(ACTS)
    assert all(all(words) for words in (*WORDS.values(), *ACTS.values()))
    assert {kind.subject for kind in KINDS.values()} <= set(SUBJECTS)


def test_what_comes_from_data_is_never_markup() -> None:
    page = AlertPage(AT, ROW, (ACT,), (Ticket("<t>", AT, "<k>", ""),))
    listed = AlertList(AT, (ROW,), 1, "next&cursor")
    asked = Filter(unit='"><b>', disputed=True)
    shown = (
        views.alert_head(page, ZONE, "vi") + views.chain(page, ZONE, "vi") + views.disputes(page, ZONE, "vi")
        + views.alert_list(listed, asked, ZONE, "vi") + views.filter_form(asked, "vi")
    )  # fmt: skip
    for raw in ("<P1>", "Xã <A>", "<script>", "<t>", "<k>", '"><b>'):
        assert raw not in shown
    assert "phản ánh, kiến nghị &lt;P1&gt;" in shown
    assert "unit=%22%3E%3Cb%3E" in shown, "the next page keeps the filter"
    assert "cursor=next%26cursor" in shown
    assert "disputed=1" in shown


def test_why_the_notifier_did_something_is_said_in_words() -> None:
    assert set(get_args(Reason)) <= set(OURS)
    decided = re.findall(
        r'_suppress\(alert, "(\w+)"|"(\w+)"\)\)$', PLANNING.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {word for pair in decided for word in pair if word} <= set(OURS)
    page = AlertPage(AT, ROW, (replace(ACT, act="suppressed", reason="inhibited"),))
    assert "nguồn mất dữ liệu" in views.chain(page, ZONE, "vi")


def test_posts_that_cannot_be_told_are_named_with_who_is_told_instead() -> None:
    posts = (
        VacantPost("officer", "H44.1", "Xã <A>", False, "head", 3, AT),
        VacantPost("head", "H44.2", "Xã B", True, "", 1, AT),
    )
    listed = AlertList(AT, (), 0, "", posts)
    shown = views.vacant_posts(listed, ZONE, "vi")
    for words in ("Cán bộ thụ lý", "Xã &lt;A&gt;", "chưa có người giữ", "Lãnh đạo đơn vị", "không ai được báo"):
        assert words in shown
    assert "nobody is told" in views.vacant_posts(listed, ZONE, "en")
    assert views.vacant_posts(replace(listed, vacant=()), ZONE, "vi") == ""
    assert set(POSTS) == set(CHAIN)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "chưa ai nhận"),
        ({"taken": True}, "đã nhận việc"),
        ({"promised": ZONE.midnight(ZONE.day(AT))}, "hẹn xong 23/11/2026"),
        ({"promised": AT, "promise_broken": True}, "lỡ hẹn"),
        ({"open_disputes": 1}, "báo sai, chờ trả lời"),
        ({"inhibited": True}, "tạm không nhắn"),
        ({"state": "cleared", "until": AT}, "Đã hết lúc 24/11/2026 07:10"),
    ],
)
def test_how_an_alert_stands_is_said(changed: dict[str, object], said: str) -> None:
    assert said in views.handled(replace(ROW, **changed), ZONE, "vi")  # type: ignore[arg-type]


def test_a_dispute_shows_its_outcome_and_an_act_the_reason_in_words() -> None:
    page = AlertPage(AT, ROW, (replace(ACT, outcome="stands"),), (Ticket("t1", AT, "k1", "corrected"),))
    assert "An event has corrected it".lower() in views.disputes(page, ZONE, "en").lower()
    assert "Chờ cơ quan phối hợp" in views.chain(page, ZONE, "vi")
    assert "agrees with what was received" in views.chain(page, ZONE, "en")
    assert "Sent is not known" in views.chain(replace(page, acts=()), ZONE, "en")


@pytest.mark.parametrize(
    ("verb", "given", "lacks"),
    [
        ("ack", {}, None),
        ("dispute", {}, None),
        ("promise", {}, "needs_date"),
        ("promise", {"until": "2026-11-23"}, "needs_date"),
        ("promise", {"until": "2026-11-24"}, None),
        ("silence", {"until": ""}, "needs_date"),
        ("silence", {"until": "2026-11-25", "note": " "}, "needs_why"),
        ("silence", {"until": "2026-11-25", "reason": "other"}, None),
        ("reason", {"note": "x"}, "needs_reason"),
        ("comment", {"note": "  "}, "needs_note"),
        ("resolve", {"outcome": "stands"}, "needs_outcome"),
        ("resolve", {"outcome": "stands", "note": "x"}, None),
    ],
)
def test_an_act_that_lacks_something_is_said_before_it_is_tried(
    verb: str, given: dict[str, str], lacks: str | None
) -> None:
    assert lacking(verb, given, "2026-11-24") == lacks
