"""Records that a foreign producer may put into the log: the fold goes on, and says what it left out."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event, encode_event, make_event
from domain.facts import MAX_FACTS
from domain.instants import zone
from stream.partition import FoldConfig, PartitionFold, may_hold_documents
from stream.state import StateStore
from tests.support.events import HOUR, T0, block, dossier_event, limit_event
from tests.support.records import Rec

CONFIG = FoldConfig(0, 1, zone("Asia/Ho_Chi_Minh"), 1, "log", "fingerprint")


def fold_all(path: Path, values: list[bytes]) -> dict[str, list[Any]]:
    """Rows of records that are folded and committed one by one."""
    store = StateStore(path)
    fold = PartitionFold(store, CONFIG)
    rows: dict[str, list[Any]] = {}
    for offset, value in enumerate(values):
        record = Rec(offset, value, T0)
        fold.apply(record)
        while True:
            for name, found in fold.batch().rows.items():
                rows.setdefault(name, []).extend(found)
            fold.commit(1)
            if not fold.sweeping:
                break
            fold.sweep(record)
    store.close()
    return rows


def pieces(events: list[Event], size: int = 400) -> list[bytes]:
    """Records of many events."""
    return [block(events[n : n + size]) for n in range(0, len(events), size)]


def test_a_dossier_takes_no_more_than_its_most_events_and_names_each_other_one(tmp_path: Path) -> None:
    more = 7
    events = [dossier_event("A", "step_completed", T0 + n * HOUR, n) for n in range(MAX_FACTS + more)]
    rows = fold_all(tmp_path, [*pieces(events), block([dossier_event("B", "accepted", T0, 1)])])
    assert [row.events for row in rows["dossiers"] if row.dossier_code == "A"][-1] == MAX_FACTS
    letters = [(row.offset, row.index, row.field) for row in rows["dead_letters"]]
    assert letters == [(2, MAX_FACTS - 800 + n, "subject") for n in range(more)]
    assert rows["dossiers"][-1].dossier_code == "B"


def test_events_that_are_sent_again_to_a_full_dossier_are_no_dead_letters(tmp_path: Path) -> None:
    events = [dossier_event("A", "step_completed", T0 + n * HOUR, n) for n in range(MAX_FACTS)]
    rows = fold_all(tmp_path, [*pieces(events), block(events[:5])])
    assert "dead_letters" not in rows


def test_the_row_of_a_document_that_is_published_over_and_over_fits_a_record_of_the_log(tmp_path: Path) -> None:
    events = [
        make_event(
            "target.published",
            "t",
            T0 + n,
            {"document": {"quotes": '"\\' * 25_000, "n": n}},
            source="/ref",
            id=str(n),
        )
        for n in range(30)
    ]
    rows = fold_all(tmp_path, [block([event]) for event in events])
    assert max(len(msgspec.json.encode(row)) for row in rows["documents"]) < 1_900_000
    assert rows["dead_letters"]


@pytest.mark.parametrize("kind", ["alert.acknowledged", "system.key_created"])
def test_events_of_the_alert_log_are_dead_letters_among_dossier_events(tmp_path: Path, kind: str) -> None:
    rows = fold_all(tmp_path, [block([make_event(kind, "A", T0, {}, source="/s", id="1")])])
    assert [row.field for row in rows["dead_letters"]] == ["type"]
    assert "documents" not in rows


def test_a_broadcast_type_that_is_spelt_with_escapes_is_noticed() -> None:
    plain = encode_event(limit_event("P", 5, T0))
    escaped = plain.replace(b"procedure.limit_set", b"procedure\\u002elimit_set")
    assert json.loads(plain)["type"] == json.loads(escaped)["type"]
    assert may_hold_documents(plain)
    assert may_hold_documents(escaped)
    assert not may_hold_documents(block([dossier_event("A", "accepted", T0, 1)]))


def test_a_dead_letters_source_is_plain_text_and_its_reason_holds_no_value(tmp_path: Path) -> None:
    bad = b'[{"source":"/x","id":"1","type":"dossier.accepted","time":"2026-08-03T09:12:00+07:00","subject":"A",'
    bad += b'"data":{"channel":"Nguyen Van A"}},{"source":"a\\u0007b"}]'
    rows = fold_all(tmp_path, [bad])
    assert [row.source for row in rows["dead_letters"]] == ["/x", ""]
    assert "Nguyen" not in str(rows["dead_letters"])
