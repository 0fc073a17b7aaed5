"""Where the writer stands, which generation counts, and what stopped one.

`positions` is the only thing the writer starts from: what it has durably written, never the maximum of a data
table. One INSERT writes all of its changed rows, after the data. `version` counts up with every such INSERT, so
that a position may also be set back on purpose. Names: `records` (next offset to read of each log partition;
`known_at` the running maximum), `changes` (next offset of each partition of dossier-changes), `complete` (per
generation and log partition: `to_offset` of the last whole batch; `open` the batches begun, see
`sinks/contiguity.py`). `generations` is a journal: the row with the greatest `sequence` tells. `faults` names
what stopped a generation.
"""

_POSITIONS = """
CREATE TABLE IF NOT EXISTS positions (
    `name` LowCardinality(String),
    `topic` LowCardinality(String),
    `partition` UInt16,
    `generation` UInt32,
    `offset` Int64,
    `to_offset` Int64,
    `known_at` DateTime64(3, 'UTC'),
    `clock` DateTime64(3, 'UTC'),
    `log_id` String,
    `record_hash` String,
    `open` String,
    `updated_at` DateTime64(3, 'UTC'),
    `version` UInt64
) ENGINE = ReplacingMergeTree(version)
ORDER BY (name, topic, partition, generation)
"""

_GENERATIONS = """
CREATE TABLE IF NOT EXISTS generations (
    `sequence` UInt64,
    `generation` UInt32,
    `state` Enum8('building' = 1, 'active' = 2, 'dropped' = 3),
    `fingerprint` String,
    `log_id` String,
    `changed_at` DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (sequence, generation)
"""

_FAULTS = """
CREATE TABLE IF NOT EXISTS faults (
    `generation` UInt32,
    `partition` UInt16,
    `topic` LowCardinality(String),
    `topic_partition` UInt16,
    `offset` UInt64,
    `reason` String,
    `found_at` DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree
ORDER BY (generation, partition, topic, topic_partition, offset)
"""


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    return (_POSITIONS, _GENERATIONS, _FAULTS)
