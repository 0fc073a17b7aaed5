"""Papers made, issued and found again: one way to a paper, from positions of the log to a verification code.

Issuing is an event of the event log (`report.issued`, subject = the paper's id): it stands beside what it speaks
of, is folded into `documents` like other publications and is rebuilt with them. The record holds what is needed to
make the paper again (question, positions, versions) and the SHA-256 of each file, never the file itself.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from api.figures.context import FigureContext
from api.papers.brief import Brief, brief
from api.papers.ii06a import Form, form
from api.papers.league import League, league
from api.papers.publication import Correction, Publication, differences, publication
from api.papers.questions import Heading, PaperQuestion, heading, question, text_day
from api.papers.standing import Place, StandingContext, standing, unscoped
from api.papers.targets import Targets, progress
from api.problems import NotFound
from domain.errors import InvalidInput, Unavailable
from domain.fold import RULES_VERSION
from domain.instants import Millis, day_date, parse_rfc3339
from sinks.queries import at_positions

Body = Form | League | Publication | Brief | Targets


class Paper(msgspec.Struct, frozen=True):
    """A paper ready to be rendered."""

    heading: Heading
    body: Body


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a paper; an empty period or unit takes the paper's own default."""

    kind: str
    unit: str = ""
    period: str = ""
    as_of: Millis | None = None
    options: dict[str, str] = {}
    set_name: str | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An issued paper as its event tells it."""

    id: str
    kind: str
    unit: str
    period: str
    as_of: Millis
    known_at: Millis
    issued_at: Millis
    options: dict[str, str]
    versions: dict[str, str]
    positions: dict[str, int]
    hashes: dict[str, str]
    content_hash: str


_BODIES: dict[str, tuple[Callable[[StandingContext, PaperQuestion], Any], frozenset[str]]] = {
    "ii06a": (form, frozenset({"by", "stopped", "first_day", "form"})),
    "league": (league, frozenset({"by", "sizes_department", "sizes_commune", "sizes_other"})),
    "publication": (publication, frozenset()),
    "brief": (brief, frozenset()),
    "targets": (progress, frozenset({"children"})),
}
KINDS = tuple(_BODIES)
_WITH_ACTS = frozenset({"brief"})
"""Papers that speak of what people did about alerts: the others do not change with the alert log."""
_SILENT = ("fold", "generation")
"""Versions that a paper names but that its code leaves out."""


def make(
    ctx: FigureContext,
    place: Place,
    asked: Asked,
    *,
    issued: bool,
    record: Record | None = None,
) -> Paper:
    """The paper at a place in the log, as the caller may see it: NotFound for a unit outside. `record` is given
    when an issued one is made again: its generation stands on the paper, whichever answers now."""
    now = ctx.now_ms if asked.as_of is None else asked.as_of
    if asked.kind not in _WITH_ACTS:
        place = msgspec.structs.replace(place, acts_to=-1)
    at = standing(ctx, place, now)
    unit = asked.unit or _own_unit(ctx)
    at.units_of(unit)
    at = unscoped(at)
    build, known = _body(asked.kind)
    unknown = sorted(set(asked.options) - known)
    if unknown:
        raise InvalidInput(
            f"{asked.kind} has no option '{unknown[0]}'; it has: {', '.join(sorted(known)) or 'none'}"
        )
    period = asked.period or default_period(at, asked.kind, now)
    q = question(at, asked.kind, unit, period, now, dict(asked.options), asked.set_name)
    body = build(at, q)
    if isinstance(body, Publication):
        found = corrections_of(at, records(at, "publication"), unit, q.period.label, body)
        body = msgspec.structs.replace(body, corrections=found)
    head = heading(at, q)
    if record is not None:
        # What does not change the figures stands as it stood then; what does is compared by `reasons`.
        then = {n: record.versions[n] for n in _SILENT if n in record.versions}
        head = msgspec.structs.replace(head, versions=head.versions | then)
    return stamped(head, body, issued=issued)


def stamped(head: Heading, body: Body, *, issued: bool) -> Paper:
    """The paper with its verification code: a hash over question, versions, positions and figures, so that
    neither the generation that answers nor a release that gives equal figures changes it."""
    versions = {name: text for name, text in head.versions.items() if name not in _SILENT}
    said = msgspec.structs.replace(head, versions=versions, issued=False, code="")
    digest = hashlib.sha256(msgspec.json.encode([said, body], order="sorted")).hexdigest()
    return Paper(msgspec.structs.replace(head, code=digest[:16], issued=issued), body)


def paper_id(paper: Paper) -> str:
    """The id under which a paper is issued: making the same one again gives the same."""
    return f"{paper.heading.kind}-{paper.heading.code}"


def _body(kind: str) -> tuple[Callable[[StandingContext, PaperQuestion], Any], frozenset[str]]:
    found = _BODIES.get(kind)
    if found is None:
        raise NotFound(f"there is no paper '{kind[:40]}'; there are: {', '.join(KINDS)}")
    return found


def _own_unit(ctx: FigureContext) -> str:
    """The unit of a caller who names none: the root, or the first of the units that the key is bound to."""
    return ctx.root if ctx.visible is None else (ctx.scope or (ctx.root,))[0]


def default_period(ctx: StandingContext, kind: str, now: Millis) -> str:
    """The month so far for the brief and the league table, the year so far for targets; else the last month that
    is over."""
    if kind == "targets":
        return "ytd"
    today = day_date(ctx.zone.day(now - 1))
    if kind in ("brief", "league"):
        return f"{today:%Y-%m}"
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return f"{year}-{month:02}"


def records(ctx: StandingContext | FigureContext, kind: str | None = None) -> list[Record]:
    """Issued papers that the context knows, each by its first event, in order of issue."""
    found = []
    for subject, history in ctx.histories("report").items():
        record = record_from(subject, history)
        if kind is None or record.kind == kind:
            found.append(record)
    return sorted(found, key=lambda r: (r.issued_at, r.id))


def record_from(subject: str, history: Sequence[tuple[str, Millis, str, dict[str, Any]]]) -> Record:
    """The record of an issued paper, by the first of its events."""
    _, at, _, data = history[0]
    as_of = data.get("as_of")
    return Record(
        id=subject,
        kind=data.get("report", ""),
        unit=data.get("unit", ""),
        period=data.get("period", ""),
        as_of=at if as_of is None else parse_rfc3339(as_of),
        known_at=at if data.get("known_at") is None else parse_rfc3339(data["known_at"]),
        issued_at=at,
        options=data.get("options", {}),
        versions=data.get("versions", {}),
        positions=data.get("positions", {}),
        hashes=data.get("hashes", {}),
        content_hash=data.get("content_hash", ""),
    )


def again(ctx: FigureContext, record: Record) -> Paper:
    """The issued paper, made again from its record. Unavailable while the rows do not reach its positions."""
    place = _place(record)
    behind = [p for p, n in place.positions.items() if ctx.complete_to.get(p, -1) < n]
    if behind:
        raise Unavailable(
            f"the rows do not yet reach the positions of {record.id} (partition {behind[0]}): ask again later"
        )
    asked = Asked(
        kind=record.kind,
        unit=record.unit,
        period=record.period,
        as_of=record.as_of,
        options=record.options,
        set_name=record.versions.get("set", "").rpartition("/")[0] or None,
    )
    return make(ctx, place, asked, issued=True, record=record)


def _place(record: Record) -> Place:
    positions = {int(p): n for p, n in record.positions.items() if p != "acts"}
    return Place(record.known_at, positions, record.positions.get("acts", -1))


def moved(ctx: FigureContext, record: Record) -> list[str]:
    """Where the log, up to the recorded instant of knowledge, ends elsewhere than it did when it was issued."""
    place = _place(record)
    now = at_positions.at_instant(ctx.everything, place.known_at)
    return [
        f"partition {p}: what was known by then ended at offset {n} at its issue, and at {now.get(p, -1)} now"
        for p, n in sorted(place.positions.items())
        if now.get(p, -1) != n
    ]


def reasons(record: Record, paper: Paper, renderer: Mapping[str, str], log_id: str) -> list[str]:
    """Why a paper made again may differ from the one issued, each in a sentence."""
    now = {**paper.heading.versions, **renderer, "log": log_id, "fold": str(RULES_VERSION)}
    words = {
        "set": "the indicator set",
        "calendar": "the working calendar",
        "rules": "the rule family",
        "fold": "the rules of the fold",
        "log": "the log",
    }
    found = [
        f"{words.get(name, name)} was {then} when it was issued and is {now.get(name, 'gone')} now"
        for name, then in sorted(record.versions.items())
        if name != "generation" and now.get(name) != then
    ]
    if paper.heading.code not in record.id:
        found.append(f"the figures are others: their code is {paper.heading.code} now")
    return found


def corrections_of(
    ctx: StandingContext, issued: Iterable[Record], unit: str, period: str, now: Publication
) -> tuple[Correction, ...]:
    """The publications of the same unit and period among those issued before, oldest first, with what this one
    says otherwise than each."""
    found = []
    for record in issued:
        if (record.unit, record.period) != (unit, period):
            continue
        earlier = unscoped(standing(ctx, _place(record), record.as_of))
        name = record.versions.get("set", "").rpartition("/")[0] or None
        then = publication(earlier, question(earlier, "publication", unit, period, record.as_of, {}, name))
        issued_at = text_day(ctx, record.issued_at) or ""
        code = record.id.rpartition("-")[2]
        found.append(Correction(code=code, issued=issued_at, changed=differences(then, now)))
    return tuple(found)
