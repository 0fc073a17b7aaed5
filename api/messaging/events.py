"""Acts of messages as events of the alert log: accounts and units by id, never an address, never words."""

from typing import Any

from api.raising.runner import SOURCE
from domain.events import encode_event, make_event
from domain.instants import format_rfc3339
from domain.messages.ledger import Act
from domain.messages.values import Alert


def event_of(act: Act, about: Alert | None) -> tuple[str, bytes]:
    """(alert id, encoded event); the id is made of what the act says, so that a repeat is the same act."""
    data: dict[str, Any] = {"actor": "notifier", "key": act.key}
    if about is not None:
        data |= {"kind": about.kind, "about": about.subject, "unit": about.unit}
    told = {"account": act.account, "for_unit": act.unit, "slot": act.slot, "mark": act.mark}
    evidence = {name: value for name, value in told.items() if value}
    for name, value in (("channel", act.channel), ("reason", act.reason), ("evidence", evidence)):
        if value:
            data[name] = value
    if act.until is not None:
        data["until"] = format_rfc3339(act.until)
    words = [act.verb, act.alert, act.key, *([act.channel] if act.channel else [])]
    event = make_event(
        f"alert.{act.verb}", act.alert, act.at, data, source=SOURCE, id="/".join(words), recorded_at=act.at
    )
    return act.alert, encode_event(event)
