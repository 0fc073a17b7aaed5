"""Alerts that the notifier raises, as rows in the form of `conditions`: the last statement about a key stands.

They are acts of the alert log, not rows of the fold: they have no generation, and no rebuild makes them anew. The
view reads the exploded acts, so that what is no act gives no row; a text that is no instant is NULL.
"""

_TABLE = """
CREATE TABLE IF NOT EXISTS raised (
    `kind` LowCardinality(String),
    `subject` String,
    `episode` String,
    `partition` UInt16,
    `version` UInt64,
    `known_at` DateTime64(3, 'UTC'),
    `start` DateTime64(3, 'UTC'),
    `until` Nullable(DateTime64(3, 'UTC')),
    `unit` LowCardinality(String),
    `procedure` LowCardinality(String),
    `due_at` Nullable(DateTime64(3, 'UTC')),
    `evidence` String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, subject, episode)
"""


def _instant(name: str) -> str:
    return f"parseDateTime64BestEffortOrNull(JSONExtractString(data, '{name}'), 3, 'UTC')"


_ROWS = f"""SELECT
    JSONExtractString(data, 'kind') AS kind, JSONExtractString(data, 'about') AS subject,
    JSONExtractString(data, 'episode') AS episode, partition, offset AS version, known_at,
    ifNull({_instant("instant")}, known_at) AS start, {_instant("until")} AS until,
    JSONExtractString(data, 'unit') AS unit, JSONExtractString(data, 'procedure') AS procedure,
    {_instant("due_at")} AS due_at, ifNull(nullIf(JSONExtractRaw(data, 'evidence'), ''), '{{}}') AS evidence
FROM alert_acts WHERE type = 'alert.raised'
"""


def raised_sql() -> str:
    """What the view makes of the acts, to compare with it."""
    return _ROWS


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    return (
        _TABLE,
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS raised_view TO raised AS {_ROWS}",
        "INSERT INTO raised (kind, subject, episode, partition, version, known_at, start, until, unit, procedure, "
        f"due_at, evidence) {_ROWS}",
    )
