"""`gs766 recipients`: who is told, and where; kept in the private store of the data folder, never in the log."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.instants import Millis
from domain.message import POSTS
from ops import exits
from ops.commands.shell import DataOption, JsonOption, print_json, print_rows, say, settings_of

if TYPE_CHECKING:
    from api.alerts.recipients import RecipientStore

PostOption = Annotated[str, typer.Option(help=f"The post: {', '.join(POSTS)}.")]
UnitOption = Annotated[
    str, typer.Option(help="The unit that they answer for; the root for room, chief, chairman.")
]
ByOption = Annotated[
    str, typer.Option(help="Who changes it: the id of their key. It stands in the log; no name, no address.")
]
COMMAND_LINE = "command_line"


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    recipients = typer.Typer(help="Who is told of alerts, and where (outside the log).", no_args_is_help=True)
    recipients.command()(add)
    recipients.command("list")(list_recipients)
    recipients.command()(remove)
    recipients.command("import")(import_file)
    recipients.command("test")(send_test)
    recipients.command("changes")(list_changes)
    app.add_typer(recipients, name="recipients")


def add(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="A code, best the id of their key: it stands in the log.")],
    post: PostOption,
    unit: UnitOption,
    channel: Annotated[
        list[str],
        typer.Option(help="email:ADDRESS, sms:NUMBER, zalo:NUMBER or apprise:URL, best first; repeat it."),
    ],
    hours: Annotated[
        str, typer.Option(help="When to tell them: 07:00-17:00. Default: the province's hours.")
    ] = "",
    since: Annotated[str, typer.Option(help="The day on which they took the post.")] = "",
    until: Annotated[str, typer.Option(help="The last day on which they hold it.")] = "",
    by: ByOption = COMMAND_LINE,
    data: DataOption = None,
) -> None:
    """Add a recipient, or replace the one of the same account, post and unit."""
    from api.alerts.recipients import new_entry

    settings = settings_of(ctx, data)
    entry = new_entry(account, post, unit, channel, settings.zone, hours=hours, since=since, until=until)
    _store(settings.data).put(entry, _now(), by)
    for warning in entry.warnings:
        say(f"{account}: {warning}")


def list_recipients(
    ctx: typer.Context,
    everyone: Annotated[bool, typer.Option("--all", help="Also those who do not hold their post now.")] = False,
    clear: Annotated[bool, typer.Option("--addresses", help="Show addresses in clear.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """List recipients; addresses are masked. Exit 1 when somebody has one channel only, or could not be told."""
    from api.alerts.recipients import shown
    from api.alerts.sent import FAILED_MS, SentStore

    settings, now = settings_of(ctx, data), _now()
    store = _store(settings.data)
    listed = [shown(entry, settings.zone, clear=clear) for entry in store.entries(None if everyone else now)]
    failed = {f.account: f.reason for f in reversed(SentStore(_path(settings.data)).failures(now - FAILED_MS))}
    for row in listed:
        if row["account"] in failed:
            row["warnings"].append(failed[row["account"]])
    if as_json:
        print_json(listed)
    else:
        print_rows([{**row, "hours": row["hours"] or None} for row in listed])
    if any(row["warnings"] for row in listed):
        raise typer.Exit(exits.FAILS)


def remove(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="Whose entries are erased.")],
    post: Annotated[str | None, typer.Option(help="Only of this post.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only of this unit.")] = None,
    by: ByOption = COMMAND_LINE,
    data: DataOption = None,
) -> None:
    """Erase a recipient with the addresses; who only leaves the post gets an `--until` by `add`."""
    from domain.errors import InvalidInput

    count = _store(settings_of(ctx, data).data).remove(account, _now(), post, unit, by=by)
    if not count:
        raise InvalidInput(f"there is no such recipient {account}: gs766 recipients list --all shows them")
    say(f"erased {count}")


def import_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8: account, post, unit, email, sms, zalo, …")],
    by: ByOption = COMMAND_LINE,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add recipients from a CSV file: account, post, unit, email, sms, zalo, apprise, hours, since, until (several
    addresses of a kind are parted by ';'). A bad row is named and does not stop the others."""
    settings = settings_of(ctx, data)
    found = _store(settings.data).import_csv(file, settings.zone, _now(), by)
    if as_json:
        rejected = [{"line": line, "reason": reason} for line, reason in found.rejected]
        print_json({"accepted": found.accepted, "rejected": rejected})
    else:
        for line, reason in found.rejected:
            say(f"{file}, line {line}: {reason}")
        print(f"accepted {found.accepted}, rejected {len(found.rejected)}")
    if found.rejected and not found.accepted:
        raise typer.Exit(exits.FAILS)


def list_changes(
    ctx: typer.Context,
    account: Annotated[str | None, typer.Argument(help="Only of this account.")] = None,
    since: Annotated[str | None, typer.Option(help="From this day on.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Who added, changed or removed a recipient, and when: acts of the alert log, without addresses."""
    from ops.client import Client

    client = Client(settings_of(ctx, data))
    found = client.get("/v1/recipients/changes", account=account, since=since)
    if as_json:
        print_json(found)
        return
    print_rows(found["changes"], ("at", "by", "act", "account", "post", "unit", "channels", "changed",
                                  "channels_changed", "since", "until"))  # fmt: skip


def send_test(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="Who gets it, on each of their channels.")],
    data: DataOption = None,
) -> None:
    """Send a test message on every channel of an account; exit 1 when one did not take it."""
    from api.alerts.channels import Channels
    from domain.errors import InvalidInput
    from domain.message import Message
    from ops.configs import delivery_file

    settings, now = settings_of(ctx, data), _now()
    mine = [r for r in _store(settings.data).recipients(now) if r.account == account]
    if not mine:
        raise InvalidInput(f"{account} holds no post now: gs766 recipients list --all shows them")
    text = "Tin thử từ Giám Sát 766. Không cần làm gì."
    sms = "[GS766] Tin thu. Khong can lam gi."
    message = Message(
        f"test-{account}-{now}",
        account,
        mine[0].unit,
        now,
        (),
        (),
        "grey",
        "Giám Sát 766: tin thử",
        text,
        sms,
        {},
        "",
    )
    channels = Channels.open(_path(settings.data), delivery_file(settings))
    outcomes = {name: channels.send(message, name) for name in dict.fromkeys(c for r in mine for c in r.channels)}
    channels.close()
    print_rows([{"channel": name, "outcome": reason or "taken"} for name, reason in outcomes.items()])
    if any(outcomes.values()):
        raise typer.Exit(exits.FAILS)


def _path(folder: Path) -> Path:
    return folder / "private.sqlite"


def _store(folder: Path) -> "RecipientStore":
    from api.alerts.recipients import RecipientStore

    return RecipientStore(_path(folder))


def _now() -> Millis:
    return time.time_ns() // 1_000_000
