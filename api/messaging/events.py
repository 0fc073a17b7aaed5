"""Acts of messages as events of the alert log: accounts and units by id, never an address, never words."""

from api.raising.runner import SOURCE
from domain import event_data as d
from domain.events import encode_made
from domain.instants import from_millis
from domain.messages.ledger import Act
from domain.messages.values import Alert


def event_of(act: Act, about: Alert | None) -> tuple[str, bytes]:
    """(alert id, encoded event); the id is made of what the act says, so that a repeat is the same act."""
    told = {"account": act.account, "for_unit": act.unit, "slot": act.slot, "mark": act.mark}
    evidence = {name: value for name, value in told.items() if value}
    data = d.Act(
        kind=about.kind if about else None,
        about=about.subject if about else None,
        unit=about.unit if about else None,
        actor="notifier",
        channel=act.channel or None,
        reason=act.reason or None,
        until=None if act.until is None else from_millis(act.until),
        key=act.key,
        evidence=evidence,
    )
    words = [act.verb, act.alert, act.key, *([act.channel] if act.channel else [])]
    encoded = encode_made(
        f"alert.{act.verb}", act.alert, act.at, data, source=SOURCE, id="/".join(words), recorded_at=act.at
    )
    return act.alert, encoded
