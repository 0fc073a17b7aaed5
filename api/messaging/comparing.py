"""A simulated week beside what was really sent in it, message by message: the same key is the same message."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.instants import Millis
from domain.messages.ledger import Act
from domain.messages.simulation import Round

SHOWN = 200
"""So many differences are listed; all are counted."""


@dataclass(slots=True)
class _Message:
    account: str
    unit: str
    slot: Millis
    alerts: set[str] = field(default_factory=set)


def compared(rounds: Iterable[Round], acts: Iterable[Act], text: Callable[[Millis], str | None]) -> dict[str, Any]:
    """How many messages were really sent, how many of them the simulation has too, and where they differ: `sent`
    only, `simulated` only, or the same message about other alerts. `acts` are those of the week."""
    really: dict[str, _Message] = {}
    for act in acts:
        if act.verb == "notified" and act.account:
            one = really.setdefault(act.key, _Message(act.account, act.unit, act.slot))
            one.alerts.add(act.alert)
    simulated = {
        m.message.key: _Message(m.message.account, m.message.unit, m.message.slot, set(m.message.alerts))
        for one in rounds
        for m in one.plan.messages
    }
    both = sorted(really.keys() & simulated.keys())
    lines = [
        *_lines("sent", [really[key] for key in really.keys() - simulated.keys()]),
        *_lines("simulated", [simulated[key] for key in simulated.keys() - really.keys()]),
        *(_other(really[key], simulated[key]) for key in both if really[key].alerts != simulated[key].alerts),
    ]
    lines.sort(key=lambda line: (line["slot"], line["account"], line["unit"]))
    return {
        "really_sent": len(really),
        "simulated": len(simulated),
        "same": sum(really[key].alerts == simulated[key].alerts for key in both),
        "differences": len(lines),
        "listed": [{**line, "slot": text(line["slot"])} for line in lines[:SHOWN]],
    }


def _lines(only: str, messages: Sequence[_Message]) -> list[dict[str, Any]]:
    return [
        {"only": only, "slot": m.slot, "account": m.account, "unit": m.unit, "alerts": len(m.alerts)}
        for m in messages
    ]


def _other(really: _Message, simulated: _Message) -> dict[str, Any]:
    (line,) = _lines("", [really])
    return {
        **line,
        "only": None,
        "alerts_sent_only": sorted(really.alerts - simulated.alerts)[:SHOWN],
        "alerts_simulated_only": sorted(simulated.alerts - really.alerts)[:SHOWN],
    }
