"""The fold may not change unseen: one fixed log, and the hash of every row it gives, by rules version."""

import hashlib
from typing import Any

import msgspec

from domain.events import Event
from domain.fold import RULES_VERSION
from domain.instants import format_rfc3339
from tests.support.duties import duties
from tests.support.events import HOUR, T0, dossier_event, limit_event
from tests.support.lifecycles import lifecycles
from tests.unit.stream.test_partition import folder, records_of, run

GOLDEN = {
    1: "70e739451a001e17c203f859b83f6e162bc0344466f49231f126f85c438c5685",
    2: "499a0c00b921a1b614fff221b1215053b6fcd2f47e54a00d1082eb8305e3a57d",
    3: "222acf12cefe199cd7ae429d40c49fc20092d94f142f1d0612f7ce33125c7bd7",
    4: "b8c861bb60dd49514681439233b6b280f68f10aa663f4e90a17b385f1a0b73e4",
    5: "de3013998959d9a728c260bf9089f5ca0941a468c15780353294aa60cee9dc5b",
    6: "cdeb5f5f5b1e81bd0fa15048142d81c432cf2a15281bc24ce7b72a84f8a619e9",
    7: "5e30dfe322902cab3aa6de5c352dc933a4557a7f3240e04cebf2aad0ff446bec",
    8: "e42a1472ce5872ab5c64e9e78d1ab5cbf361de75f03b8d0d2b4d178ad9ffc3f6",
    9: "1cd771a834d2fdf659717c43eba2234a561f69bdbef97d0543d997bbe098d09f",
}
"""A row that changes needs a new RULES_VERSION in domain/fold.py (existing generations then ask for a rebuild) and
its hash here; old lines stay, as the record of when rows changed."""


def records() -> list[Event]:
    """A dossier as whole records: processing, a moved due date, over, recalled, over again."""
    said: list[dict[str, Any]] = [
        {"status": "processing", "unit": "H44.101", "accepted_at": T0, "due_at": T0 + 90 * HOUR},
        {"status": "supplement_requested", "due_at": T0 + 120 * HOUR},
        {"status": "finished", "finished_at": T0 + 80 * HOUR, "source_verdict": "late"},
        {"status": "processing"},
        {"status": "returned", "finished_at": T0 + 190 * HOUR, "returned_at": T0 + 195 * HOUR},
    ]
    return [
        dossier_event(
            "H44.101-r",
            "snapshot_received",
            T0 + 50 * n * HOUR,
            n,
            **{k: format_rfc3339(v) if k.endswith("_at") else v for k, v in data.items()},
        )
        for n, data in enumerate(said, start=1)
    ]


def twice() -> list[Event]:
    """A dossier that was supplemented twice and waited for its fee."""
    said = ("supplement_requested", "supplement_received", "payment_requested", "fee_paid")
    verbs = (*said[:2], *said[:2], *said[2:], "finished")
    first = dossier_event("H44.101-t", "accepted", T0, 1, unit="H44.101", due_at=format_rfc3339(T0 + 90 * HOUR))
    later = [dossier_event("H44.101-t", verb, T0 + 60 * n * HOUR, n + 1) for n, verb in enumerate(verbs, start=1)]
    return [first, *later]


def test_the_golden_log_gives_the_rows_of_this_rules_version() -> None:
    # One partition takes them all: the partition check is not what is tested here.
    events = [
        *lifecycles(120, seed=3),
        *records(),
        *twice(),
        *duties(),
        limit_event("2.000003", 5, T0 - 900 * HOUR),
    ]
    with folder() as path:
        rows = run(path, records_of(events, [1, 3, 7]))
    digest = hashlib.sha256(msgspec.json.encode(sorted(rows.items()))).hexdigest()
    assert {RULES_VERSION: digest} == {RULES_VERSION: GOLDEN[RULES_VERSION]}, "see GOLDEN's docstring"
