"""Who is told: checked addresses, kept outside the log, shown masked, erased for good."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.alerts import addresses
from api.alerts.recipients import RecipientStore, new_entry
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
    assert store.remove("k1", post="officer") == 0
    assert store.remove("k1") == 1
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
