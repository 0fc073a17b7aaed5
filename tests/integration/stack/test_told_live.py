"""What only a live stack shows: a link out of a real mail, a broken promise, raised kinds, a post nobody holds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from api.alerts.recipients import RecipientStore
from domain.calendar_vn import vietnam_calendar
from domain.events import encode_event, make_event
from domain.instants import MS_DAY, Millis, Zone, day_date, format_rfc3339
from ops.configs import PRIVATE
from tests.integration.stack.test_live import accepted, now
from tests.support.events import HOUR
from tests.support.far_sides import Mailbox, smtp_server
from tests.support.stack import RunningStack
from tests.support.waiting import until

PLACE, EMPTY, BUSY = "H44.506", "H44.507", "H44.508"
ZONE = Zone()
MINUTE = 60_000
ALL_DAY = {"name": "live", "version": "1", "hours": [["00:00", "24:00"]], "weekend": []}
AT_MIDNIGHT = {
    "due_today_slots": ["00:00"],
    "crunch_slot": "00:00",
    "brief_slot": "00:00",
    "fall_slot": "00:00",
    "pace_slot": "00:00",
}
RAISED = ("A03", "A14", "A15", "A16", "A18", "A20")


@dataclass
class Told:
    """A stack whose every day is a working day, with an officer and a head who get mail."""

    stack: RunningStack
    mailbox: Mailbox

    def mails(self, account: str) -> list[str]:
        found = [mail for mail in [*self.mailbox.mails] if str(mail["To"]).startswith(account)]
        return [f"{mail['Subject']}\n{mail.get_content()}" for mail in found]

    def alerts(self, kind: str, **asked: str) -> list[dict[str, Any]]:
        with self.stack.http() as client:
            found: list[dict[str, Any]] = client.get("/v1/alerts", params={"kind": kind, **asked}).json()["alerts"]
        return found

    def key(self, *options: str) -> str:
        return self.stack.run("keys", "create", "looks", "--scope", "read", *options).split()[0]


def clock(at: Millis) -> str:
    return ZONE.local(at).strftime("%H:%M")


def said(kind: str, name: str, document: dict[str, Any]) -> bytes:
    at = now()
    return encode_event(make_event(kind, name, at, {"document": document}, source="/live", id=f"{kind}-{at}"))


def fact(verb: str, code: str, at: Millis, **data: Any) -> tuple[str, bytes]:
    event = make_event(f"dossier.{verb}", code, at, data, source="/live", id=f"{verb}/{code}")
    return code, encode_event(event)


def history() -> Iterator[tuple[str, bytes]]:
    """A unit that finishes one a day, all on paper; sixty that became late yesterday, forty due tomorrow."""
    midnight = ZONE.midnight(ZONE.day(now()))
    common = {"unit": BUSY, "procedure": "2.000815", "channel": "counter"}
    for back in range(60, 1, -1):
        at = midnight - back * MS_DAY + 8 * HOUR
        yield fact("accepted", f"{BUSY}-{back}", at, **common, due_at=format_rfc3339(at + 9 * MS_DAY))
        yield fact("finished", f"{BUSY}-{back}", at + 6 * HOUR)
    for n in range(100):
        due = midnight - 8 * HOUR if n < 60 else midnight + MS_DAY + 12 * HOUR
        when = midnight - 20 * MS_DAY + n
        yield fact("accepted", f"{BUSY}-m{n}", when, **common, due_at=format_rfc3339(due))


def published() -> bytes:
    first = day_date(ZONE.day(now())).replace(day=1)
    period = f"{first - timedelta(days=1):%Y-%m}"
    figures = {f"PROCESSED_ON_TIME.{n}": x for n, x in (("numerator", 1), ("denominator", 900), ("score", 0.5))}
    data = {"period": period, "figures": figures}
    event = make_event("unit.portal_figures_received", "H44", now(), data, source="/live", id=f"portal-{now()}")
    return encode_event(event)


@pytest.fixture(scope="module")
def told(shared: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Every minute is a slot: the officer is told in this one, what climbs in a later one."""
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        (shared.data / "delivery.toml").write_text(
            '[links]\nboard = "https://giamsat.example.vn"\n'
            f'[email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nsender = "gs766@example.vn"\n'
        )
        shared.load_encoded(history())
        people = tmp_path_factory.mktemp("people") / "people.csv"
        rows = [f"{post},{post},{PLACE},{post}@example.vn,00:00-23:59" for post in ("officer", "head")]
        people.write_text("\n".join(["account,post,unit,email,hours", *rows, ""]))
        shared.run("recipients", "import", str(people))
        begun = now()
        midnight = ZONE.midnight(ZONE.day(begun))
        rules = {
            "name": "live",
            "version": "1",
            "guard_minutes": 0,
            "digest": False,
            "slots": sorted({clock(begun + n * MINUTE) for n in range(10)}),
            "slot_if_due_today": "",
            "quiet": {"from": "23:59", "to": "00:00"},
            "routes": [{"kind": "A04", "to": ["officer"], "at": ["next"]}],
        }
        shared.post(
            [
                said("calendar.published", "default", ALL_DAY),
                said("alert_rules.published", "default", AT_MIDNIGHT),
                said("message_rules.published", "live", rules),
                published(),
                accepted(f"{PLACE}-1", begun - HOUR, begun - 1),
                accepted(f"{EMPTY}-1", begun - HOUR, begun - 1),
                accepted(f"{PLACE}-2", midnight - HOUR, midnight + MS_DAY - 1, 2),
            ]
        )
        shared.settle()
        shared.kill_part("notifier")  # what is judged once a day is judged anew
        told = Told(shared, mailbox)
        until(lambda: told.mails("officer"), "the officer's mail", 60)
        (alert,) = told.alerts("A04", unit=PLACE)
        with shared.http() as client:  # broken while the tests go on, and raised again in a later minute
            soon = {"until": format_rfc3339(now() + 2_000)}
            assert client.post(f"/v1/alerts/{alert['id']}/promise", json=soon).status_code == 202
        yield told
        store = RecipientStore(shared.data / PRIVATE)
        for account in ("officer", "head"):
            store.remove(account, now())
        shared.post(
            [
                said("calendar.published", "default", msgspec.to_builtins(vietnam_calendar(ZONE.name).document)),
                said("alert_rules.published", "default", {}),
                said("message_rules.published", "live", {"name": "live", "version": "2"}),
            ]
        )
        shared.settle()


def test_a_link_out_of_a_mail_asks_for_a_login_and_carries_no_rights(told: Told) -> None:
    mail = told.mails("officer")[0]
    (alert,) = told.alerts("A04", unit=PLACE)
    link = re.search(r"/v/\d+-[A-Z2-7]{12}", mail)
    assert link, mail
    path = link[0]
    with httpx.Client(base_url=told.stack.stack.api) as outside:
        asked = outside.get(path)
        assert (asked.is_redirect, asked.headers["location"][:5]) == (True, "/khoa"), "nobody without a key"
        for units, wanted in (((PLACE,), 303), ((EMPTY,), 404)):
            token = told.key(*(word for unit in units for word in ("--unit", unit)))
            entered = outside.post("/khoa", data={"key": token, "back": path})
            assert (entered.status_code, entered.headers["location"]) == (303, path)
            opened = outside.get(path)
            assert opened.status_code == wanted, "what a key does not see, no link shows"
            if wanted == 303:
                page = outside.get(opened.headers["location"])
                assert f"{PLACE}-1" in page.text
                changed = path[:-1] + ("A" if path[-1] != "A" else "B")
                assert outside.get(changed).status_code == 404
                refused = outside.post(f"/v1/alerts/{alert['id']}/ack", json={})
                assert refused.status_code in (401, 403), "a link gives no right to act"
            outside.cookies.clear()
    with told.stack.http() as client:
        opened_by = [a for a in client.get(f"/v1/alerts/{alert['id']}").json()["acts"] if a["act"] == "opened"]
    assert len(opened_by) == 1


def test_a_post_that_nobody_holds_stands_in_health_and_on_the_board(told: Told) -> None:
    def on_the_board() -> bool:
        with told.stack.http() as client:
            client.cookies.set("gs766_key", told.stack.key)
            page = client.get("/canh-bao").text
        return "VỊ TRÍ CHƯA NHẬN ĐƯỢC TIN" in page and EMPTY in page

    until(on_the_board, "the vacancy on the board", 60)
    with told.stack.http() as client:
        reasons = client.get("/v1/health").json()["parts"]["messages"]["reasons"]
    # Health names the first ones: other units of this stack may have a vacant post, too.
    assert any("officer" in reason and "nobody holds the post" in reason for reason in reasons)


@pytest.mark.parametrize("kind", RAISED)
def test_a_raised_kind_arises_once(told: Told, kind: str) -> None:
    found = until(lambda: told.alerts(kind), f"an alert of {kind}", 60)
    names = [(a["subject"], a["episode"]) for a in found]
    assert len(set(names)) == len(names)
    with told.stack.http() as client:
        acts = client.get(f"/v1/alerts/{found[0]['id']}").json()["acts"]
    assert [a["act"] for a in acts].count("raised") <= 1


def test_what_is_due_today_clears_when_it_is_finished(told: Told) -> None:
    (alert,) = until(lambda: told.alerts("A03", unit=PLACE), "the alert", 60)
    done = make_event("dossier.finished", f"{PLACE}-2", now(), {}, source="/live", id="done")
    told.stack.post([encode_event(done)])

    def cleared() -> bool:
        with told.stack.http() as client:
            return bool(client.get(f"/v1/alerts/{alert['id']}").json()["state"] == "cleared")

    until(cleared, "the alert to clear", 60)


def test_a_broken_promise_is_raised_again_one_level_higher(told: Told) -> None:
    until(lambda: told.mails("head"), "the head's mail", 150)
    (alert,) = told.alerts("A04", unit=PLACE)
    with told.stack.http() as client:
        acts = client.get(f"/v1/alerts/{alert['id']}").json()["acts"]
    assert {a["reason"] for a in acts if a["act"] == "escalated"} == {"promise_broken"}
