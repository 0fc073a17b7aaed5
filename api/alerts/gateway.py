"""One message to an HTTP gateway for SMS or Zalo templates: the request by its mapping, what its answer means."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from api.alerts.delivery_settings import Delivery, Gateway
from api.alerts.outcomes import PERMANENT, UNANSWERED
from domain.message import Message, sms_fault

_LATER = frozenset({401, 402, 403, 404, 407, 408, 409, 423, 425, 429})
"""Of the client's faults those that pass, or that we mend: a wrong key or address, no credit, too fast."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def post(
    client: httpx.Client, delivery: Delivery, channel: str, message: Message, address: str, link: str
) -> str | None:
    """None when the gateway took it, else why not (`outcomes`), without number, secret or its own words."""
    name = channel.partition("-")[0]
    gateway = delivery.gateways[name]
    places = _places(delivery, gateway, message, channel, address, link)
    if name == "sms":
        fault = sms_fault(message.sms)
        if fault is not None:
            return f"{PERMANENT}{fault}"
    if gateway.templates and not places["template"]:
        return f"{PERMANENT}no template's id for {', '.join(message.kinds) or 'this message'}, and no default"
    headers = {key: _fill(value, places) for key, value in gateway.headers.items()}
    headers["Idempotency-Key"] = places["id"]
    if message.retried:
        headers["X-GS766-Retried"] = "true"
    body = _fill(gateway.body, places)
    given: dict[str, Any] = {"json": body} if gateway.format == "json" else {"data": body}
    try:
        answer = client.post(
            _fill(gateway.url, places),
            headers=headers,
            timeout=gateway.timeout_seconds,
            follow_redirects=False,
            **given,
        )
    except _NEVER_SENT as error:
        return f"the {name} gateway cannot be reached ({type(error).__name__})"
    except httpx.HTTPError as error:
        return f"{UNANSWERED}the {name} gateway did not answer ({type(error).__name__})"
    except (httpx.InvalidURL, UnicodeEncodeError):
        return f"the {name} gateway's address or headers cannot be used: see the delivery settings"
    return judged(name, gateway, answer)


def judged(name: str, gateway: Gateway, answer: httpx.Response) -> str | None:
    """What an answer means: None for taken."""
    status = answer.status_code
    if not answer.is_success:
        passing = status in _LATER or status >= 500 or status < 400
        return f"{'' if passing else PERMANENT}the {name} gateway answered HTTP {status}"
    if gateway.answer is None:
        return None
    try:
        found = dotted(msgspec.json.decode(answer.content), gateway.answer.field)
    except msgspec.MsgspecError:
        return f"{UNANSWERED}the {name} gateway's answer is no JSON"
    said = str(found)
    if said in map(str, gateway.answer.ok):
        return None
    code = said if len(said) <= 12 and said.lstrip("-").isalnum() else "of another form"
    worse = PERMANENT if said in map(str, gateway.answer.permanent) else ""
    return f"{worse}the {name} gateway answered {gateway.answer.field} {code}"


def delivery_id(key: str, channel: str) -> str:
    """What the gateway knows a delivery by: of one message to two numbers each has its own, else the second would
    be taken for a repeat."""
    return f"{key}.{channel}"


def dotted(value: Any, path: str) -> Any:
    """What stands under 'a.b.c' of nested objects; None for nothing."""
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def number(address: str, form: str) -> str:
    """A kept number ('84…' digits) as a gateway wants it."""
    if form == "0" and address.startswith("84"):
        return "0" + address[2:]
    return f"+{address}" if form == "+84" else address


def _places(
    delivery: Delivery, gateway: Gateway, message: Message, channel: str, address: str, link: str
) -> dict[str, Any]:
    by_kind = (gateway.templates[kind] for kind in message.kinds if kind in gateway.templates)
    return {
        "to": number(address, gateway.phone),
        "sms": _with_link(message.sms, link),
        "subject": message.subject,
        "text": message.text,
        "template": next(by_kind, gateway.templates.get("default", "")),
        "params": dict(message.params),
        "id": delivery_id(message.key, channel),
        "retried": "true" if message.retried else "false",
        "secret": delivery.secret(gateway.secret_file),
        "link": link,
    }


def _with_link(sms: str, link: str) -> str:
    """The text with its link behind (users.md §B: `Xem: …`) where it fits whole; where one stands already, none is
    added."""
    if not link or "://" in sms:
        return sms
    return next((text for text in (f"{sms} Xem: {link}", f"{sms} {link}") if sms_fault(text) is None), sms)


def _fill(value: Any, places: Mapping[str, Any]) -> Any:
    """A mapping with its places filled; '{params}' alone is the object itself."""
    if value == "{params}":
        return places["params"]
    if isinstance(value, str):
        return value.format_map(
            {name: text for name, text in places.items() if name != "params"}
            | {"params": msgspec.json.encode(places["params"]).decode()}
        )
    if isinstance(value, Mapping):
        return {name: _fill(inner, places) for name, inner in value.items()}
    return [_fill(inner, places) for inner in value] if isinstance(value, list) else value
