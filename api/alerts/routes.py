"""Routes of alerts: what holds, one alert with its chain, what people do about it, and webhooks.

An act is answered when the alert log has it. It never changes whether an alert holds, only who knew and when.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi import Path as PathParameter

from api.access import Principal, require
from api.alerts.acting import Said, Verb, do_act, private_store
from api.alerts.private import MAX_BATCH, Webhook
from api.alerts.service import list_alerts, show_alert
from api.answers import figure, json
from api.params import strict_query
from api.problems import NotFound, responses
from api.services import Services, services_of
from domain.alerts import KINDS
from domain.errors import InvalidInput

router = APIRouter(
    prefix="/v1",
    tags=["alerts"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Actor = Annotated[Principal, Depends(require("act"))]
Admin = Annotated[Principal, Depends(require("admin"))]
Parts = Annotated[Services, Depends(services_of)]
T = TypeVar("T")
AlertId = Annotated[str, PathParameter(pattern="^[0-9a-f]{24}$")]


class WebhookBody(msgspec.Struct, forbid_unknown_fields=True):
    """A subscription: where to, for which kinds (none: all), below which unit ('' : everywhere); `batch` above 1:
    up to so many alerts in one message."""

    url: str
    kinds: tuple[str, ...] = ()
    unit: str = ""
    batch: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH)] = 1


def _read(raw: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error


@router.get("/alerts", summary="Alerts")
def get_alerts(
    request: Request,
    who: Reader,
    services: Parts,
    state: Literal["holding", "cleared", "all"] = "holding",
    kind: Annotated[str | None, Query(max_length=100, description="Kinds, comma-separated: A01,A04.")] = None,
    unit: Annotated[str | None, Query(max_length=128)] = None,
    level: Literal["red", "amber", "violet", "grey", "green"] | None = None,
    older_than: Annotated[
        str | None, Query(max_length=12, description="Began so long ago or longer: 3wd, 2d, 36h.")
    ] = None,
    newer_than: Annotated[str | None, Query(max_length=12, description="Began less than so long ago.")] = None,
    disputed: Annotated[bool, Query(description="Only with a dispute that nobody has closed.")] = False,
    clock: Annotated[
        Literal["wall", "log"] | None,
        Query(description="What now is: the wall clock, or the log's latest event. Default: the stack's clock."),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What holds now, has cleared, or both; the latest beginning first, with the acts about each."""
    kinds = tuple(k for k in (kind or "").split(",") if k)
    return figure(
        request,
        services,
        who,
        lambda ctx: list_alerts(
            ctx if clock is None else replace(ctx, now=services.instant_of(clock)),
            state=state,
            kinds=kinds,
            unit=unit,
            level=level,
            older_than=older_than,
            newer_than=newer_than,
            disputed=disputed,
            cursor=cursor,
            limit=limit,
        ),
        cached=False,
    )


@router.get("/alerts/{alert}", summary="One alert with its chain")
def get_alert(request: Request, who: Reader, services: Parts, alert: AlertId) -> Response:
    """The alert, its evidence, and everything that was done about it, in the order of the log."""
    private = private_store(services.config.private)
    return figure(request, services, who, lambda ctx: show_alert(ctx, private, alert), cached=False)


@router.post("/alerts/{alert}/{verb}", status_code=202, summary="Act on an alert")
def post_act(
    who: Actor,
    services: Parts,
    alert: AlertId,
    verb: Verb,
    body: Annotated[dict[str, Any] | None, Body()] = None,
) -> Response:
    """Acknowledge, take back, give a reason, dispute, comment, promise a date, silence until a date.

    `comment` needs a note; `promise` and `silence` need `until`, which lies ahead; every silence has an end. A
    `dispute` is answered with `received`: the last facts about the subject, from which source and when, with their
    coordinates; the act is its ticket and keeps where the last of them stood. `resolve` closes such a `ticket`
    with an `outcome` and a note, by somebody else than who raised it (or takes it back, `withdrawn`): the record,
    not the figure; it keeps what was received by then.
    """
    return json(do_act(services, who, alert, verb, _read(body or {}, Said)), 202)


def _shown(hook: Webhook) -> dict[str, Any]:
    named = {"id": hook.id, "url": hook.url, "kinds": list(hook.kinds), "unit": hook.unit}
    return {**named, "batch": hook.batch}


@router.get("/webhooks", summary="Webhook subscriptions")
def get_webhooks(who: Admin, services: Parts) -> Response:
    """All subscriptions, without their secrets."""
    del who
    hooks = private_store(services.config.private).webhooks()
    return json([_shown(hook) for hook in hooks])


@router.post("/webhooks", status_code=201, summary="Subscribe a webhook")
def post_webhook(who: Admin, services: Parts, body: Annotated[dict[str, Any], Body()]) -> Response:
    """Every alert that begins from now on is posted to `url`, once, signed: `X-GS766-Signature` is
    `sha256=` and the HMAC-SHA-256 of the body under the secret, which is shown only here. With `batch` above 1 a
    message holds a list `alerts` of up to so many (each with its `key`): floods of alerts need it."""
    said = _read(body, WebhookBody)
    for kind in said.kinds:
        if kind not in KINDS:
            raise InvalidInput(f"'{kind[:40]}' is not a kind of alert; known are {', '.join(KINDS)}")
    private, now = private_store(services.config.private), services.wall()
    hook = private.subscribe(said.url, said.kinds, said.unit, now, said.batch)
    facts = {"kinds": list(hook.kinds)}
    services.acts.record("webhook_created", hook.id, who, now, unit=hook.unit or None, evidence=facts)
    return json({**_shown(hook), "secret": hook.secret}, 201)


@router.delete("/webhooks/{webhook}", status_code=204, summary="End a subscription")
def delete_webhook(who: Admin, services: Parts, webhook: Annotated[str, PathParameter(max_length=64)]) -> Response:
    """Nothing more is sent to it."""
    if not private_store(services.config.private).unsubscribe(webhook):
        raise NotFound(f"there is no webhook {webhook[:64]}")
    services.acts.record("webhook_removed", webhook, who, services.wall())
    return Response(status_code=204)
