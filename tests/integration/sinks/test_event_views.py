"""Other people's records become events: what is no event gives no row, and nothing throws."""

from datetime import UTC, datetime

import pytest
from clickhouse_driver import Client

from domain.blocks import encode_block
from domain.events import encode_event, make_event
from eventlog.reader import Record
from sinks.log_batches import LogBatches

AT = 1_785_000_000_123
ONE = b'{"id":"1","source":"s","type":"t.x","subject":"x","time":"2026-08-03T09:12:00+07:00"}'


@pytest.fixture
def database(emptied: str) -> str:
    return emptied


def insert(client: Client, *values: bytes, topic: str = "dossier-events") -> None:
    records = [Record(topic, 0, n, AT + n, b"\xff\x00", v, (("origin", b"live"),)) for n, v in enumerate(values)]
    batches = LogBatches(topic, "L", ())
    batches.insert(client, records, batches.known_at(records))


def test_a_block_becomes_its_events_under_their_coordinates(client: Client) -> None:
    events = [
        make_event(
            "dossier.accepted",
            f"H44-{n}",
            AT + n,
            {"procedure": "2.000815", "unit": "H44.001"},
            source="/h44/one-stop",
            id=f"e{n}",
            recorded_at=AT + 5,
        )
        for n in range(3)
    ]
    insert(client, b"[]", encode_block([encode_event(e) for e in events]))
    found = client.execute("SELECT * FROM events ORDER BY `index`")
    assert [row[:7] for row in found] == [
        (f"H44-{n}", 0, 1, n, f"e{n}", "/h44/one-stop", "dossier.accepted") for n in range(3)
    ]
    assert [row[7].microsecond for row in found] == [123_000, 124_000, 125_000]
    assert found[0][11] == '{"procedure":"2.000815","unit":"H44.001"}'


@pytest.mark.parametrize(
    ("value", "events"),
    [
        (b"", 0),
        (b"nope", 0),
        (b"[", 0),
        (b"\xff\xfe[]", 0),
        (b'["' + b"x" * 100 + b'", 7, null, [1], {}, {"id":"1"}, ["a","b","c","d","e"]]', 0),
        (b"[" * 5_000 + b"]" * 5_000, 0),
        (b"[" + ONE + b",7," + ONE + b"]", 2),
        (b"  " + ONE + b"\n", 1),
        (ONE.replace(b'"x"', '"Đặng \\"q\\" \'"'.encode()), 1),
    ],
)
def test_bad_elements_give_no_row_and_good_ones_beside_them_do(client: Client, value: bytes, events: int) -> None:
    insert(client, ONE, value)
    assert client.execute("SELECT count() FROM events WHERE offset = 1") == [(events,)]
    assert client.execute("SELECT count() FROM events WHERE offset = 0") == [(1,)]
    [(stored,)] = client.execute("SELECT hex(value) FROM records WHERE offset = 1")
    assert bytes.fromhex(stored) == value


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("2026-08-03T09:12:00.1239+07:00", datetime(2026, 8, 3, 2, 12, 0, 123_000, UTC)),
        ("1970-01-02T00:00:00Z", datetime(1970, 1, 2, tzinfo=UTC)),
        ("2199-12-31T23:59:59.999Z", datetime(2199, 12, 31, 23, 59, 59, 999_000, UTC)),
        ("2026-02-30T00:00:00Z", None),
        ("2026-08-03T25:00:00Z", None),
        ("2026-08-03", None),
        ("1785000000", None),
        ("soon", None),
    ],
)
def test_an_instant_that_is_none_is_null(client: Client, time: str, instant: datetime | None) -> None:
    insert(client, ONE.replace(b"2026-08-03T09:12:00+07:00", time.encode()))
    assert client.execute("SELECT occurred_at FROM events") == [(instant,)]


def test_acts_of_the_alert_log_stand_apart(client: Client) -> None:
    insert(client, ONE, topic="alert-log")
    assert client.execute("SELECT count() FROM events") == [(0,)]
    assert client.execute("SELECT subject, `index` FROM alert_acts") == [("x", 0)]


def test_known_at_is_the_running_maximum_and_survives_a_restart() -> None:
    def at(offset: int, ms: int) -> Record:
        return Record("dossier-events", 0, offset, ms, None, b"[]", ())

    first = LogBatches("dossier-events", "L", ())
    records = [at(0, 1_000), at(1, 3_000), at(2, 2_000)]
    known = first.known_at(records)
    assert known == [1_000, 3_000, 3_000]
    restarted = LogBatches("dossier-events", "L", first.positions(records, known))
    assert restarted.known_at([at(3, 2_500)]) == [3_000]
