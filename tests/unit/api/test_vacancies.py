"""Posts that cannot be told: which channels work, what health says, and what a round leaves for the board."""

from pathlib import Path

import pytest

from api.alerts.delivery_settings import Delivery, Mail
from api.alerts.recipients import RecipientStore, new_entry
from api.alerts.sent import SentStore
from api.alerts.standing import message_faults
from api.alerts.vacancies import Reachable, Vacancies
from domain.errors import InvalidInput
from domain.instants import MS_DAY, zone
from domain.message import Message
from domain.messages.values import Unreached
from domain.periods import parse_instant

ZONE = zone("Asia/Ho_Chi_Minh")
NOW = parse_instant("2026-11-09T07:15", ZONE)
MAIL_ONLY = Delivery(email=Mail(host="mail.example", sender="a@example.vn"))
VACANT = Unreached("officer", "H44.1", "vacant", "head", 3)
MUTE = Unreached("head", "H44.2", "no_channel", "", 1)


def message(n: int) -> Message:
    return Message(f"m{n}", "k1", "H44.1", NOW, (), (), "red", "s", "t", "s", {}, "")


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "private.sqlite"
    entry = new_entry("k1", "officer", "H44.1", ["email:a@example.vn", "sms:0912000111"], ZONE)
    RecipientStore(path).put(entry, NOW)
    return path


def channels(private: Path, delivery: Delivery | None, now: int = NOW) -> tuple[str, ...]:
    def read() -> Delivery:
        if delivery is None:
            raise InvalidInput("delivery.toml: no")
        return delivery

    (one,) = Reachable(RecipientStore(private), SentStore(private), read)(now)
    return one.channels


def test_a_channel_that_is_not_set_up_does_not_work_and_its_holder_stays(private: Path) -> None:
    assert channels(private, MAIL_ONLY) == ("email",)
    assert channels(private, Delivery()) == ()
    assert channels(private, None) == ("email", "sms"), "a damaged file breaks nobody's channel"


@pytest.mark.parametrize(
    ("outcomes", "works"),
    [
        (["permanent: 550"] * 2, True),  # one refusal may be the text's fault
        (["permanent: 550"] * 3, False),
        (["permanent: 550"] * 3 + [""], True),
        (["the server is away"] * 5, True),
        (["no answer: x"] * 5 + ["permanent: 550"] * 3, False),
    ],
)
def test_a_channel_that_only_fails_for_good_does_not_work(private: Path, outcomes: list[str], works: bool) -> None:
    sent = SentStore(private)
    for n, failure in enumerate(outcomes):
        sent.record(message(n), "email", failure, NOW + n)
    assert (channels(private, MAIL_ONLY) == ("email",)) is works
    assert channels(private, MAIL_ONLY, NOW + 8 * MS_DAY) == ("email",), "after a week it is tried again"
    RecipientStore(private).put(new_entry("k1", "officer", "H44.1", ["email:b@example.vn"], ZONE), NOW + 99)
    assert channels(private, MAIL_ONLY) == ("email",), "a new address is a new beginning"


def test_a_round_leaves_its_posts_and_one_that_stays_keeps_its_beginning(private: Path) -> None:
    store = Vacancies(private)
    store.put((VACANT, MUTE), NOW)
    store.put((VACANT,), NOW + 5)
    assert [(one.what, one.since) for one in store.listed()] == [(VACANT, NOW)]
    store.put((), NOW + 6)
    assert store.listed() == ()


def test_health_names_the_posts_and_who_is_told_instead(private: Path) -> None:
    Vacancies(private).put((VACANT, MUTE), NOW)
    said = "\n".join(message_faults(private, None, NOW))
    assert "nobody holds the post officer of unit H44.1 (3 alerts): head is told instead" in said
    assert "no channel works for who holds the post head of unit H44.2 (1 alerts): nobody is told" in said
    Vacancies(private).put(tuple(Unreached("officer", f"H44.{n}", "vacant") for n in range(9)), NOW)
    assert "4 more posts" in "\n".join(message_faults(private, None, NOW))
