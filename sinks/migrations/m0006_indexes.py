"""Skip indexes over dossiers: which stretches of the table can hold what a question about a moment looks for.

Dossiers stand in order of their codes, which begin with the unit and, nearly everywhere, go on with the date: what
happened at about one time lies close together in each unit, and the least and greatest instant of a stretch rule
most stretches out. Without them "what is said from now on", mostly nothing, reads five million rows. An index says
nothing about rows: it is added to the table as it stands, whose columns and keys stay what they were.

`open_dossiers` keeps the supplements of the timeline (asked, received, due date shifted; milliseconds) as a column
of its own, worked out by the engine: the overdue list counts with them and need not read timelines.
"""

_INDEXES = {
    "dossiers": {
        "by_last_fact": "last_fact_at TYPE minmax GRANULARITY 1",
        "by_booking_day": "arrayMap(d -> toInt32(d), booking_days) TYPE bloom_filter(0.01) GRANULARITY 1",
    },
    "dossier_versions": {
        "by_knowledge": "known_at TYPE minmax GRANULARITY 1",
        "by_last_fact": "last_fact_at TYPE minmax GRANULARITY 1",
        "by_booking_day": "arrayMap(d -> toInt32(d), booking_days) TYPE bloom_filter(0.01) GRANULARITY 1",
    },
}

PAUSES = (
    "if(supplements = 0, [],"
    " JSONExtract(JSONExtractRaw(timeline, 3), 'Array(Tuple(Int64, Nullable(Int64), Bool))'))"
)
"""What the engine works out; rows may be put in with something else, so that `reconcile` compares it."""
_PAUSES = f"`pauses` Array(Tuple(Int64, Nullable(Int64), Bool)) MATERIALIZED {PAUSES}"


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again. Rows of before get their indexes in the background."""
    made = []
    for table, indexes in _INDEXES.items():
        for name, definition in indexes.items():
            made.append(f"ALTER TABLE {table} ADD INDEX IF NOT EXISTS {name} {definition}")
            made.append(f"ALTER TABLE {table} MATERIALIZE INDEX {name} SETTINGS mutations_sync = 0")
    made.append(f"ALTER TABLE open_dossiers ADD COLUMN IF NOT EXISTS {_PAUSES}")
    made.append("ALTER TABLE open_dossiers MATERIALIZE COLUMN `pauses` SETTINGS mutations_sync = 0")
    return tuple(made)
