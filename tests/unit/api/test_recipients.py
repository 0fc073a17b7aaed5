"""Who is told: checked addresses, kept outside the log, shown masked, erased for good."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.alerts import addresses
from api.alerts.recipients import RecipientStore, new_entry
from api.due_acts import DueActs
from api.keys import KeyStore
from domain.errors import InvalidInput
from domain.instants import MS_DAY, parse_rfc3339, zone

NOW = parse_rfc3339("2026-08-20T10:00:00+07:00")
ZONE = zone("Asia/Ho_Chi_Minh")
MAIL, PHONE = "van-phong@example.vn", "0912 000 111"


def add(store: RecipientStore, account: str = "k1", post: str = "head", **more: Any) -> None:
    channels = more.pop("channels", (f"email:{MAIL}", f"sms:{PHONE}"))
    store.put(new_entry(account, post, more.pop("unit", "H44.1"), channels, ZONE, **more), NOW)


@pytest.fixture
def store(tmp_path: Path) -> RecipientStore:
    return RecipientStore(tmp_path / "private.sqlite")


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("email", " van-phong@example.vn ", "van-phong@example.vn"),
        ("sms", "0912.000.111", "84912000111"),
        ("sms", "+84 912 000 111", "84912000111"),
        ("zalo", "84912000111", "84912000111"),
        ("sms", "+85620000000", "85620000000"),
        ("apprise", "json://127.0.0.1:9/x", "json://127.0.0.1:9/x"),
    ],
)
def test_an_address_is_kept_in_one_form(kind: str, written: str, kept: str) -> None:
    assert addresses.checked(kind, written) == kept


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("email", "a@b"),
        ("email", "a@example.vn, b@example.vn"),
        ("email", "A <a@example.vn>"),
        ("email", "a@example.vn\nBcc: b@example.vn"),
        ("email", "a..b@example.vn"),
        ("sms", "02143 000 111"),
        ("sms", "091200011"),
        ("sms", "tel:0912000111"),
        ("sms", "٠٩١٢٠٠٠١١١"),
        ("apprise", "mailto"),
        ("apprise", "nobody-knows-this://x"),
        ("apprise", "syslog://this-machine"),
        ("pager", "1"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(kind: str, written: str) -> None:
    with pytest.raises(InvalidInput) as error:
        addresses.checked(kind, written)
    assert written not in str(error.value) or kind == "pager"


def test_who_is_told_are_those_who_hold_their_post_now(store: RecipientStore) -> None:
    add(store, since="2026-08-20", until="2026-08-21", hours="07:30-16:30")
    add(store, "k2", "officer", channels=(f"email:{MAIL}", "email:b@example.vn", "sms:0912000112"))
    first = ZONE.midnight(ZONE.day(NOW))
    (head,) = [r for r in store.recipients(NOW) if r.post == "head"]
    assert head.channels == ("email", "sms")
    assert (head.hours, head.since, head.until) == (("07:30", "16:30"), first, first + 2 * MS_DAY)
    assert [r.account for r in store.recipients(first - 1)] == ["k2"]
    assert [r.account for r in store.recipients(first + 2 * MS_DAY)] == ["k2"]
    assert next(r for r in store.recipients(NOW) if r.account == "k2").channels == ("email", "email-2", "sms")
    assert store.address("k2", "email-2", NOW) == ("email", "b@example.vn")
    assert store.address("k1", "sms", first - 1) is None


def test_addresses_belong_to_the_account_and_appear_in_no_text_of_a_value(store: RecipientStore) -> None:
    add(store)
    add(store, post="officer", channels=("sms:0912000999",))
    assert {entry.addresses for entry in store.entries()} == {(("sms", "84912000999"),)}
    assert "84912000999" not in repr(store.entries())
    assert all("one channel" in entry.warnings[0] for entry in store.entries())


def test_what_is_erased_or_replaced_is_gone_from_the_files(store: RecipientStore, tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "private.sqlite")  # it turns the log of writes on, and holds the file open

    def written() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    add(store)
    assert MAIL.encode() in written()
    add(store, channels=("email:b@example.vn", f"sms:{PHONE}"))
    assert MAIL.encode() not in written()
    assert store.remove("k1", NOW, post="officer") == 0
    assert store.remove("k1", NOW) == 1
    assert b"b@example.vn" not in written()
    keys.close()
    assert (tmp_path / "private.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("account", ["", "Nguyen Van A", "a@example.vn", "0912000111", "012345678901"])
def test_an_account_is_a_code_because_it_stands_in_the_log(account: str) -> None:
    with pytest.raises(InvalidInput, match="account"):
        new_entry(account, "head", "H44.1", (f"email:{MAIL}",), ZONE)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("post", {"post": "boss"}),
        ("hours", {"hours": "17:00-07:00"}),
        ("hours", {"hours": "7-17"}),
        ("until", {"since": "2026-08-20", "until": "2026-08-01"}),
        ("channels", {"channels": ()}),
    ],
)
def test_a_fault_names_its_field(store: RecipientStore, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=field):
        add(store, **given)


def test_a_file_is_taken_row_by_row(store: RecipientStore, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "account,post,unit,email,sms,hours\n"
        f"k1,head,H44.1,{MAIL};b@example.vn,{PHONE},07:00-17:00\n"
        "k2,head,H44.2,nobody,,\n"
        "k3,room,H44,c@example.vn,,\n",
        encoding="utf-8-sig",
    )
    found = store.import_csv(file, ZONE, NOW)
    assert (found.accepted, [line for line, _ in found.rejected]) == (2, [3])
    assert store.recipients(NOW)[1].channels == ("email", "email-2", "sms")
    file.write_text("name,phone\nx,y\n")
    with pytest.raises(InvalidInput, match="first line"):
        store.import_csv(file, ZONE, NOW)


def test_only_administrators_see_recipients_and_only_masked(remote: TestClient, bench: Any) -> None:
    body = {"account": "k1", "post": "head", "unit": "H44.1", "channels": [f"email:{MAIL}", f"sms:{PHONE}"]}
    assert remote.post("/v1/recipients", json=body, headers=bench.key("act")).status_code == 403
    admin = bench.key("admin")
    assert remote.post("/v1/recipients", json=body, headers=admin).status_code == 201
    assert remote.get("/v1/recipients", headers=bench.key("read")).status_code == 403
    answer = remote.get("/v1/recipients", headers=admin)
    (row,) = answer.json()
    assert row["channels"] == ["email:v…@example.vn", "sms:8491…11"]
    assert MAIL not in answer.text
    assert remote.post("/v1/recipients", json=body | {"channels": ["sms:1"]}, headers=admin).status_code == 422
    assert remote.delete("/v1/recipients/k1", headers=admin).status_code == 204
    assert remote.delete("/v1/recipients/k1", headers=admin).status_code == 404
    assert all(MAIL.encode() not in raw and b"8491" not in raw for raw in bench.acts())


def acts(store: RecipientStore) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(verb, account, actor, evidence) of what the log will hold."""
    found = []
    for event in DueActs(store._path).unrecorded():
        data = json.loads(event.body)
        verb = event.type.removeprefix("system.recipient_")
        found.append((verb, event.subject, data["actor"], data["evidence"]))
    return found


def test_who_changed_a_recipient_is_an_act_without_an_address(store: RecipientStore) -> None:
    add(store)
    add(store)  # the same again is no act
    entry = new_entry("k1", "head", "H44.1", ("email:b@example.vn", "zalo:0912000111"), ZONE, until="2026-08-31")
    store.put(entry, NOW, "key-7")
    store.remove("k1", NOW, by="key-8")
    store.remove("k1", NOW, by="key-8")
    added, changed, removed = acts(store)
    assert added[:3] == ("added", "k1", "command_line")
    assert added[3] == {"account": "k1", "post": "head", "channels": ["email", "sms"]}
    assert changed[:3] == ("changed", "k1", "key-7")
    assert changed[3]["changed"] == ["until"]
    assert changed[3]["channels_changed"] == {"email": "changed", "sms": "removed", "zalo": "added"}
    assert changed[3]["channels"] == ["email", "zalo"]
    assert removed[:3] == ("removed", "k1", "key-8")
    for event in DueActs(store._path).unrecorded():
        assert not any(part in event.body for part in (b"example.vn", b"912", b"84"))


def test_new_addresses_are_told_of_each_post_of_the_account(store: RecipientStore) -> None:
    add(store)
    add(store, post="room", unit="H44", channels=("sms:0912000999",))
    told = [(verb, evidence["post"], evidence.get("channels_changed")) for verb, _, _, evidence in acts(store)]
    assert told[0] == ("added", "head", None)
    assert sorted(told[1:], key=str) == [
        ("added", "room", None),
        ("changed", "head", {"email": "removed", "sms": "changed"}),
    ]


def test_a_file_says_who_brought_it_and_a_bad_row_changes_nothing(store: RecipientStore, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(f"account,post,unit,email\nk1,head,H44.1,{MAIL}\nk2,head,H44.2,nobody\n", encoding="utf-8")
    store.import_csv(file, ZONE, NOW, "key-9")
    store.import_csv(file, ZONE, NOW, "key-9")
    assert [(verb, account, by) for verb, account, by, _ in acts(store)] == [("added", "k1", "key-9")]


@pytest.mark.parametrize("by", ["", "Nguyen Van A", "a@example.vn", "0912000111"])
def test_who_changes_is_a_code_and_without_it_nothing_is_changed(store: RecipientStore, by: str) -> None:
    with pytest.raises(InvalidInput, match="by: "):
        store.put(new_entry("k1", "head", "H44.1", (f"email:{MAIL}",), ZONE), NOW, by)
    assert store.entries() == ()
    assert acts(store) == []


def test_a_change_by_http_stands_in_the_log_under_its_key(remote: TestClient, bench: Any) -> None:
    body = {"account": "k1", "post": "head", "unit": "H44.1", "channels": [f"email:{MAIL}", f"sms:{PHONE}"]}
    admin = bench.key("admin")
    remote.post("/v1/recipients", json=body, headers=admin)
    remote.delete("/v1/recipients/k1", headers=admin)
    told = [json.loads(raw) for raw in bench.acts() if b"system.recipient_" in raw]
    assert [event["type"] for event in told] == ["system.recipient_added", "system.recipient_removed"]
    assert {event["data"]["actor"] for event in told} != {"command_line"}
    assert remote.get("/v1/recipients/changes", headers=bench.key("read")).status_code == 403
