"""Signed checkpoints, for queries and screens. What counts are the files: this is a reading copy."""

_CHECKPOINTS = """
CREATE TABLE IF NOT EXISTS checkpoints (
    `number` UInt64,
    `time` String,
    `hash` String,
    `body` String CODEC(ZSTD(3)),
    `signature` String
) ENGINE = ReplacingMergeTree
ORDER BY (number, hash)
"""


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again."""
    return (_CHECKPOINTS,)
