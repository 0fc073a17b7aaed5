"""Receipts and links: what proves that a message came, once; forged, old and repeated ones prove nothing."""

import hmac
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.access import Principal
from api.alerts.proofs import record_opened
from api.alerts.recipients import RecipientStore, new_entry
from api.alerts.sent import SentStore
from api.alerts.standing import message_faults
from dashboards.board.alert_desk import ApiAlerts
from domain.instants import MS_DAY, zone
from domain.message import Message
from tests.unit.api.conftest import NOW, Bench

SECRET = "receipts-secret"
SETTINGS = """
[sms]
url = "http://127.0.0.1:9/sms"
body = { to = "{to}", text = "{sms}" }
[sms.receipt]
secret_file = "receipts"
id = "message.id"
status = "message.status"
delivered = ["delivered", 3]
failed = ["failed"]
"""
ALERTS = ("a" * 24, "b" * 24)
MESSAGE = Message("0f3a", "k1", "H44.1", NOW, ("A02",), ALERTS, "red", "s", "t", "sms", {}, "")


@pytest.fixture
def bench(bench: Bench, tmp_path: Path) -> Bench:
    (tmp_path / "delivery.toml").write_text(SETTINGS)
    (tmp_path / "receipts").write_text(SECRET + "\n")
    bench.config = replace(bench.config, delivery=tmp_path / "delivery.toml")
    return bench


@pytest.fixture
def sent(bench: Bench) -> SentStore:
    store = SentStore(bench.config.private)
    store.remember(MESSAGE, NOW)
    store.record(MESSAGE, "sms", "", NOW)
    return store


def receipt(
    client: TestClient, status: object = "delivered", key: str = "0f3a.sms", *, secret: str = SECRET, at: int = NOW
) -> Any:
    body = json.dumps({"message": {"id": key, "status": status}}).encode()
    stamp = str(at // 1000)
    seal = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    headers = {"X-GS766-Signature": f"sha256={seal}", "X-GS766-Timestamp": stamp}
    return client.post("/v1/receipts/sms", content=body, headers=headers)


def acts(bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [event for raw in bench.acts() if (event := msgspec.json.decode(raw))["type"] == kind]


@pytest.mark.usefixtures("sent")
def test_a_receipt_is_an_act_about_each_alert_once(remote: TestClient, bench: Bench) -> None:
    assert receipt(remote).json() == {"recorded": True}
    found = acts(bench, "alert.delivered")
    assert [event["subject"] for event in found] == list(ALERTS)
    assert found[0]["data"] == {
        "unit": "H44.1", "channel": "sms", "actor": "gateway:sms", "key": "0f3a", "evidence": {"account": "k1"}
    }  # fmt: skip
    assert receipt(remote, 3).json() == {"recorded": False}, "a repeat adds nothing"
    assert receipt(remote, "queued").json() == {"recorded": False}
    assert len(acts(bench, "alert.delivered")) == 2


@pytest.mark.usefixtures("sent")
def test_a_forged_or_old_receipt_proves_nothing(remote: TestClient, bench: Bench) -> None:
    assert receipt(remote, secret="guessed").status_code == 401
    assert receipt(remote, secret="").status_code == 401
    assert receipt(remote, at=NOW - 301_000).status_code == 401
    assert receipt(remote, at=NOW + 301_000).status_code == 401
    assert remote.post("/v1/receipts/sms", content=b"{}").status_code == 401
    assert remote.post("/v1/receipts/zalo", content=b"{}").status_code == 404
    assert remote.post("/v1/receipts/email", content=b"{}").status_code == 422
    assert remote.post("/v1/receipts/sms", content=b"x" * 70_000).status_code == 413
    assert acts(bench, "alert.delivered") == []


@pytest.mark.usefixtures("sent")
def test_a_receipt_of_what_was_never_sent_there_is_refused(remote: TestClient, bench: Bench) -> None:
    assert receipt(remote, key="ffff.sms").status_code == 404
    assert receipt(remote, key="0f3a.sms-2").status_code == 404
    assert receipt(remote, key="0f3a.zalo").status_code == 422
    assert receipt(remote, key="0f3a").status_code == 422
    assert acts(bench, "alert.delivered") == []


def test_a_message_that_did_not_arrive_is_shown(
    remote: TestClient, bench: Bench, sent: SentStore, tmp_path: Path
) -> None:
    assert receipt(remote, "failed").json() == {"recorded": True}
    assert acts(bench, "alert.delivered") == []
    (failure,) = sent.failures(NOW - 1)
    assert (failure.account, failure.channel) == ("k1", "sms")
    store = RecipientStore(bench.config.private)
    store.put(new_entry("k1", "head", "H44.1", ("sms:0912000111", "zalo:0912000111"), zone("UTC")), NOW)
    said = message_faults(bench.config.private, tmp_path / "delivery.toml", NOW)
    assert len(said) == 2
    assert "zalo is not set up" in said[0]
    assert "1 deliveries to 1 accounts failed" in said[1]
    assert "912000111" not in " ".join(said)
    assert message_faults(tmp_path / "nobody.sqlite", None, NOW) == ()


def test_a_link_opens_for_a_week_and_not_for_who_changes_a_letter(sent: SentStore) -> None:
    first = sent.remember(MESSAGE, NOW + 5)
    token = sent.path(first).removeprefix("/v/")
    assert len(token) <= 16, "it must leave room in an SMS"
    assert sent.opened(token, NOW, 7) == first
    assert sent.opened(token, NOW + 7 * MS_DAY - 1, 7) == first
    assert sent.opened(token, NOW + 7 * MS_DAY, 7) is None
    other = sent.path(sent.remember(replace(MESSAGE, key="0f3b"), NOW)).removeprefix("/v/")
    assert other.partition("-")[2] != token.partition("-")[2]
    number, _, seal = token.partition("-")
    forged = [
        f"{number}-{'A' * 12}",
        f"2-{seal}",
        f"{number}-{seal.lower()}",
        f"{number}-{seal}A",
        f"0{token}",
        "",
        "1",
    ]
    assert all(sent.opened(text, NOW, 7) is None for text in forged)
    assert SentStore(sent._path).opened(token, NOW, 7) == first, "the same after a restart"


@pytest.mark.usefixtures("remote")
def test_opening_is_an_act_of_who_logged_in_once_each(bench: Bench, sent: SentStore) -> None:
    assert bench.services is not None
    message = sent.message("0f3a")
    assert message is not None
    one, other = (Principal(key, frozenset({"read"}), ("H44.1",)) for key in ("k1", "k9"))
    assert record_opened(bench.services, sent, message, one)
    assert not record_opened(bench.services, sent, message, one)
    assert record_opened(bench.services, sent, message, other)
    found = acts(bench, "alert.opened")
    assert [(e["subject"][0], e["data"]["actor"], e["data"]["evidence"]["account"]) for e in found] == [
        ("a", "k1", "k1"), ("b", "k1", "k1"), ("a", "k9", "k1"), ("b", "k9", "k1")
    ]  # fmt: skip


def test_a_link_carries_no_right(remote: TestClient, bench: Bench, sent: SentStore) -> None:
    message = sent.message("0f3a")
    assert message is not None
    token = sent.path(message).removeprefix("/v/")
    desk = ApiAlerts(cast(FastAPI, remote.app), bench.config)
    stranger, one = (Principal(k, frozenset({"read"}), (unit,)) for k, unit in (("k5", "H44.10"), ("k1", "H44.1")))
    assert desk.opened(stranger, token) is None, "who does not see the unit has not opened it"
    assert desk.opened(one, token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert acts(bench, "alert.opened") == []
    assert desk.opened(one, token) == "/canh-bao?unit=H44.1&kind=A02"
    assert desk.opened(one, token) == "/canh-bao?unit=H44.1&kind=A02", "again leads there, and is no news"
    assert len(acts(bench, "alert.opened")) == len(ALERTS)
