"""`gs766 sql`: a read-only question to the store as its user `reader`."""

import csv
import datetime
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from domain.errors import InvalidInput
from ops.commands.shell import DataOption, JsonOption, print_json, print_table, settings_of

if TYPE_CHECKING:
    from ops.settings import Settings

Format = Literal["table", "json", "jsonl", "csv"]
MAX_SECONDS = 300


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(sql)


def sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="One statement; - reads it from standard input.")],
    as_json: JsonOption = False,
    form: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = "table",
    data: DataOption = None,
) -> None:
    """Ask the store with SQL, read-only, in the database gs766. Who asked what is a recorded act."""
    from ops.addresses import store_target
    from sinks.clickhouse import StoreError, clean_errors, connect

    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise InvalidInput("the statement is empty")
    settings = settings_of(ctx, data)
    _record(settings, text)
    client = connect(store_target(settings, "reader"), send_receive_timeout=MAX_SECONDS)
    try:
        with clean_errors():
            answer = client.execute(text, with_column_types=True)
    except StoreError as error:
        raise InvalidInput(str(error)) from error
    finally:
        client.disconnect()
    rows, columns = answer if isinstance(answer, tuple) else ([], [])
    _print(rows, [name for name, _ in columns], "json" if as_json else form)


def _record(settings: "Settings", text: str) -> None:
    """Notes who asked what before it is answered: the log gets a salted hash, the words stay erasable.

    With an API elsewhere there is no private store here: the store's own log of queries has to do.
    """
    import getpass
    import time
    import uuid

    from api.alerts.private import MAX_NOTE, PrivateStore
    from api.due_acts import DueActs
    from domain.events import make_event
    from ops.configs import PRIVATE

    if not settings.data.is_dir():
        return
    now, actor = time.time_ns() // 1_000_000, f"shell:{getpass.getuser()}"[:128]
    private = settings.folder(PRIVATE)
    note = PrivateStore(private).add_note("sql", text.strip()[:MAX_NOTE], actor, now)
    data = {"actor": actor, "note_hash": note}
    act_id = uuid.uuid4().hex
    event = make_event("system.sql_run", "sql", now, data, source="/gs766/ops", id=act_id, recorded_at=now)
    DueActs(private).add([event])


def _print(rows: Sequence[Sequence[Any]], names: Sequence[str], form: Format) -> None:
    if form == "table":
        print_table(names, [[_plain(value) for value in row] for row in rows])
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([[_plain(value) for value in row] for row in rows])
    else:
        objects = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows]
        if form == "json":
            print_json(objects)
            return
        import json

        for found in objects:
            print(json.dumps(found, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """A value of the driver as JSON has it: instants in ISO form, bytes and the rest as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
