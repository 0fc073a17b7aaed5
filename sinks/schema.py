"""Brings the store's schema up to date: applies the migrations that it has not recorded yet, in order."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickhouse_driver import Client

from domain.errors import Refused
from sinks.clickhouse import clean_errors, connect
from sinks.migrations import MIGRATIONS, Migration

DATABASE = "gs766"

_JOURNAL = """
CREATE TABLE IF NOT EXISTS migrations (
    `number` UInt32,
    `name` String,
    `digest` String,
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree
ORDER BY number
"""


def migrate(
    store: str | Mapping[str, Any], database: str = DATABASE, migrations: Sequence[Migration] = MIGRATIONS
) -> tuple[int, ...]:
    """Makes the database if need be and applies what is missing; returns the numbers it applied.

    May be interrupted anywhere and called again: a step is recorded after its last statement, and each of its
    statements may be repeated. Raises Refused when the store was made by other steps than these (a newer
    release, or an applied step that was edited), StoreUnavailable or StoreError as the client does.
    """
    with clean_errors():
        with connect(store, database="default") as client:
            client.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        with connect(store, database=database) as client:
            client.execute(_JOURNAL)
            applied = _applied(client)
            check(applied, migrations)
            return tuple(_apply(client, m) for m in migrations if m.number not in applied)


def check(applied: Mapping[int, str], migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Raises Refused when what was applied (number → digest) is not a beginning of `migrations`."""
    known = {m.number: m for m in migrations}
    for number, digest in sorted(applied.items()):
        if number not in known:
            raise Refused(f"the store has migration {number}, which this release does not know: upgrade")
        if known[number].digest != digest:
            raise Refused(
                f"migration {number} ({known[number].name}) was applied in another form: tables are never altered "
                "in place; write a new migration, or rebuild into an empty store"
            )


def _applied(client: Client) -> dict[int, str]:
    return dict(client.execute("SELECT number, digest FROM migrations FINAL"))


def _apply(client: Client, migration: Migration) -> int:
    for statement in migration.statements():
        client.execute(statement)
    client.execute(
        "INSERT INTO migrations (number, name, digest) VALUES",
        [(migration.number, migration.name, migration.digest)],
    )
    return migration.number
