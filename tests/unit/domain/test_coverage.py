"""What no source tells is unknown; what was counted once was told and stands."""

from domain.coverage import FACTS, facts_of, untold

EXCEL = frozenset({"reused", "payable", "paid_online", "ratings", "petitions", "synced"})
FOUND = {
    "received": 10,
    "done_ok": 5,
    "open": 4,
    "open_late": 1,
    "satisfied": 8,
    "undated_open": 0,
    "undated_done": 0,
    "hand:reused": 0,
    "acc:reused": 0,
    "end:reused": 0,
    "hand:result": 0,
    "acc:payable": 3,
    "pet:hand_all": 0,
    "pet:hand_content": 0,
}


def test_a_fact_that_no_source_tells_is_unknown_and_one_that_was_counted_stands() -> None:
    names = untold(FOUND, EXCEL, EXCEL)
    assert {"hand:reused", "acc:reused", "acc:synced", "satisfied", "pet:hand_content"} <= names
    assert "procedures:fee_synced" in names, "what was synchronised is not told"
    assert not names & {"acc:payable", "hand:result", "done_ok"}
    assert "hand:reused" not in untold({**FOUND, "end:reused": 1}, EXCEL, EXCEL)
    assert "satisfied" not in untold({**FOUND, "satisfied": 7}, EXCEL, EXCEL)
    assert "pet:hand_content" not in untold({**FOUND, "pet:hand_all": 1}, EXCEL, EXCEL)
    assert not untold(FOUND, frozenset(), frozenset())


def test_without_due_dates_or_ends_nothing_is_judged() -> None:
    judged = {"done_ok", "open_late", "satisfied"}
    due = frozenset({"due_at"})
    assert not judged & untold(FOUND, due, due)
    assert judged <= untold({**FOUND, "undated_open": 4, "undated_done": 6}, due, due)
    ends = frozenset({"ended_at"})
    assert judged <= untold(FOUND, ends, ends)
    assert not judged & untold(FOUND, ends, frozenset()), "another source of the unit tells ends"


def test_the_last_description_of_a_source_counts_for_each_of_its_units() -> None:
    said = [
        ("/a", ("U1", "U2"), ("reused", "payable")),
        ("/a", ("U1",), ("reused",)),
        ("/b", ("U1",), ("synced",)),
        ("/c", (), ("petitions",)),
    ]
    assert facts_of(said) == {
        "U1": {"reused", "synced"},
        "U2": {"reused", "payable"},
        "": {"petitions"},
    }
    assert set(FACTS) >= EXCEL
