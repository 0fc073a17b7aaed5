"""The numbered steps by which the store's schema came to be; each module's docstring says why."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sinks.migrations import (
    m0001_log,
    m0002_rows,
    m0003_bookkeeping,
    m0004_synced_fees,
    m0005_seals,
    m0006_indexes,
    m0007_raised,
    m0008_news,
    m0009_procedure_days,
    m0010_subjects,
    m0011_unit_cells,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: every statement may be run again, so a step that was interrupted is simply run anew."""

    number: int
    name: str
    statements: Callable[[], tuple[str, ...]]

    @property
    def digest(self) -> str:
        """Changes with the statements: a step that has been applied must not change any more."""
        return hashlib.blake2b("\0".join(self.statements()).encode(), digest_size=16).hexdigest()


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "log", m0001_log.statements),
    Migration(2, "rows", m0002_rows.statements),
    Migration(3, "bookkeeping", m0003_bookkeeping.statements),
    Migration(4, "synced fees", m0004_synced_fees.statements),
    Migration(5, "seals", m0005_seals.statements),
    Migration(6, "indexes", m0006_indexes.statements),
    Migration(7, "raised", m0007_raised.statements),
    Migration(8, "news", m0008_news.statements),
    Migration(9, "procedure days", m0009_procedure_days.statements),
    Migration(10, "subjects", m0010_subjects.statements),
    Migration(11, "unit cells", m0011_unit_cells.statements),
)
