"""What is written by the hundred thousand: acts encoded in one pass, people who wait for webhooks, for a while."""

from typing import Any

import pytest

from api.messaging.events import event_of
from api.notifier import BACKLOG, YIELDING_MS, act_writer, yielding
from domain.events import decode_event, encode_event, make_event
from domain.messages.ledger import Act
from domain.messages.values import Alert

NOW = 1_800_000_000_123
ALERT = Alert("a1", "A04", "red", 'H44.1-"7"', "H44.1", NOW - 5, None, NOW - 9)


class Log:
    """What was appended."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, bytes]] = []

    def append(self, pairs: list[tuple[str, bytes]], **_: Any) -> None:
        self.pairs += pairs


@pytest.mark.parametrize(
    "data",
    [
        {
            "kind": "A04",
            "about": "Hồ sơ 7",
            "unit": "H44.1",
            "channel": "webhook:x",
            "key": "k",
            "actor": "notifier",
        },
        {"key": "k", "reason": "beyond_horizon", "evidence": {"digest": "d"}},
    ],
)
def test_an_act_about_a_webhook_has_the_bytes_of_an_event_that_was_checked(data: dict[str, Any]) -> None:
    log = Log()
    act_writer(log, "alert-log", lambda: NOW)([("notified", "a1", data)])  # type: ignore[arg-type]
    ((subject, raw),) = log.pairs
    made = make_event(
        "alert.notified", "a1", NOW, data, source="/gs766/notifier", id="notified/k", recorded_at=NOW
    )
    assert (subject, raw) == ("a1", encode_event(made))


@pytest.mark.parametrize("about", [ALERT, None])
@pytest.mark.parametrize(
    "act",
    [
        Act("a1", "notified", NOW, key="k", channel="email", reason="new", account="o1", unit="H44.1", slot=NOW),
        Act("a1", "suppressed", NOW, key="k", reason="silenced", until=NOW + 1),
        Act("a1", "held", NOW, key="k"),
    ],
)
def test_an_act_about_a_message_has_the_bytes_of_an_event_that_was_checked(act: Act, about: Alert | None) -> None:
    subject, raw = event_of(act, about)
    assert (subject, encode_event(decode_event(raw))) == ("a1", raw)


def test_messages_to_people_wait_for_a_backlog_of_webhooks_for_a_while_only() -> None:
    backlog, rounds = [0], list[int]()
    tick = yielding(lambda: backlog[0], rounds.append)
    for at, waiting in ((0, 0), (1, BACKLOG + 1), (2, BACKLOG + 1), (3, 0), (4, BACKLOG + 1)):
        backlog[0] = waiting
        tick(at)
    tick(4 + YIELDING_MS - 1)
    tick(4 + YIELDING_MS)
    assert rounds == [0, 3, 4 + YIELDING_MS]
