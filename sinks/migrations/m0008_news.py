"""A skip index over conditions: which stretches can hold what began, or became known, since the last look.

The notifier looks twice a second for `start` in a short span or a `version` beyond the last one; an index over
both rules out nearly all of a table that it would else read whole (of 123 stretches of a million rows, 122).
"""

_INDEX = "by_news (start, version, partition) TYPE minmax GRANULARITY 1"


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again. Rows of before get their index in the background."""
    return (
        f"ALTER TABLE conditions ADD INDEX IF NOT EXISTS {_INDEX}",
        "ALTER TABLE conditions MATERIALIZE INDEX by_news SETTINGS mutations_sync = 0",
    )
