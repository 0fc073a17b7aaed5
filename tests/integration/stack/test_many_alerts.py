"""Ten thousand alerts on a live stack whose notifier and worker are killed: to a subscriber and to forty officers.

Whatever is killed, each alert reaches everybody whom it concerns; twice only where nobody could know whether it
had arrived, and then it says so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.alerts.recipients import RecipientStore
from domain.events import encode_event, make_event
from ops.configs import PRIVATE
from ops.rebuilding import store_client
from ops.settings import load
from tests.integration.stack.test_live import accepted, now, receiver
from tests.support.events import HOUR
from tests.support.far_sides import Mailbox, smtp_server
from tests.support.stack import RunningStack
from tests.support.waiting import until

PLACE, UNITS, EACH = "H44.505", 40, 250
CODES = [f"{PLACE}{unit:02d}-{n}" for unit in range(UNITS) for n in range(EACH)]
BATCH, UNDER_WAY = 50, 400
"""Of a subscriber's alerts so many are under way at most, eight batches."""
MAILS_UNDER_WAY = 8
RULES = {
    "name": "many",
    "version": "1",
    "guard_minutes": 0,
    "at_once_minutes": 240,
    "escalation": {"kinds": []},
    "routes": [{"kind": "A04", "to": ["officer"], "at": ["any_hour"]}],
}


class SlowMailbox(Mailbox):
    """Takes its time over each mail, so that some are under way whenever the sender is killed."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(0.3)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture(scope="module")
def overdue(shared: RunningStack) -> Iterator[list[dict[str, Any]]]:
    """What a subscriber gets of ten thousand dossiers that fall overdue, while notifier and worker are killed."""
    with receiver() as (url, got), shared.http() as client:
        order = {"url": url, "kinds": ["A04"], "batch": BATCH}
        hook = client.post("/v1/webhooks", json=order).json()["id"]
        shared.load_encoded([(code, accepted(code, now() - HOUR, now() - 1)) for code in CODES])
        for share, parts in ((10, ["notifier"]), (3, ["worker", "notifier"]), (2, ["notifier"])):
            _until_many(lambda: len(_codes(got)), len(CODES) // share)
            for part in parts:
                shared.kill_part(part)
        until(lambda: set(CODES) <= _codes(got).keys(), "all of them", 60)
        until(lambda: _confirmed(shared, f"webhook:{hook}") == {"": len(CODES)}, "the record of each", 60)
        yield got
        client.delete(f"/v1/webhooks/{hook}")


def test_each_alert_reaches_a_subscriber_and_twice_only_what_was_under_way_and_says_so(
    overdue: list[dict[str, Any]],
) -> None:
    came: Counter[str] = Counter()
    for message in overdue:
        for one in message["alerts"]:
            code = one["alert"]["dossier_code"]
            assert one["retried"] or not came[code], f"{code} came twice unmarked"
            came[code] += 1
    assert came.keys() >= set(CODES)
    assert sum(n - 1 for n in came.values()) <= 3 * UNDER_WAY


def test_each_officer_has_one_message_with_all_of_it_and_a_second_only_marked(
    shared: RunningStack, overdue: list[dict[str, Any]], tmp_path: Path
) -> None:
    del overdue
    mailbox = SlowMailbox()
    with smtp_server(mailbox) as port:
        _told_by_mail(shared, port)
        people = tmp_path / "people.csv"
        rows = [f"o{n},officer,{PLACE}{n:02d},o{n}@example.vn" for n in range(UNITS)]
        people.write_text("\n".join(["account,post,unit,email", *rows, ""]))
        shared.run("recipients", "import", str(people))
        try:
            for mails in (4, 20):
                _until_many(lambda: len(mailbox.mails), mails)
                shared.kill_part("notifier")
            wanted = {f"o{n}": EACH for n in range(UNITS)}
            until(lambda: _confirmed(shared, "email") == wanted, "the record of each message", 60)
        finally:
            store = RecipientStore(shared.data / PRIVATE)
            for n in range(UNITS):
                store.remove(f"o{n}", now())
    came: Counter[str] = Counter()
    for mail in mailbox.mails:
        officer = str(mail["To"])
        assert "(gửi lại)" in str(mail["Subject"]) or not came[officer], f"{officer} was told twice, unmarked"
        assert str(EACH) in str(mail["Subject"]) + mail.get_content(), "complete"
        came[officer] += 1
    assert len(came) == UNITS
    assert sum(n - 1 for n in came.values()) <= 2 * MAILS_UNDER_WAY


def _until_many(count: Callable[[], int], wanted: int) -> None:
    until(lambda: count() >= wanted, f"{wanted} of them", 60)


def _codes(got: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["alert"]["dossier_code"] for message in [*got] for one in message["alerts"])


def _told_by_mail(stack: RunningStack, port: int) -> None:
    (stack.data / "delivery.toml").write_text(
        f'[email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nsender = "gs766@example.vn"\n'
    )
    data = {"document": RULES}
    rules = make_event("message_rules.published", "many", now(), data, source="/t", id="many")
    stack.post([encode_event(rules)])
    stack.settle()


def _confirmed(stack: RunningStack, channel: str) -> dict[str, int]:
    """By account ('' for a subscriber), of how many alerts the log says that they were taken on a channel."""
    sql = """
        SELECT JSONExtractString(data, 'evidence', 'account') AS account, uniqExact(subject) FROM alert_acts
        WHERE type = 'alert.notified' AND JSONExtractString(data, 'channel') = %(channel)s
          AND startsWith(JSONExtractString(data, 'unit'), %(place)s) GROUP BY account"""
    with store_client(load({**stack.environ}, stack.data)) as client:
        return dict(client.execute(sql, {"channel": channel, "place": PLACE}))
