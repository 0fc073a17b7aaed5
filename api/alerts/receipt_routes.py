"""`POST /v1/receipts/{channel}`: a gateway tells that a message arrived, signed under a secret of its own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool

from api.alerts import delivery_settings
from api.alerts.proofs import checked_receipt, record_receipt
from api.alerts.sent import sent_store
from api.answers import json
from api.params import strict_query
from api.problems import Problem, responses
from api.services import Services, services_of

MAX_BYTES = 64 * 1024
router = APIRouter(
    prefix="/v1",
    tags=["alerts"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "not-found", "invalid-input", "too-large", "unavailable"),
)


@router.post("/receipts/{channel}", summary="A gateway's receipt of a message")
async def post_receipt(
    request: Request,
    services: Annotated[Services, Depends(services_of)],
    channel: Annotated[str, PathParameter(pattern="^(sms|zalo)$")],
) -> Response:
    """Without a key: `X-GS766-Signature` is `sha256=` and the HMAC-SHA-256 of `timestamp.body` under the receipts'
    secret, `X-GS766-Timestamp` the seconds since 1970, at most five minutes away. It becomes the act `delivered`
    about each alert of the message; the same receipt again changes nothing (`recorded` is false)."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Problem("too-large", f"a receipt has at most {MAX_BYTES} bytes")

    def work() -> bool:
        delivery = delivery_settings.load(services.config.delivery)
        told = checked_receipt(delivery, channel, body, request.headers, services.wall())
        return record_receipt(services, sent_store(services.config.private), told)

    return json({"recorded": await run_in_threadpool(work)})
