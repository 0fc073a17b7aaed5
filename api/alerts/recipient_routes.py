"""Routes of recipients: who is told, for administrators; addresses come in and are only shown masked."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi import Path as PathParameter

from api.access import Principal, require
from api.alerts.recipient_acts import TYPES
from api.alerts.recipients import new_entry, recipient_store, shown
from api.answers import json
from api.figures.context import FigureContext
from api.params import strict_query
from api.problems import NotFound, responses
from api.services import Services, services_of
from domain.errors import InvalidInput
from domain.instants import Millis, parse_rfc3339
from domain.periods import parse_instant
from sinks.queries import controls

router = APIRouter(
    prefix="/v1/recipients",
    tags=["alerts"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input"),
)
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Services, Depends(services_of)]


class RecipientBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recipient; `channels` as KIND:ADDRESS, best first."""

    account: str
    post: str
    unit: str
    channels: tuple[str, ...]
    hours: str = ""
    since: str = ""
    until: str = ""


@router.get("", summary="Recipients")
def get_recipients(
    who: Admin,
    services: Parts,
    everyone: Annotated[bool, Query(alias="all", description="Also who does not hold the post now.")] = False,
) -> Response:
    """Post, account, unit, masked channels, hours and dates held, and what is to be mended about each."""
    del who
    store = recipient_store(services.config.private)
    now = None if everyone else services.wall()
    return json([shown(entry, services.zone) for entry in store.entries(now)])


@router.get("/changes", summary="Who changed recipients")
def get_recipient_changes(
    who: Admin,
    services: Parts,
    account: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[str | None, Query(max_length=40, description="An instant or a day; default: all.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Response:
    """The acts about recipients in the alert log, oldest first: who, when, which account, post and channels, and
    what of them; never an address."""
    start = services.zone.midnight(services.zone.day(parse_instant(since, services.zone) - 1)) if since else 0
    with services.context(services, who) as ctx:
        return json({"changes": _listed(ctx, account, start, limit), **ctx.position()})


@router.post("", status_code=201, summary="Add or replace a recipient")
def post_recipient(who: Admin, services: Parts, body: Annotated[dict[str, Any], Body()]) -> Response:
    """The one of the same account, post and unit is replaced; addresses belong to the account."""
    try:
        said = msgspec.convert(body, RecipientBody)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error
    entry = new_entry(
        said.account,
        said.post,
        said.unit,
        said.channels,
        services.zone,
        hours=said.hours,
        since=said.since,
        until=said.until,
    )
    recipient_store(services.config.private).put(entry, services.wall(), who.key_id)
    services.acts.flush_keys()
    return json(shown(entry, services.zone), 201)


@router.delete("/{account}", status_code=204, summary="Erase a recipient")
def delete_recipient(
    who: Admin,
    services: Parts,
    account: Annotated[str, PathParameter(max_length=64)],
    post: Annotated[str | None, Query(max_length=20)] = None,
    unit: Annotated[str | None, Query(max_length=128)] = None,
) -> Response:
    """The account's entries (of one post, of one unit) with their addresses."""
    store = recipient_store(services.config.private)
    if not store.remove(account, services.wall(), post, unit, by=who.key_id):
        raise NotFound(f"there is no such recipient {account[:64]}")
    services.acts.flush_keys()
    return Response(status_code=204)


def _listed(ctx: FigureContext, account: str | None, since: Millis, limit: int) -> list[dict[str, Any]]:
    """Who changed which recipient, what of it, and when; oldest first, with the place in the log."""
    found = controls.acts_between(ctx.everything, TYPES, since, 1 << 43, limit, subject=account)
    told = []
    for row in found:
        data = msgspec.json.decode(row["data"])
        evidence = data.get("evidence") or {}
        told.append(
            {
                "act": row["type"].rpartition("_")[2],
                "at": ctx.text(row["occurred_at"]),
                "by": data.get("actor"),
                "account": row["subject"],
                "unit": data.get("unit"),
                **{name: evidence.get(name) for name in ("post", "channels", "changed", "channels_changed")},
                "hours": evidence.get("hours"),
                **{name: _local(ctx, evidence.get(name)) for name in ("since", "until")},
                "partition": row["partition"],
                "offset": row["offset"],
                "index": row["index"],
            }
        )
    return told


def _local(ctx: FigureContext, text: str | None) -> str | None:
    return None if text is None else ctx.text(parse_rfc3339(text))
