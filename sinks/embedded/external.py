"""Tables that a client sends along with one statement."""

from dataclasses import dataclass
from typing import Any

from sinks.embedded import sql
from sinks.embedded.engine import run
from sinks.embedded.spool import Spool


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that a client sent along with one statement."""

    name: str
    columns: tuple[tuple[str, str], ...]
    blocks: Spool

    def create(self, connection: Any) -> None:
        """Makes it a temporary table of `connection`; the types come from the client and are checked."""
        for _, kind in self.columns:
            sql.guard_type(kind)
        structure = ", ".join(f"{sql.quote_name(name)} {kind}" for name, kind in self.columns)
        name = sql.quote_name(self.name)
        run(connection, f"CREATE TEMPORARY TABLE {name} ({structure}) ENGINE = Memory")
        if self.blocks.rows:
            source = f"file({sql.quote(self.blocks.ready())}, 'Native', {sql.quote(structure)})"
            run(connection, f"INSERT INTO {name} SELECT * FROM {source}")

    def drop(self, connection: Any) -> None:
        run(connection, f"DROP TEMPORARY TABLE IF EXISTS {sql.quote_name(self.name)}")
