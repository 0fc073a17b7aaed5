"""Both logs verbatim, and their events one by one.

`records` is what reconcile, verify and every later migration start from: whole records, bytes untouched, with
the `known_at` that the writer computed (decisions 18). `events` and `alert_acts` are reading copies exploded from
it by views. Those are views over other people's data, so they never throw: what is no event gives no row, it
is still in `records` and the fold names it in `dead_letters`. Three traps are met on purpose: an element is taken
apart by itself, because one odd element makes a whole-array extraction empty; it must be an object, because an
array would be read by position; an instant counts only if its date survives a round trip, because the parser
turns 2026-02-30 into 2 March. `data` is re-serialised by the engine (numbers may change their spelling): proofs
read `records`.
"""

_EVENT_COLUMNS = """
    `subject` String,
    `partition` UInt16,
    `offset` UInt64,
    `index` UInt32,
    `id` String,
    `source` LowCardinality(String),
    `type` LowCardinality(String),
    `occurred_at` Nullable(DateTime64(3, 'UTC')),
    `recorded_at` Nullable(DateTime64(3, 'UTC')),
    `known_at` DateTime64(3, 'UTC'),
    `causation_id` String,
    `data` String CODEC(ZSTD(1))
"""

_RECORDS = """
CREATE TABLE IF NOT EXISTS records (
    `topic` LowCardinality(String),
    `partition` UInt16,
    `offset` UInt64,
    `appended_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `known_at` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `key` String,
    `origin` LowCardinality(String),
    `key_id` LowCardinality(String),
    `value` String CODEC(ZSTD(3))
) ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
"""


def _events_table(name: str) -> str:
    return f"""
CREATE TABLE IF NOT EXISTS {name} ({_EVENT_COLUMNS}) ENGINE = ReplacingMergeTree
ORDER BY (subject, partition, offset, `index`)
"""


def _instant(text: str) -> str:
    """An RFC 3339 text as an instant, NULL for anything else; cut, not rounded, to milliseconds."""
    shape = r"^\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"
    shape = shape.replace("\\", "\\\\")
    return (
        f"if(match({text}, '{shape}')"
        f" AND toString(toDate32OrNull(substring({text}, 1, 10))) = substring({text}, 1, 10),"
        f" parseDateTime64BestEffortOrNull({text}, 3, 'UTC'), NULL)"
    )


def exploded_sql(topic: str, place: str) -> str:
    """What the views make of the records at a place (a condition on partition and offset), to compare with it."""
    return _exploded(f"topic = '{topic}' AND {place}")


def _exploded(where: str) -> str:
    return f"""SELECT
    e.subject AS subject, partition, offset, toUInt32(number) AS `index`, e.id AS id, e.source AS source,
    e.type AS type, {_instant("e.time")} AS occurred_at, {_instant("e.recordedtime")} AS recorded_at, known_at,
    e.causationid AS causation_id, if(e.data = '', '{{}}', e.data) AS data
FROM (
    SELECT
        partition, offset, known_at, number,
        JSONExtract(element, 'Tuple(id String, source String, type String, subject String, time String,
            recordedtime String, causationid String, data String)') AS e
    FROM (
        SELECT partition, offset, known_at, pair.1 AS element, pair.2 - 1 AS number
        FROM (
            SELECT
                partition, offset, known_at,
                if(JSONType(value) = 'Object', [value], JSONExtractArrayRaw(value)) AS elements
            FROM records WHERE {where}
        )
        ARRAY JOIN arrayZip(elements, arrayEnumerate(elements)) AS pair
        WHERE startsWith(trimLeft(pair.1), '{{')
    )
)
WHERE e.id != '' AND e.source != '' AND e.type != '' AND e.subject != ''
"""


def _events_view(name: str, topic: str) -> str:
    return f"""
CREATE MATERIALIZED VIEW IF NOT EXISTS {name}_view TO {name} AS
{_exploded(f"topic = '{topic}'")}"""


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    return (
        _RECORDS,
        _events_table("events"),
        _events_table("alert_acts"),
        _events_view("events", "dossier-events"),
        _events_view("alert_acts", "alert-log"),
    )
