"""`gs766 keys`: API keys of the installation, and the keys with which identifiers are hashed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.instants import Millis, from_millis, to_millis
from ops.commands.shell import DataOption, JsonOption, print_json, print_rows, say, settings_of

if TYPE_CHECKING:
    from api.keys import Key, KeyStore
    from producers.keys import IdentifierKeys


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    keys = typer.Typer(help="API keys, and the keys of identifiers.", no_args_is_help=True)
    keys.command()(create)
    keys.command("list")(list_keys)
    keys.command()(revoke)
    identifiers = typer.Typer(help="The keys with which identifiers of persons are hashed.", no_args_is_help=True)
    identifiers.command("list")(list_identifier_keys)
    identifiers.command()(rotate)
    identifiers.command()(destroy)
    keys.add_typer(identifiers, name="identifiers")
    app.add_typer(keys, name="keys")


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who holds it, for example 'one-stop system'.")],
    scope: Annotated[list[str], typer.Option(help="intake, read, act, display or admin; may be repeated.")],
    unit: Annotated[
        list[str] | None, typer.Option(help="A unit: it and what is below; may be repeated. Default: all.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="A CloudEvents source that it may write; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make an API key. Its token is printed once and stored only as a hash."""
    store = _store(ctx, data)
    made = store.create_key(name, scope, now=_now(), units=unit or (), sources=source or ())
    if as_json:
        print_json({**_shown(made.key), "token": made.token})
    else:
        print(made.token)
        say(f"key {made.key.id} for {made.key.name}; the token is not stored, keep it now")


def list_keys(ctx: typer.Context, as_json: JsonOption = False, data: DataOption = None) -> None:
    """List the API keys, the revoked ones too; never their tokens."""
    listed = [_shown(key) for key in _store(ctx, data).list_keys()]
    if as_json:
        print_json(listed)
    else:
        print_rows(listed)


def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    data: DataOption = None,
) -> None:
    """End an API key at once."""
    say(f"revoked {_store(ctx, data).revoke_key(key, _now()).id}")


def list_identifier_keys(ctx: typer.Context, as_json: JsonOption = False, data: DataOption = None) -> None:
    """List the keys of identifiers by year, the destroyed ones too; never their secrets."""
    stored = _identifiers(ctx, data).all_keys()
    listed = [
        {"id": key.id, "year": key.year, "created_at": key.created_at, "destroyed_at": key.destroyed_at}
        for key in stored
    ]
    if as_json:
        print_json(listed)
    else:
        print_rows(listed)


def rotate(
    ctx: typer.Context,
    year: Annotated[int, typer.Argument(help="The year whose identifiers get a new key from now on.")],
    data: DataOption = None,
) -> None:
    """Make a new key for a year; hashes made under the old one no longer match new ones."""
    say(f"made {_identifiers(ctx, data).rotate(year).id}")


def destroy(
    ctx: typer.Context,
    year: Annotated[int, typer.Argument(help="The year whose keys are destroyed.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
) -> None:
    """Destroy all keys of a year: no hash of that year can ever be linked to a person again.

    `gs766 erase year-key` does the same under a decision that the log keeps, in copies of the keys too.
    """
    if not yes:
        typer.confirm(f"Destroy the identifier keys of {year}? This cannot be undone", abort=True)
    say(f"destroyed {', '.join(_identifiers(ctx, data).destroy(year))}")


def _identifiers(ctx: typer.Context, data: Any) -> "IdentifierKeys":
    from producers.keys import IdentifierKeys

    settings = settings_of(ctx, data)
    return IdentifierKeys(settings.identifier_key_file, settings.zone, _now)


def _store(ctx: typer.Context, data: Any) -> "KeyStore":
    from api.keys import KeyStore

    return KeyStore(settings_of(ctx, data).folder("private.sqlite"))


def _shown(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "units": list(key.units),
        "sources": list(key.sources),
        "created_at": from_millis(key.created_at).isoformat(timespec="seconds"),
        "revoked_at": key.revoked_at and from_millis(key.revoked_at).isoformat(timespec="seconds"),
    }


def _now() -> Millis:
    return to_millis(datetime.now(UTC))
