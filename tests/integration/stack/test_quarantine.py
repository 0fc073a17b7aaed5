"""A record that the fold cannot take stops its partition, red; a recorded decision lets it go on."""

from eventlog.config import KafkaConfig
from eventlog.reader import LogReader
from eventlog.writer import LogWriter, WriterSettings
from tests.integration.stack.conftest import Start
from tests.support.events import T0, dossier_event
from tests.support.lifecycles import encoded, lifecycles
from tests.support.waiting import until


def test_a_record_of_a_newer_release_stops_its_partition_until_it_is_quarantined(start: Start) -> None:
    stack = start("--clock", "2026-09-01T00:00:00+07:00")
    (good,) = encoded([dossier_event("H44.100-7", "accepted", T0, 1, unit="H44.100")])
    newer = good.replace(b'"data":', b'"dataversion":9,"data":')
    kafka = KafkaConfig(stack.stack.kafka)
    with LogWriter(WriterSettings(kafka, kafka.events, 4)) as writer:
        (place,) = writer.append([("H44.100-7", newer)])
        assert place is not None
        writer.append([("H44.100-7", good)])

    def red() -> bool:
        with stack.http() as client:
            return bool(client.get("/v1/health").json()["status"] == "red")

    until(red, "health to be red")
    with stack.http() as client:
        reasons = str(client.get("/v1/health").json()["parts"])
    assert f"partition {place.partition} stopped before offset {place.offset}" in reasons
    stack.post(encoded(lifecycles(20)))
    why = ("--reason", "newer-release", "--by", "it-duty")
    stack.run("quarantine", str(place.partition), str(place.offset + 1), *why, check=(2,))
    stack.run("quarantine", str(place.partition), str(place.offset), *why)
    stack.settle()
    assert len(stack.rows()["dossiers"]) == 21
    with stack.http() as client:
        letters = client.get("/v1/dead-letters").json()
    assert any(d["field"] == "quarantined" and "newer-release" in d["reason"] for d in letters["dead_letters"])
    before = stack.rows()
    assert stack.json("rebuild")["verdict"] == "holds"
    assert stack.rows() == before
    with LogReader(kafka, kafka.alerts) as reader:
        assert any(b"system.record_quarantined" in r.value for r in reader.read_range(0, 0))
