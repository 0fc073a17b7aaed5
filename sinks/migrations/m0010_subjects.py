"""A skip index over the subjects of conditions: a dossier's page asks for few rows among millions.

The sorting key begins with the kind, which lists need; of a subject it leaves a stretch for each kind in each
part, and nearly all of these do not hold it (of 55 stretches of five million dossiers, 7 are left; half the time).
"""

_INDEX = "by_subject subject TYPE bloom_filter(0.001) GRANULARITY 1"


def statements() -> tuple[str, ...]:
    """The statements, in order; each may be run again. Rows of before get their index in the background."""
    return (
        f"ALTER TABLE conditions ADD INDEX IF NOT EXISTS {_INDEX}",
        "ALTER TABLE conditions MATERIALIZE INDEX by_subject SETTINGS mutations_sync = 0",
    )
