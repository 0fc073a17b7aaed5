"""Due dates as a calendar: counts without codes, entries that keep their names, keys kept out of addresses."""

from base64 import b64encode
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from icalendar import Calendar

from api import problem_answers
from api.config import ApiConfig, StoreConfig
from api.keys import KeyStore
from dashboards.papers import due_calendar
from dashboards.papers.due_calendar import render
from domain.instants import Zone
from eventlog.config import KafkaConfig

TOLD: dict[str, Any] = {
    "unit": "H44.100",
    "name": "UBND xã Mẫu A",
    "as_of": "2026-11-20T10:00:00.123+07:00",
    "days": [
        {"day": "2026-11-23", "due": 22, "without_apology": 9, "last_day": "2026-11-20",
         "dossiers": [f"H44.100-{n}" for n in range(22)]},
        {"day": "2026-11-25", "due": 6000, "without_apology": None, "last_day": "2026-11-23", "dossiers": None},
    ],
}  # fmt: skip


def entries(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_a_day_is_one_all_day_entry_with_counts_and_no_codes() -> None:
    first, second = entries(render(TOLD, "Asia/Ho_Chi_Minh"))
    assert str(first["summary"]) == "22 hồ sơ đến hạn · UBND xã Mẫu A"
    assert first["dtstart"].to_ical() == b"20261123"
    assert first["dtend"].to_ical() == b"20261124"
    assert first["dtstamp"].to_ical() == b"20261120T030000Z"
    assert "Chưa có Mẫu 04: 9 (ngày cuối gửi: 20/11/2026)" in str(first["description"])
    assert "Mẫu 04" not in str(second["description"]), "what was not counted is not said to be none"
    assert b"H44.100-1" not in render(TOLD, "Asia/Ho_Chi_Minh")
    feed = Calendar.from_ical(render(TOLD, "Asia/Ho_Chi_Minh"))
    assert str(feed["x-wr-timezone"]) == "Asia/Ho_Chi_Minh"


def test_codes_are_named_up_to_a_number() -> None:
    text = str(entries(render(TOLD, "Asia/Ho_Chi_Minh", codes=True))[0]["description"])
    assert "H44.100-19" in text
    assert "H44.100-20" not in text
    assert "và 2 hồ sơ khác" in text


def test_an_entry_keeps_its_name_when_its_count_changes() -> None:
    later = TOLD | {"as_of": "2026-11-21T10:00:00+07:00", "days": [TOLD["days"][0] | {"due": 3}]}
    uid = [str(e["uid"]) for e in entries(render(TOLD, "UTC"))]
    assert str(entries(render(later, "UTC"))[0]["uid"]) == uid[0]
    assert len(set(uid)) == 2
    other = entries(render(TOLD | {"unit": "H44.101"}, "UTC"))
    assert {str(e["uid"]) for e in other}.isdisjoint(uid)


class Served:
    """The route over a key file and a figure that answers always the same."""

    def __init__(self, folder: Path) -> None:
        self.keys = KeyStore(folder / "private.sqlite")
        self.asked: list[tuple[Any, ...]] = []
        app = FastAPI()
        problem_answers.install(app)
        app.include_router(due_calendar.router)
        app.state.services = SimpleNamespace(
            config=ApiConfig(KafkaConfig("127.0.0.1:1"), StoreConfig(), folder / "p"),
            keys=self.keys,
            zone=Zone(),
            context=lambda _, who: nullcontext(who),
            figures=SimpleNamespace(due_days=self.due_days),
        )
        self.client = TestClient(app, client=("192.0.2.1", 5000))

    def due_days(self, who: Any, *args: Any) -> dict[str, Any]:
        self.asked.append((who.units, *args))
        return TOLD

    def key(self, *scopes: str) -> str:
        return self.keys.create_key("calendar", scopes, now=0, units=("H44.100",)).token


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"any:{password}".encode()).decode()}


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


def test_a_calendar_subscribes_with_the_key_as_its_password(served: Served) -> None:
    token = served.key("display")
    answer = served.client.get("/v1/due.ics?unit=H44.100&within=5wd", headers=basic(token))
    assert answer.content == render(TOLD, "Asia/Ho_Chi_Minh")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert served.asked == [(("H44.100",), "H44.100", "5wd")]
    assert served.client.get("/v1/due.ics", headers={"X-GS766-Key": token}).status_code == 200
    assert served.client.get("/v1/due.ics", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("value", ["Basic", "Basic !", "Basic " + b64encode(b"nocolon").decode(), "Digest x"])
def test_without_a_known_key_it_is_asked_for(served: Served, value: str) -> None:
    for headers in ({"Authorization": value}, basic("gs766_wrong"), {}):
        assert served.client.get("/v1/due.ics", headers=headers).status_code == 401
    assert served.client.get("/v1/due.ics").headers["www-authenticate"].startswith("Basic ")
    assert served.asked == []


def test_a_key_in_the_address_is_no_key(served: Served) -> None:
    answer = served.client.get(f"/v1/due.ics?key={served.key('read')}")
    assert answer.status_code in (401, 422)
    assert served.asked == []


def test_codes_need_a_key_that_reads_dossiers(served: Served) -> None:
    assert served.client.get("/v1/due.ics?codes=true", headers=basic(served.key("display"))).status_code == 403
    answer = served.client.get("/v1/due.ics?codes=true", headers=basic(served.key("read")))
    assert answer.content == render(TOLD, "Asia/Ho_Chi_Minh", codes=True)
