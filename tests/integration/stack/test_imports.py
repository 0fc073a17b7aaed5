"""Files brought in as history: the same rows whatever the order of the lines."""

import random
from pathlib import Path
from typing import Any

from sinks.queries.derived import DERIVED_TABLES
from tests.integration.stack.conftest import Start
from tests.support.stack import RunningStack

LEFT_OUT = ("dossier_versions", "procedure_days")
MAPPING = """
source = "/city/requests"
zone = "Asia/Ho_Chi_Minh"
[rows]
subject = "code"
[[event]]
type = "accepted"
time = "created"
[event.data]
unit = "office"
due_at = "due"
[[event]]
type = "finished"
time = "closed"
when = { column = "closed", empty = false }
[[event]]
type = "reopened"
time = "again"
when = { column = "again", empty = false }
"""


def content(stack: RunningStack) -> dict[str, Any]:
    """What two imports in different order must agree on (decisions 21)."""
    found: dict[str, Any] = {}
    rows = stack.rows(leave_out=LEFT_OUT)
    for table in DERIVED_TABLES:
        if table.name in LEFT_OUT:
            continue
        names = [c.name for c in table.columns]
        kept = [n for n, name in enumerate(names) if name not in ("version", "known_at")]
        cells = names[-1] in ("pet_unhappy", "acc_synced")
        body = [n for n in kept if not cells or names[n] not in (*table.key, "unit", "procedure", "channel")]
        found[table.name] = {
            tuple(row[n] for n in kept)
            for row in rows[table.name]
            if not (cells and not any(row[n] for n in body))
            and not ("grain" in names and row[names.index("grain")].endswith("_known"))
            and not ("gone" in names and row[names.index("gone")])
            and not ("until" in names and row[names.index("until")] == row[names.index("start")])
            and not ("holds" in names and not row[names.index("holds")])
        }
    return found


def lines(count: int) -> list[str]:
    """A city's service requests, one line each."""
    r = random.Random(7)
    found = []
    for n in range(count):
        day = r.randrange(1, 20)
        closed = f"2026-03-{day + r.randrange(1, 9):02d} 16:00:00" if r.random() < 0.8 else ""
        again = f"2026-03-{day + 10:02d} 08:00:00" if closed and r.random() < 0.2 else ""
        found.append(
            f"r{n},ward {n % 5},2026-03-{day:02d} 09:00:00,2026-03-{day + 5:02d} 09:00:00,{closed},{again}"
        )
    return found


def test_the_same_lines_twice_shuffled_and_in_halves_give_equal_rows(start: Start, tmp_path: Path) -> None:
    mapping = tmp_path / "requests.toml"
    mapping.write_text(MAPPING)
    header, body = "code,office,created,due,closed,again", lines(400)

    def write(name: str, part: list[str]) -> str:
        path = tmp_path / name
        path.write_text("\n".join([header, *part]) + "\n")
        return str(path)

    def bring(stack: RunningStack, *files: str) -> Any:
        return stack.json("import", "csv", *files, "--mapping", str(mapping), "--wait")

    one = start("--clock", "2026-04-01T00:00:00+07:00")
    report = bring(one, write("whole.csv", body))
    assert (report["read"], report["accepted"], report["rejected"]) == (400, 400, 0)
    whole = content(one)
    assert len(whole["dossiers"]) == 400
    assert whole["recalls"]
    bring(one, write("again.csv", body))
    assert content(one) == whole
    one.stop()

    two = start("--clock", "2026-04-01T00:00:00+07:00")
    bring(two, write("second.csv", body[200:]))
    bring(two, write("first.csv", body[:200]))
    assert content(two) == whole
    shuffled = list(body)
    random.Random(1).shuffle(shuffled)
    bring(two, write("shuffled.csv", shuffled))
    assert content(two) == whole
    assert two.json("reconcile")["verdict"] == "holds"
