"""Leverage, the portal's figures beside ours, and targets, as a person uses them on a running stack."""

import csv
import json
from pathlib import Path
from typing import Any

from tests.support.stack import RunningStack

UNIT = "H44.971"
METRIC = "PROCESSED_ON_TIME"


def history(stack: RunningStack) -> None:
    """Ten dossiers of August in one unit: six on time, two late, one refused by the portal, one open."""
    from domain.events import encode_event, make_event
    from domain.instants import parse_rfc3339

    def event(verb: str, n: int, when: str, **data: Any) -> bytes:
        at = parse_rfc3339(f"2026-08-{when}:00+07:00")
        return encode_event(make_event(f"dossier.{verb}", f"{UNIT}-{n}", at, data, source="/t", id=f"{n}{verb}"))

    events = []
    for n in range(10):
        due = "2026-09-30T17:00:00+07:00" if n == 9 else "2026-08-14T17:00:00+07:00"
        events.append(event("accepted", n, "03T09:00", unit=UNIT, procedure="1.001", channel="online", due_at=due))
        events.append(event("synced", n, "03T10:00", accepted=n != 0))
        if n < 9:
            events.append(event("finished", n, "12T09:00" if n < 7 else "20T09:00"))
    stack.post(events)


def write_csv(path: Path, up: int, down: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unit_code", "metric", "numerator", "denominator", "score", "max_score"])
        writer.writerow([UNIT, METRIC, up, down, round(20 * up / down, 2), 20])
        writer.writerow([UNIT, "", 1, 2, "", ""])
    return path


def test_leverage_reconciliation_and_targets_on_a_running_stack(shared: RunningStack, tmp_path: Path) -> None:
    history(shared)
    shared.settle()
    assert (
        shared.json("reconcile", UNIT, "--portal", "--period", "2026-08", check=(3,))["verdict"] == "cannot_tell"
    )

    table = write_csv(tmp_path / "portal.csv", 7, 9)  # without the refused one
    sent = ("portal-figures", str(table), "--period", "2026-08", "--published", "2026-09-05", "--by", "clerk")
    told = shared.json(*sent)
    assert (told["rows"], told["units"], told["rejected"]) == (1, 1, 1)
    shared.json(*sent)
    shared.settle()
    found = shared.json("reconcile", UNIT, "--portal", "--period", "2026-08")
    assert found["verdict"] == "holds"
    assert len(found["receipts"]) == 1, "the same file twice on a day is one receipt"
    by_kind = {d["kind"]: d for d in found["differences"]}
    assert (by_kind["numerator"]["ours"], by_kind["denominator"]["ours"]) == (8, 10)
    assert by_kind["numerator"]["causes"]["refused"] == by_kind["denominator"]["causes"]["refused"] == -1
    assert by_kind["score"]["ours"] == 16
    behind = shared.json("reconcile", UNIT, "--portal", "--period", "2026-08", "--cause", "refused")
    assert [d["dossier_code"] for d in behind["dossiers"]] == [f"{UNIT}-0"]

    again = tmp_path / "portal.json"
    again.write_text(json.dumps({"data": {UNIT: {METRIC: {"numerator": 5, "denominator": 9}}}}))
    shared.json("portal-figures", str(again), "--period", "2026-08", "--published", "2026-09-20")
    shared.settle()
    later = shared.json("reconcile", UNIT, "--portal", "--period", "2026-08", check=(1,))
    assert next(d for d in later["differences"] if d["kind"] == "numerator")["remainder"] == 5 - 7
    assert len(later["receipts"]) == 2
    first = later["receipts"][0]["known_at"]
    then = shared.json("reconcile", UNIT, "--portal", "--period", "2026-08", "--known-at", first, check=(3,))
    assert then["receipts"] == [], "known from the first time it was sent on, not from the second"

    found = shared.json("leverage", UNIT, "--period", "2026-08", "--set-indicator", f"{METRIC}=10/10")
    worth = {w["action"]: w for w in found["actions"]}
    assert abs(worth["late_dossier"]["loss"] - (20 / 10 + 6 / 0.9 / 10)) < 1e-9
    assert abs(found["what_if"]["change"] - 4) < 1e-9

    observed = tmp_path / "observed.toml"
    observed.write_text(
        f'[[observations]]\nunit = "{UNIT}"\nperiod = "2026-08"\nat = 2026-09-01\ndocument = "BC-1"\n'
        'recorded_by = "clerk"\nfigures = { waiting_average = 12 }\n'
    )
    shared.json("publish", str(observed))
    shared.settle()
    with shared.http() as client:
        answer = client.get("/v1/targets", params={"unit": UNIT, "period": "2026-08"}).json()
        assert (
            client.get("/v1/reconciliation", params={"unit": "H44.none", "period": "2026-08"}).status_code == 404
        )
    rows = {t["code"]: t for t in answer["targets"]}
    assert (rows["dossiers_online"]["achieved"], rows["dossiers_online"]["status"]) == (1, "reached")
    assert rows["waiting_average"]["observation"]["recorded_by"] == "clerk"
    assert shared.run("targets", UNIT, "--period", "2026-08")
