"""The key file: one key a year, rotation, and destruction that is erasure."""

import json
from pathlib import Path

import pytest

from domain.errors import InvalidInput
from domain.instants import parse_rfc3339, zone
from producers.keys import KEYED, IdentifierKeys

ZONE = zone("Asia/Ho_Chi_Minh")
AT = parse_rfc3339("2026-08-03T09:00:00+07:00")
LATER = parse_rfc3339("2027-02-03T09:00:00+07:00")


def open_keys(path: Path) -> IdentifierKeys:
    return IdentifierKeys(path, ZONE, lambda: AT)


def officer(keys: IdentifierKeys, at: int = AT) -> str:
    return keys.keyed("Lê Văn C", at, purpose="officer")


def test_the_file_is_readable_by_its_owner_only_and_serves_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "identifiers.json"
    first = officer(open_keys(path))
    assert KEYED.match(first)
    assert path.stat().st_mode & 0o777 == 0o600
    assert officer(open_keys(path)) == first


def test_each_year_has_its_own_key(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "k.json")
    assert officer(keys).startswith("k2026-1:")
    assert officer(keys, LATER).startswith("k2027-1:")
    assert officer(keys).split(":")[1] != officer(keys, LATER).split(":")[1]


def test_a_rotated_key_hashes_from_then_on(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "k.json")
    old = officer(keys)
    assert keys.rotate(2026).id == "k2026-2"
    assert officer(keys).startswith("k2026-2:")
    assert officer(keys) != old


def test_a_destroyed_key_leaves_no_secret_and_its_number_is_not_used_again(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    keys = open_keys(path)
    old = officer(keys)
    secret = json.loads(path.read_text())["keys"][0]["secret"]
    assert keys.destroy(2026) == ("k2026-1",)
    assert secret not in path.read_text()
    assert officer(keys).startswith("k2026-2:")
    assert officer(keys).split(":")[1] != old.split(":")[1]
    assert [k.alive for k in keys.all_keys()] == [False, True]


def test_a_key_destroyed_by_one_process_is_destroyed_for_all(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    one, other = open_keys(path), open_keys(path)
    assert officer(one) == officer(other)
    one.destroy(2026)
    assert officer(other).startswith("k2026-2:")
    assert officer(one) == officer(other)


def test_two_processes_that_need_a_years_first_key_agree_on_it(tmp_path: Path) -> None:
    one, other = open_keys(tmp_path / "k.json"), open_keys(tmp_path / "k.json")
    assert officer(one) == officer(other)


def test_a_year_without_a_key_cannot_be_destroyed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2019"):
        open_keys(tmp_path / "k.json").destroy(2019)


@pytest.mark.parametrize("content", ["", "{}", '{"keys":[{"id":"k1"}]}', '{"keys":[]', "\x00"])
def test_a_damaged_key_file_is_never_replaced_silently(tmp_path: Path, content: str) -> None:
    path = tmp_path / "k.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="restore"):
        open_keys(path)
    assert path.read_text() == content


def test_a_key_file_that_vanishes_while_in_use_stops_hashing(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    keys = open_keys(path)
    officer(keys)
    path.unlink()
    with pytest.raises(InvalidInput, match="gone"):
        officer(keys)


def test_a_key_does_not_show_its_secret_when_printed(tmp_path: Path) -> None:
    key = open_keys(tmp_path / "k.json").rotate(2026)
    assert key.secret is not None
    assert key.secret not in repr(key)


DECEMBER, JANUARY = (parse_rfc3339(f"{day}T09:00:00+07:00") for day in ("2026-12-20", "2027-01-10"))


def applicant(keys: IdentifierKeys, at: int, who: str = "p-1") -> tuple[str, str | None]:
    keyed = keys.keyed(who, at, purpose="applicant")
    return keyed, keys.across(who, at, keyed, purpose="applicant")


def test_early_in_a_year_last_years_hash_stands_beside_and_opens_while_both_keys_live(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "k.json")
    before, nothing = applicant(keys, DECEMBER)
    assert nothing is None, "of the year before there is no key, and none is made"
    now, across = applicant(keys, JANUARY)
    assert across is not None
    assert KEYED.match(across)
    assert across.split(":")[1] != before.split(":")[1]
    assert keys.opened(now, across) == before
    assert keys.opened(applicant(keys, JANUARY, "p-2")[0], across) != before
    assert applicant(keys, parse_rfc3339("2027-03-02T09:00:00+07:00"))[1] is None
    assert [k.year for k in keys.all_keys()] == [2026, 2027]


@pytest.mark.parametrize("year", [2026, 2027])
def test_destroying_either_years_key_ends_what_led_from_one_to_the_other(tmp_path: Path, year: int) -> None:
    path = tmp_path / "k.json"
    keys = open_keys(path)
    applicant(keys, DECEMBER)
    now, across = applicant(keys, JANUARY)
    assert across is not None
    open_keys(path).destroy(year)
    assert keys.opened(now, across) is None
    # A key made anew for that year opens nothing either.
    again, (anew, sealed) = applicant(keys, DECEMBER)[0], applicant(keys, JANUARY)
    assert keys.opened(now, across) is None
    assert keys.opened(anew, str(sealed)) == again
