"""Everything behind the log can be thrown away and comes back equal; what was changed by hand is found; a record
that the fold cannot take stops its partition, red, until a recorded decision lets it go on."""

import json
import shutil

from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.writer import LogWriter, WriterSettings
from sinks.migrations.m0002_rows import PACKED
from sinks.queries.derived import DERIVED_TABLES, DerivedTable
from tests.support.duties import duties
from tests.support.events import T0, dossier_event
from tests.support.lifecycles import encoded, lifecycles
from tests.support.stack import RunningStack
from tests.support.waiting import until

CHANGED = ("dossiers", "unit_cells", "cells", "conditions")
"""Changed below in ways of their own."""
GONE = ("A04", "A11", "A12", "A17")
"""Kinds of dossiers, of petitions and of procedures."""


def test_rows_come_back_equal_after_state_and_store_were_deleted(fixed: RunningStack) -> None:
    stack = fixed
    events = encoded([*lifecycles(150), *duties()])
    for n in range(0, len(events), 100):
        stack.post(events[n : n + 100])
    stack.settle()
    before = stack.rows()
    assert len(before["dossiers"]) == 151
    assert before["recalls"]
    assert {row[0] for row in before["conditions"]} >= {"A04", "A11", "A12", "A17"}

    stack.stop()
    shutil.rmtree(stack.data / "state")
    shutil.rmtree(stack.data / "clickhouse")
    stack.start()
    stack.settle()
    assert stack.rows() == before

    assert stack.json("rebuild")["verdict"] == "holds"
    assert stack.rows() == before
    stack.settle()
    assert stack.json("reconcile")["verdict"] == "holds"

    stack.post(encoded(lifecycles(3, seed=9, prefix="H44.9")))
    stack.settle()
    assert stack.json("reconcile")["verdict"] == "holds"
    assert stack.json("verify")["verdict"] == "holds"


def test_a_record_of_a_newer_release_stops_its_partition_until_it_is_quarantined(
    fixed: RunningStack,
) -> None:
    stack = fixed
    stack.settle()
    known = len(stack.rows()["dossiers"])
    (good,) = encoded([dossier_event("H44.6-7", "accepted", T0, 1, unit="H44.6")])
    newer = good.replace(b'"data":', b'"dataversion":9,"data":')
    kafka = KafkaConfig(stack.stack.kafka)
    with LogWriter(WriterSettings(kafka, kafka.events, 4)) as writer:
        (place,) = writer.append([("H44.6-7", newer)])
        assert place is not None
        writer.append([("H44.6-7", good)])

    def red() -> bool:
        with stack.http() as client:
            return bool(client.get("/v1/health").json()["status"] == "red")

    until(red, "health to be red")
    with stack.http() as client:
        reasons = str(client.get("/v1/health").json()["parts"])
    assert f"partition {place.partition} stopped before offset {place.offset}" in reasons
    stack.post(encoded(lifecycles(20, seed=5, prefix="H44.7")))
    why = ("--reason", "newer-release", "--by", "it-duty")
    stack.run("quarantine", str(place.partition), str(place.offset + 1), *why, check=(2,))
    stack.run("quarantine", str(place.partition), str(place.offset), *why)
    stack.settle()
    assert len(stack.rows()["dossiers"]) == known + 21
    with stack.http() as client:
        letters = client.get("/v1/dead-letters").json()
    assert any(d["field"] == "quarantined" and "newer-release" in d["reason"] for d in letters["dead_letters"])
    before = stack.rows()
    assert stack.json("rebuild")["verdict"] == "holds"
    assert stack.rows() == before
    with LogReader(kafka, kafka.alerts) as reader:
        assert any(b"system.record_quarantined" in r.value for r in reader.read_range(0, 0))


def _edit(table: DerivedTable) -> str:
    """A change of one column of one row, of whatever table."""
    names = {c.name: c.type for c in table.columns if c.name not in (*table.key, "version", "offset")}
    kinds = ("UInt", "Int", "DateTime", "Array", "Str")
    column, kind = next((n, k) for n, k in names.items() if k.startswith(kinds))
    changed = {"U": "`{}` + 1", "I": "`{}` + 1", "D": "`{}` - INTERVAL 1 DAY", "S": "concat(`{}`, 'x')"}
    to = changed.get(kind[0], "arraySlice(`{}`, 2)").format(column)
    if table.name in PACKED:
        column, to = "values", "arrayMap((v, n) -> v + (n = 1), `values`, arrayEnumerate(`values`))"
    key = ", ".join(f"`{name}`" for name in table.key)
    row = f"SELECT {key} FROM {table.name} FINAL WHERE notEmpty(toString(`{column}`)) ORDER BY {key} LIMIT 1"
    return (
        f"ALTER TABLE {table.name} UPDATE `{column}` = {to} WHERE ({key}) IN ({row}) SETTINGS mutations_sync = 2"
    )


def test_rows_changed_by_hand_are_named_with_both_values(fixed: RunningStack) -> None:
    stack = fixed
    rows = stack.rows()
    code = sorted(row[0] for row in rows["dossiers"])[0]
    held = [(kind, min(row[1] for row in rows["conditions"] if row[0] == kind)) for kind in GONE]
    stack.tamper(
        f"ALTER TABLE dossiers UPDATE supplements = 7 WHERE dossier_code = '{code}' SETTINGS mutations_sync = 2",
        "INSERT INTO unit_cells SELECT * REPLACE("
        "arrayMap((v, n) -> v + 5 * (n = 1), values, arrayEnumerate(values)) AS values) "
        "FROM unit_cells FINAL WHERE unit = 'H44.101' AND grain = 'day' ORDER BY day LIMIT 1",
        "ALTER TABLE cells UPDATE `left` = `left` + 3 WHERE unit = 'H44.102' SETTINGS mutations_sync = 2",
        "INSERT INTO cells SELECT * REPLACE(version + 100000 AS version) FROM cells FINAL LIMIT 1",
        f"ALTER TABLE conditions DELETE WHERE (kind, subject) IN {tuple(held)} SETTINGS mutations_sync = 2",
    )
    odd = sorted(row[0] for row in rows["open_dossiers"])[0]
    columns = ", ".join(
        f"`{c.name}`" for c in next(t for t in DERIVED_TABLES if t.name == "open_dossiers").columns
    )
    stack.tamper(
        f"INSERT INTO open_dossiers (generation, partition, {columns}, pauses)"
        f" SELECT generation, partition, {columns}, [(0, 1, false)] FROM open_dossiers FINAL"
        f" WHERE dossier_code = '{odd}' SETTINGS insert_allow_materialized_columns = 1",
        *(_edit(table) for table in DERIVED_TABLES if rows[table.name] and table.name not in CHANGED),
    )
    found = stack.json("reconcile", check=(1,))
    assert found["verdict"] == "fails"
    differences = found["differences"]
    named = {d["table"] for d in differences}
    assert named == {name for name, of_table in rows.items() if of_table}, "every table that is served"
    assert {"dossier_code": odd} in [d["key"] for d in differences if d["column"] == "pauses"]
    dossier = next(d for d in differences if d["table"] == "dossiers")
    assert dossier["key"] == {"dossier_code": code}
    assert (dossier["column"], dossier["found"]) == ("supplements", 7)
    cell = next(d for d in differences if d["table"] == "unit_cells")
    assert cell["column"] == "entered"
    assert cell["found"] == cell["expected"] + 5
    assert cell["key"]["unit"] == "H44.101"
    assert any(d["table"] == "cells" and d["column"] == "version" for d in differences)
    assert any(d["table"] == "cells" and d["column"] == "left" for d in differences)
    gone = {d["key"]["kind"] for d in differences if d["table"] == "conditions" and d["found"] is None}
    assert gone == set(GONE)
    assert json.dumps(differences)
