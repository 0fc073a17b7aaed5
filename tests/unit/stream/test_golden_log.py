"""The fold may not change unseen: one fixed log, and the hash of every row it gives, by rules version."""

import hashlib

import msgspec

from domain.fold import RULES_VERSION
from tests.support.events import HOUR, T0, limit_event
from tests.support.lifecycles import lifecycles
from tests.unit.stream.test_partition import folder, records_of, run

GOLDEN = {
    1: "70e739451a001e17c203f859b83f6e162bc0344466f49231f126f85c438c5685",
    2: "499a0c00b921a1b614fff221b1215053b6fcd2f47e54a00d1082eb8305e3a57d",
}
"""A row that changes needs a new RULES_VERSION in domain/fold.py (existing generations then ask for a rebuild) and
its hash here; old lines stay, as the record of when rows changed."""


def test_the_golden_log_gives_the_rows_of_this_rules_version() -> None:
    # One partition takes them all: the partition check is not what is tested here.
    events = [*lifecycles(120, seed=3), limit_event("2.000003", 5, T0 - 900 * HOUR)]
    with folder() as path:
        rows = run(path, records_of(events, [1, 3, 7]), batch=4)
    digest = hashlib.sha256(msgspec.json.encode(sorted(rows.items()))).hexdigest()
    assert {RULES_VERSION: digest} == {RULES_VERSION: GOLDEN[RULES_VERSION]}, "see GOLDEN's docstring"
