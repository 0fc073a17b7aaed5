"""Controls: who changed rules, calendars and targets and what that moved; silences, keys, exports, reads.

A control is in order when each change of it says who and, where a person kept something back, why.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from api.audit import answers
from api.audit.answers import LISTED, answer, event
from api.figures.context import FigureContext, Question, ask, heading
from api.figures.scorecards import scorecard
from domain.errors import InvalidInput, NotKnownYet
from domain.instants import Millis, format_rfc3339, parse_rfc3339
from domain.seals import Signed
from sinks.queries import controls as rows

DOCUMENTS = tuple(
    f"{kind}.{verb}"
    for kind, verb in (
        ("calendar", "published"),
        ("indicator_set", "published"),
        ("alert_rules", "published"),
        ("target", "published"),
        ("procedure", "limit_set"),
        ("procedure", "fee_set"),
        ("unit", "merged"),
        ("unit", "closed"),
    )
)
"""What moves figures of dossiers without any event of a dossier."""
_KEPT_BACK = ("alert.silenced", "alert.suppressed")
_CHANGES = tuple(
    f"system.{verb}"
    for verb in (
        "record_quarantined key_created key_revoked note_erased generation_switched file_imported webhook_created "
        "webhook_removed identifier_key_created identifier_key_destroyed identifiers_erased backup_scrubbed "
        "backup_taken backup_restored cold_exported cold_trimmed signing_key_rotated history_lost finding_closed "
        "recipient_added recipient_changed recipient_removed"
    ).split()
)
_READS = ("system.dossier_read", "system.list_read", "system.exported", "system.sql_run", "system.store_used")
MOVED = 20
"""So many documents are asked what they moved: two scorecards each."""
_TELLS = ("actor", "reason", "until", "key", "unit", "about", "note_hash", "evidence")


def controls(
    ctx: FigureContext, unit: str, period: str, as_of: Millis | None = None, chain: Iterable[Signed] = ()
) -> dict[str, Any]:
    """What was done to the controls in the period (by when it became known): silences and suppressions, rules,
    calendars, targets and limits with their author and the figures of the unit that each moved, keys, signing
    keys, quarantines, erasures, exports and reads by key.

    fails: a change names nobody, or a person kept an alert back without a reason. cannot_tell: more was done than
    is listed. InvalidInput for a key bound to units: the controls are the province's.
    """
    if ctx.visible is not None:
        raise InvalidInput("the controls are the province's: ask with a key that is not bound to units")
    q = ask(ctx, unit, period, as_of)
    kept = _acts(ctx, _KEPT_BACK, q)
    changed = _acts(ctx, _CHANGES, q)
    documents = _documents(ctx, q)
    by_key = rows.acts_by_key(ctx.everything, _READS, q.start, q.until)
    signing = _signing_keys(ctx, q, chain)
    wrong = [*_unsaid(kept), *(_nobody(changed)), *(_nobody(documents))]
    more = max(len(kept), len(changed), len(documents)) >= LISTED
    checked = {
        "kept_back": len(kept),
        "changes": len(changed),
        "documents": len(documents),
        "signing_keys": len(signing),
        "reads_and_exports": sum(row["count"] for row in by_key),
    }
    reason = f"more than {LISTED} of a kind: ask for a shorter period" if more else ""
    parts = {
        "kept_back": kept,
        "changes": changed,
        "documents": documents,
        "reads": by_key,
        "signing_keys": signing,
    }
    found = answers.verdict(bool(wrong), more)
    return answer("controls", found, checked, wrong, heading(ctx, q), reason=reason, **parts)


def _acts(ctx: FigureContext, types: Sequence[str], q: Question) -> list[dict[str, Any]]:
    found = []
    for row in rows.acts_between(ctx.everything, types, q.start, q.until, LISTED):
        data = msgspec.json.decode(row["data"])
        told = {name: data[name] for name in _TELLS if data.get(name) not in (None, {}, "")}
        who = data.get("actor") or data.get("key") or row["key_id"] or None
        found.append({"subject": row["subject"], **told, "who": who, "log": "alert-log", **event(ctx, row)})
    return found


def _documents(ctx: FigureContext, q: Question) -> list[dict[str, Any]]:
    found = []
    listed = rows.acts_between(ctx.everything, DOCUMENTS, q.start, q.until, LISTED, log="events")
    for number, row in enumerate(listed):
        data = msgspec.json.decode(row["data"])
        told = {name: data[name] for name in ("version", "valid_from", "valid_to") if data.get(name) is not None}
        moved = _moved(ctx, q, row["known_at"]) if number < MOVED else None
        who = row["key_id"] or row["source"] or None
        found.append({"subject": row["subject"], **told, "who": who, "moved": moved, **event(ctx, row)})
    return found


def _moved(ctx: FigureContext, q: Question, known_at: Millis) -> list[dict[str, Any]] | None:
    """The unit's figures of the period that are others right after the document than right before it; null where
    that cannot be asked (nothing was known before). What else became known in that millisecond counts too."""
    try:
        before, after = (scorecard(ctx, q.unit, q.period.label, q.as_of, t) for t in (known_at, known_at + 1))
    except (NotKnownYet, InvalidInput):
        return None
    earlier = {row["code"]: row for row in before["indicators"]}
    found = []
    for row in after["indicators"]:
        was: Mapping[str, Any] = earlier.get(row["code"], {})
        pairs = {n: {"then": was.get(n), "now": row[n]} for n in ("numerator", "denominator", "points")}
        if any(pair["then"] != pair["now"] for pair in pairs.values()):
            found.append({"code": row["code"], **pairs})
    return found


def _unsaid(acts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a person silenced without saying who it was or why, and what was suppressed without a reason (the
    notifier itself suppresses: a message that was overtaken has no author)."""
    found = []
    for act in acts:
        if act["type"] == "alert.silenced" and not act["who"]:
            found.append({**act, "wrong": "nobody is named"})
        elif not (act.get("reason") or act.get("note_hash")):
            found.append({**act, "wrong": "no reason"})
    return found


def _nobody(changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**change, "wrong": "nobody is named"} for change in changes if not change["who"]]


def _signing_keys(ctx: FigureContext, q: Question, chain: Iterable[Signed]) -> list[dict[str, Any]]:
    """Signing keys that checkpoints of the period name for the first time."""
    found, known = [], set[str]()
    until = format_rfc3339(q.until)
    for signed in chain:
        checkpoint = signed.checkpoint()
        if checkpoint.time >= until:
            break
        new = [key for key in checkpoint.keys if key not in known]
        known.update(new)
        moment = parse_rfc3339(checkpoint.time)
        if new and moment >= q.start:
            found += [{"key": key, "checkpoint": checkpoint.number, "at": ctx.text(moment)} for key in new]
    return found
