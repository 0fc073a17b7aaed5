"""Sending messages: acts before and after, what fails, and a `kill -9` amid ten thousand alerts."""

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from api.messaging.sending import Sender
from domain.errors import Unavailable
from domain.message import Message
from domain.messages.planning import plan
from domain.messages.values import Alert
from tests.support.killed_sender import EACH, PEOPLE
from tests.support.messages import ZONE, alert, at, province, who
from tests.support.waiting import until

A02 = alert("A02", "2026-11-09T00:00", due="2026-11-10T16:30")
OFFICER = (who("o", "officer", "H44.1", "email", "sms"),)
NOW = at("2026-11-09T07:15")


class Outside:
    """The alert log and the far side: what was written and sent, in order."""

    def __init__(self) -> None:
        self.order: list[tuple[str, ...]] = []
        self.reasons: dict[str, str] = {}
        self.sent: list[Message] = []
        self.away = False

    def write(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        if self.away:
            raise Unavailable("Kafka is away")
        for _, raw in pairs:
            event = msgspec.json.decode(raw)
            self.order.append((event["type"].removeprefix("alert."), event["data"].get("channel", "")))

    def send(self, message: Message, channel: str) -> str | None:
        self.order.append(("send", channel))
        self.sent.append(message)
        return self.reasons.get(channel)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def sender(outside: Outside) -> Iterator[Sender]:
    made = Sender(ZONE, outside, outside.write)
    yield made
    made.close()


def step(sender: Sender, when: str | int, *alerts: Alert) -> None:
    now = at(when) if isinstance(when, str) else when
    found = plan(now, alerts, sender.ledger, province(people=OFFICER))
    sender.carry_out(now, found, alerts)
    sender.pump(now)
    until(lambda: all(p.running is None or p.running.done() for p in sender._pending.values()), "the sending")
    sender.pump(now)


def test_meant_is_written_before_and_taken_after_on_each_channel(sender: Sender, outside: Outside) -> None:
    step(sender, NOW, A02)
    assert outside.order[0] == ("notify_intended", "")
    assert sorted(outside.order[1:3]) == [("send", "email"), ("send", "sms")]
    assert sorted(outside.order[3:]) == [("notified", "email"), ("notified", "sms")]
    step(sender, NOW, A02)
    assert len(outside.order) == 5, "nothing twice"


def test_while_the_log_is_away_nothing_is_sent(sender: Sender, outside: Outside) -> None:
    outside.away = True
    with pytest.raises(Unavailable):
        step(sender, NOW, A02)
    assert outside.sent == []
    outside.away = False
    step(sender, NOW, A02)
    assert len(outside.sent) == 2
    assert not any(message.retried for message in outside.sent)


def test_what_no_channel_will_ever_take_is_noted_once_and_tried_again_in_the_next_slot(
    sender: Sender, outside: Outside
) -> None:
    outside.reasons = {"sms": "permanent: no such number", "email": "permanent: no such box"}
    step(sender, NOW, A02)
    step(sender, NOW + 60_000, A02)
    assert [verb for verb, _ in outside.order].count("send") == 2
    assert [verb for verb, _ in outside.order].count("suppressed") == 2
    assert "notified" not in {verb for verb, _ in outside.order}
    outside.reasons = {}
    step(sender, "2026-11-09T13:30", A02)
    assert [verb for verb, _ in outside.order].count("notified") == 2


def test_one_that_fails_is_tried_again_and_does_not_stop_the_other(sender: Sender, outside: Outside) -> None:
    outside.reasons = {"sms": "no answer: timeout"}
    step(sender, NOW, A02)
    assert ("notified", "email") in outside.order
    assert sender.waiting == 1
    (pending,) = sender._pending.values()
    outside.reasons, pending.due = {}, 0.0
    step(sender, NOW, A02)
    assert outside.order[-1] == ("notified", "sms")
    assert outside.sent[-1].retried, "the first may have arrived"
    assert "đã được gửi" in outside.sent[-1].text


def test_what_was_refused_in_passing_is_no_repeat_when_it_goes_again(sender: Sender, outside: Outside) -> None:
    outside.reasons = {"email": "the mail server is away", "sms": "HTTP 503"}
    step(sender, NOW, A02)
    for pending in sender._pending.values():
        pending.due = 0.0
    outside.reasons = {}
    step(sender, NOW + 60_000, A02)
    assert [m.retried for m in outside.sent] == [False] * 4
    assert [verb for verb, _ in outside.order].count("notify_intended") == 1


def test_only_what_is_under_way_is_meant_so_that_a_kill_marks_no_more(outside: Outside) -> None:
    made = Sender(ZONE, outside, outside.write, threads=1)
    found = plan(NOW, [A02], made.ledger, province())
    assert len(found.messages) == 2
    made.carry_out(NOW, found, [A02])
    made._start(NOW)
    assert [verb for verb, _ in outside.order].count("notify_intended") == 1
    made.close()


def test_what_cleared_before_it_could_be_sent_is_not_sent(sender: Sender, outside: Outside) -> None:
    outside.reasons = {"email": "refused", "sms": "refused"}
    step(sender, NOW, A02)
    step(sender, NOW + 60_000)
    assert sender.waiting == 0


def test_killed_amid_ten_thousand_alerts_each_is_told_completely_and_none_twice(tmp_path: Path) -> None:
    """Killed twice at writes that chance chooses, of an act or of a message; then to its end."""
    chance = random.Random(766)
    command = [sys.executable, "-m", "tests.support.killed_sender", str(tmp_path)]
    ends = [
        subprocess.run([*command, str(last)], cwd=Path(__file__).parents[3], check=False).returncode
        for last in (chance.randrange(1, 60), chance.randrange(1, 60), 0)
    ]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    lines = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    wanted = {(one.account, channel) for one in PEOPLE for channel in one.channels}
    first: set[tuple[str, str]] = set()
    repeats = Counter[tuple[str, str]]()
    for account, channel, _, retried, ids in lines:
        place = (account, channel)
        assert place not in first or retried, "a repeat says so"
        repeats[place] += 1
        first.add(place)
        unit = account.partition("-")[2]
        assert len(ids) == len(set(ids)) == EACH, "complete"
        assert all(one.startswith(f"{unit}-") for one in ids)
    assert first == wanted
    assert sum(n - 1 for n in repeats.values()) <= 4 * 2, "at most what was under way on four threads"
