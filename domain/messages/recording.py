"""The acts that planning and sending leave: what was decided, what was meant to be sent, what was taken."""

from collections.abc import Iterator
from dataclasses import replace

from domain.instants import Millis
from domain.messages.ledger import Act
from domain.messages.values import Decision, Plan, Planned


def acts_of(at: Millis, found: Plan) -> Iterator[Act]:
    """The acts that a plan leaves when every channel takes its message."""
    for one in found.decisions:
        yield decided(at, one)
    for planned in found.messages:
        yield from intended(at, planned)
        for channel in planned.channels:
            yield from notified(at, planned, channel)


def decided(at: Millis, one: Decision) -> Act:
    """What was held, suppressed or escalated."""
    return Act(
        one.alert,
        one.verb,
        at,
        key=one.key,
        reason=one.reason,
        until=one.until,
        account=one.account,
        slot=one.slot,
        mark=one.post,
    )


def undeliverable(act: Act) -> Act:
    """Instead of `notified`: the channel will never take this message."""
    return replace(act, verb="suppressed", reason="undeliverable")


def intended(at: Millis, planned: Planned) -> Iterator[Act]:
    """That a message was meant to be sent, alert by alert."""
    yield from _acts("notify_intended", at, planned, "")


def notified(at: Millis, planned: Planned, channel: str) -> Iterator[Act]:
    """That a channel took a message, alert by alert."""
    yield from _acts("notified", at, planned, channel)


def _acts(verb: str, at: Millis, planned: Planned, channel: str) -> Iterator[Act]:
    message = planned.message
    for alert in message.alerts:
        yield Act(
            alert,
            verb,
            at,
            key=message.key,
            channel=channel,
            reason=planned.reasons[alert],
            account=message.account,
            unit=message.unit,
            slot=message.slot,
            mark=planned.mark,
        )
