"""Who knew: the alerts of a dossier before an instant, and how far each provably came. Sent is not known."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.alerts.service import alert_item
from api.audit import answers
from api.audit.answers import answer
from api.figures.context import FigureContext, versions
from domain.alerts import KINDS
from domain.indicator_sets import choose_set
from domain.instants import Millis, day_date
from sinks.queries import alerts, audit, dossiers

LOG = "alert-log"
STAGES = ("notified", "delivered", "opened", "acknowledged")
"""How far a message came. That it was opened proves that a person knew; so does any act of a person about it."""
_KNEW = frozenset({"opened", "acknowledged", "reason_given", "promised", "disputed", "commented"})
_SENT = frozenset({"notified", "delivered", *_KNEW})
_MISSING = {
    "notified": "no message to anybody is recorded",
    "delivered": "no receipt: sent is not known (gửi ≠ biết)",
    "opened": "nobody is recorded to have opened it",
    "acknowledged": "nobody acknowledged it",
}


def who_knew(ctx: FigureContext, code: str, until: Millis) -> dict[str, Any] | None:
    """The alerts of a dossier that held before `until`, their acts known by then, and what is missing; None where
    there is no such dossier to be seen.

    holds: of each alert a person provably knew. fails: of one, nobody was told, as far as the log tells.
    cannot_tell: sent, without proof that it was seen; or no alert held.
    """
    if dossiers.dossier(ctx.reader(), code) is None:
        return None
    rows = alerts.alerts_of(ctx.reader(), code, until, list(KINDS))
    acts = _acts(ctx, [row[0] for row in rows], until)
    chains = [_chain(alert_item(row, ctx.zone, until), acts[row[0]]) for row in rows]
    untold = [c for c in chains if c["proof"] == "not_told"]
    unproven = [c for c in chains if c["proof"] == "sent"]
    told = answers.verdict(bool(untold), bool(unproven) or not chains)
    counted = {"alerts": len(chains), "acts": sum(map(len, acts.values()))}
    chosen = choose_set(ctx.known_sets, day_date(ctx.zone.day(until - 1)), None)
    heading = {"dossier_code": code, "until": ctx.text(until), "versions": versions(ctx, until, chosen)}
    reason = "" if chains else "no alert about this dossier held before that instant"
    reads = [
        {**answers.event(ctx, row), "log": LOG, "key": row["key"]}
        for row in audit.reads_of(ctx.everything, code, until)
    ]
    more = {"chains": chains, "read_by": reads}
    return answer("who-knew", told, counted, untold + unproven, heading | ctx.position(), reason=reason, **more)


def alert_chain(ctx: FigureContext, alert: str) -> dict[str, Any] | None:
    """One alert as it stands, with what it is about, its evidence and all acts; None where it cannot be seen."""
    row = alerts.alert(ctx.reader(), alert)
    if row is None:
        return None
    item = alert_item(row, ctx.zone, ctx.now_ms)
    about = {name: item[name] for name in ("subject_kind", "subject", "dossier_code", "due_at", "evidence")}
    return {**_chain(item, _acts(ctx, [alert], None)[alert]), **about}


def _acts(ctx: FigureContext, ids: Sequence[str], until: Millis | None) -> dict[str, list[dict[str, Any]]]:
    """The acts about each alert that were known before an instant, each with its place in the alert log."""
    found: dict[str, list[dict[str, Any]]] = {alert: [] for alert in ids}
    for alert, kind, at, known, actor, channel, reason, *_, partition, offset, index in alerts.acts(
        ctx.client, list(ids)
    ):
        if until is None or known < until:
            place = {"log": LOG, "partition": partition, "offset": offset, "index": index}
            named = {"actor": actor, "channel": channel, "reason": reason}
            times = {"at": ctx.text(at), "known_at": ctx.text(known)}
            found[alert].append({"act": kind.removeprefix("alert."), **times, **named, **place})
    return found


def _chain(item: Mapping[str, Any], acts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("id", "kind", "title", "unit", "from", "until", "known_at")
    done = [act["act"] for act in acts]
    return {**{n: item[n] for n in names}, "proof": proof(done), "missing": missing(done), "acts": list(acts)}


def proof(acts: Sequence[str]) -> str:
    """`known` to a person, `sent` only, or `not_told` to anybody."""
    if _KNEW.intersection(acts):
        return "known"
    return "sent" if _SENT.intersection(acts) else "not_told"


def missing(acts: Sequence[str]) -> list[str]:
    """What the chain lacks, in words, in the order in which it would come."""
    return [text for stage, text in _MISSING.items() if stage in STAGES and stage not in acts]
