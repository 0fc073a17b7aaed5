"""Who may look at the board, and the words and numbers on it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request

from api.keys import KeyStore
from dashboards.board.gate import COOKIE, ApiGate, safe_back
from dashboards.board.words import duration, moment, number, percent
from domain.instants import parse_rfc3339, zone


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "private.sqlite")


def gate(keys: KeyStore) -> ApiGate:
    app = FastAPI()
    app.state.services = SimpleNamespace(keys=keys, config=SimpleNamespace(loopback_reads=True))
    return ApiGate(app)


def request(client: str, **cookies: str) -> Request:
    headers = [(b"host", b"127.0.0.1")]
    if cookies:
        headers.append((b"cookie", "; ".join(f"{n}={v}" for n, v in cookies.items()).encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "headers": headers,
        "client": (client, 5),
        "path": "/",
        "query_string": b"",
    }
    return Request(scope)


def test_loopback_reads_without_a_key_and_elsewhere_a_key_is_asked_for(keys: KeyStore) -> None:
    found = gate(keys).viewer(request("127.0.0.1"))
    assert found is not None
    assert "read" in found.scopes
    assert gate(keys).viewer(request("10.1.2.3")) is None


def test_a_key_in_the_cookie_lets_in_until_it_is_revoked(keys: KeyStore) -> None:
    made = keys.create_key("room", ["read"], now=1, units=["H44.100"])
    asked = request("10.1.2.3", **{COOKIE: made.token})
    found = gate(keys).viewer(asked)
    assert found is not None
    assert found.units == ("H44.100",)
    keys.revoke_key(made.key.id, 2)
    assert gate(keys).viewer(asked) is None


def test_a_key_that_only_sends_events_may_not_look(keys: KeyStore) -> None:
    made = keys.create_key("feed", ["intake"], now=1, sources=["/h44/one-stop"])
    assert not gate(keys).admit(made.token)
    assert gate(keys).viewer(request("10.1.2.3", **{COOKIE: made.token})) is None


def test_a_display_key_looks_without_the_right_to_read_dossiers(keys: KeyStore) -> None:
    made = keys.create_key("wall", ["display"], now=1)
    found = gate(keys).viewer(request("10.1.2.3", **{COOKIE: made.token}))
    assert found is not None
    assert "read" not in found.scopes


@pytest.mark.parametrize("path", ["//evil.invalid", "https://evil.invalid", "/\\evil.invalid", "", "/a\nb"])
def test_the_form_leads_back_to_this_server_only(path: str) -> None:
    assert safe_back(path) == "/"


def test_the_form_leads_back_to_the_page_that_was_asked() -> None:
    assert safe_back("/don-vi/H44.100?lang=en") == "/don-vi/H44.100?lang=en"


def test_numbers_are_written_as_people_of_each_language_write_them() -> None:
    assert number(1284, "vi") == "1.284"
    assert number(59.913, "vi", 2) == "59,91"
    assert number(1234567.5, "vi", 1) == "1.234.567,5"
    assert number(1284.5, "en", 1) == "1,284.5"
    assert number(None, "vi") == "—"
    assert percent(0.78404, "vi") == "78,40 %"


def test_times_are_those_of_the_province_and_spans_keep_their_two_greatest_parts() -> None:
    at = parse_rfc3339("2026-11-24T23:59:30Z")
    assert moment(at, zone("Asia/Ho_Chi_Minh")) == "25/11/2026 06:59:30"
    hour = 3_600_000
    assert duration(51 * hour, "vi") == "2 ngày 3 giờ"
    assert duration(25 * hour, "en") == "1 day 1 hour"
    assert duration(2 * hour, "vi") == "2 giờ"
    assert duration(0, "vi") == "0 phút"
