"""Rules of measurements: quantiles, ratios, the shape of `bench --json`, and the log they are taken over."""

import json
from dataclasses import replace

import pytest

from domain.errors import InvalidInput
from domain.events import Event, make_event
from ops.bench.history import by_arrival, dossiers_for, simulated
from ops.bench.measure import Measure, Watch, latencies, quantile, rate, with_machine
from ops.bench.place import plain_environment
from ops.bench.rebuilding import Mark, steps
from ops.bench.run import ALL, Sizes, run_benches
from ops.cli import main


def test_a_quantile_is_a_measured_value_that_so_many_do_not_exceed() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [quantile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50.0, 95.0, 99.0, 100.0]
    assert quantile([7.0], 0.01) == 7.0


def test_nothing_measured_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        quantile([], 0.5)


def test_a_ratio_is_the_value_over_its_peers_in_the_same_unit() -> None:
    ours, limit = Measure("fold", 30.0, "events/s"), Measure("decode", 120.0, "events/s")
    beside = ours.against(limit)
    assert (beside.peer, beside.ratio) == ("decode", 0.25)
    assert ours.against(replace(limit, value=0.0)).ratio is None
    with pytest.raises(ValueError, match="is in"):
        ours.against(Measure("start", 3.0, "s"))


def test_a_measurement_prints_the_agreed_shape_with_four_digits() -> None:
    found = rate("fold", 123_456, 10.0, conditions="quiet").to_json()
    assert list(found) == ["name", "value", "unit", "peer", "ratio", "conditions"]
    assert found["value"] == 12350.0
    assert (found["peer"], found["ratio"]) == (None, None)


def test_latencies_are_milliseconds_and_tell_how_many_there_were() -> None:
    found = latencies("answer", [0.001, 0.002, 0.010], (0.5, 1.0), "one client")
    assert [(m.name, m.value, m.unit) for m in found] == [("answer p50", 2.0, "ms"), ("answer max", 10.0, "ms")]
    assert found[0].conditions == "one client; 3 samples"


def test_conditions_name_the_machine_after_what_the_measurement_says() -> None:
    (found,) = with_machine([Measure("a", 1.0, "s", conditions="cold")], Watch().tell())
    assert found.conditions.startswith("cold; ")
    assert "cores, load average" in found.conditions


def test_events_come_in_the_order_of_recording() -> None:
    def event(number: int, occurred: int, recorded: int) -> Event:
        return make_event(
            "dossier.stopped", f"H-{number}", occurred, {}, source="/t", id=str(number), recorded_at=recorded
        )

    base = 1_780_000_000_000
    events = [event(1, base, base + 90), event(2, base + 10, base + 20), event(3, base + 50, base + 60)]
    assert [e.id for e in by_arrival(events)] == ["2", "3", "1"]


def test_the_simulated_history_has_about_the_wanted_number_of_events_and_arrives_in_order() -> None:
    events = [*simulated(dossiers_for(3_000), 2, reference=False)]
    assert 2_000 < len(events) < 4_500
    recorded = [e.recorded_at or e.occurred_at for e in events]
    assert recorded == sorted(recorded)


def test_a_measurement_does_not_reach_into_an_installation() -> None:
    given = {"PATH": "/bin", "GS766_DATA": "/srv/data", "GS766_KAFKA_BOOTSTRAP": "k:9092", "GS766_CACHE": "/c"}
    assert plain_environment(given) == {"PATH": "/bin", "GS766_CACHE": "/c"}


def test_the_steps_of_a_rebuild_add_up_to_its_whole() -> None:
    said = [
        Mark("filling generation 2 from the log, beside generation 1", 1.0, (5.0, 1.0)),
        Mark("partition 0 is folded up to offset 9", 3.0, (6.0, 1.0)),
        Mark("waiting until the store has it all", 4.0, (8.0, 1.5)),
        Mark("comparing every row with the log", 6.0, (8.0, 1.5)),
        Mark("generation 2 answers now; generation 1 is dropped", 9.0, (8.0, 2.0)),
        Mark("", 10.0, (9.0, 2.0)),
    ]
    found = steps(said, 1_000_000)
    assert [m.value for m in found] == [3.0, 2.0, 4.0]
    assert found[0].conditions == "3.0 s; processor time: 3.0 s here, 0.5 s in the store"


def test_a_measurement_that_there_is_not_is_refused_before_anything_runs() -> None:
    with pytest.raises(InvalidInput, match="'speed' is not a measurement: stream, end-to-end"):
        run_benches(["start", "speed"], {}, Sizes(), lambda _: pytest.fail("nothing may run"))


def test_the_command_prints_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = Measure("limit", 10.0, "ms")
    found = [limit, Measure("answer", 25.0, "ms", conditions="one client").against(limit)]
    monkeypatch.setattr("ops.bench.run.ALL", {**ALL, "store": lambda _environ, _sizes: found})
    with pytest.raises(SystemExit) as ended:
        main(["bench", "store", "--json"], {})
    assert ended.value.code == 0
    printed = json.loads(capsys.readouterr().out)
    assert [(m["name"], m["peer"], m["ratio"]) for m in printed] == [
        ("limit", None, None),
        ("answer", "limit", 2.5),
    ]
