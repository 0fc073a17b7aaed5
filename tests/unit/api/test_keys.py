"""Keys: hashed at rest, bound, revocable, and their making recorded."""

from pathlib import Path

import pytest

from api.keys import SCOPES, KeyStore
from domain.errors import InvalidInput


def test_a_token_is_found_and_stands_nowhere_in_the_file(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "private.sqlite")
    made = store.create_key("sở", ["intake"], now=1_000_000_000_000, units=["H44.1"], sources=["/a"])
    assert store.find(made.token) == made.key
    assert made.token.startswith("gs766_")
    store.close()
    for path in tmp_path.iterdir():
        assert made.token.encode() not in path.read_bytes()
    assert (tmp_path / "private.sqlite").stat().st_mode & 0o077 == 0


def test_a_revoked_key_opens_nothing_and_revoking_twice_is_harmless(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "p.sqlite")
    made = store.create_key("a", ["read"], now=1)
    assert store.revoke_key(made.key.id, 5).revoked_at == 5
    assert store.revoke_key(made.key.id, 9).revoked_at == 5
    assert store.find(made.token) is None
    assert [key.id for key in store.list_keys()] == [made.key.id]
    with pytest.raises(InvalidInput, match="no key"):
        store.revoke_key("k0", 9)


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "write"]])
def test_unknown_scopes_are_refused(tmp_path: Path, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="the scopes are"):
        KeyStore(tmp_path / "p.sqlite").create_key("a", scopes, now=1)


def test_an_intake_key_names_its_sources(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="sources"):
        KeyStore(tmp_path / "p.sqlite").create_key("a", ["intake"], now=1)


def test_making_and_revoking_are_acts_until_they_are_recorded(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "p.sqlite")
    made = store.create_key("Nguyễn Văn A", ["read"], now=1_700_000_000_000)
    (created,) = store.unrecorded()
    assert (created.type, created.subject) == ("system.key_created", made.key.id)
    assert "Nguyễn".encode() not in created.body
    store.recorded([created])
    assert store.unrecorded() == ()
    store.revoke_key(made.key.id, 1_700_000_000_001)
    assert [event.type for event in store.unrecorded()] == ["system.key_revoked"]


def test_the_development_key_has_every_scope_and_replaces_the_one_before(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "p.sqlite")
    first = store.ensure_development_key("gs766_one", 1)
    assert store.ensure_development_key("gs766_one", 2) == first
    assert first.scopes == set(SCOPES)
    store.ensure_development_key("gs766_two", 3)
    assert store.find("gs766_one") is None
