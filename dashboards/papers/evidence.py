"""Audit questions about issued papers, and their bundles: made again, equal to the sealed hash or not.

Here and not in `api/`, because only here can a paper be made into the file whose hash was sealed.
"""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api import audit, bundles, seals
from api.access import Principal, require
from api.answers import figure
from api.audit import answers
from api.audit.answers import answer
from api.figures.context import FigureContext
from api.papers import issuing
from api.papers.issuing import Record
from api.params import instant, strict_query
from api.problems import Problem, responses
from api.routes.bundles import ZIP, zipped
from api.routes.figures import AsOf, SetName
from api.services import Services, services_of
from dashboards.papers.again import Again, described, found_record, made_again, may_see, present
from dashboards.papers.files import render
from domain.errors import InvalidInput
from domain.instants import Millis

router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable", "conflict"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Parts = Annotated[Services, Depends(services_of)]
ReportId = Annotated[str, Path(max_length=128, description="The id of an issued paper.")]
Text = Annotated[str | None, Query(max_length=128)]


@router.get("/bundles/reports/{report}", summary="Evidence bundle of an issued report", responses=ZIP)
def get_report_bundle(who: Reader, services: Parts, report: ReportId) -> Response:
    """The files that come out as they were issued, and the event that sealed their hashes, with its proof."""
    with services.context(services, who) as ctx:
        data = report_bundle(ctx, services, report)
    return zipped(services, who, f"report:{report}", data)


def report_bundle(ctx: FigureContext, services: Services, report: str) -> bytes:
    """The bundle of an issued report; NotFound for one that is not the caller's to see."""
    ctx, record = found_record(ctx, services, report)
    again = made_again(ctx, record)
    made = again.files()
    files = {f"bao_cao.{form}": content for form, (content, same) in made.items() if same}
    facts = [
        f"Báo cáo {record.id} ({record.kind}), đơn vị {record.unit}, kỳ {record.period}.",
        f"{len(files)} tệp dựng lại đúng từng byte như khi phát hành.",
    ]
    others = [form for form, (_, same) in made.items() if not same]
    facts += [f"Tệp {form} không dựng lại được đúng: {'; '.join(again.reasons())}." for form in others]
    files["so_lieu_bao_cao.json"] = render(again.paper, "json")
    return bundles.report_bundle(services, ctx.everything, record.id, record.versions, files, facts)


@router.get("/figure/{report}", summary="An issued report: recomputed, and what changed since")
def get_figure_question(request: Request, who: Reader, services: Parts, report: ReportId) -> Response:
    """The paper made again and held against the hash sealed then; each figure of its unit and period then and now,
    with the dossiers and events that changed it. fails: it does not come out as issued, or a figure is another
    though nothing that became known explains it."""
    return figure(request, services, who, lambda ctx: ask_figure(ctx, services, report), cached=False)


def ask_figure(ctx: FigureContext, services: Services, report: str) -> dict[str, Any]:
    """The answer to `figure`; NotFound for a report that is not the caller's to see."""
    again = made_again(*found_record(ctx, services, report))
    record, head = again.record, again.paper.heading
    files, same = _files(again)
    period = f"{head.first_day}..{head.last_day}"
    name = record.versions.get("set", "").rpartition("/")[0] or None
    since: dict[str, Any] = {}
    try:
        since = audit.changes(ctx, record.unit, period, record.known_at, ctx.now_ms, record.as_of, name)
    except InvalidInput as error:
        # Nothing has become known since: there are not two instants to compare.
        if ctx.now_ms > record.known_at:
            raise
        del error
    later = since.get("verdict", "holds")
    told = answers.verdict(not same or later == "fails", later == "cannot_tell")
    checked = {"files": len(files), **since.get("checked", {})}
    reason = "" if same else f"the report does not come out as it was issued: {'; '.join(again.reasons())}"
    parts = ("totals", "dossiers", "dossiers_left_out", "documents", "known_from", "known_to")
    return answer(
        "figure",
        told,
        checked,
        since.get("differences", []),
        {"report": described(ctx, record), "versions": record.versions, **ctx.position()},
        reason="; ".join(r for r in (reason, since.get("reason", "")) if r),
        files=files,
        **{name: since[name] for name in parts if name in since},
    )


def _files(again: Again) -> tuple[list[dict[str, Any]], bool]:
    made = again.files()
    rows = [
        {"format": form, "sealed_hash": again.record.hashes[form], "equal": equal}
        for form, (_, equal) in made.items()
    ]
    return rows, all(row["equal"] for row in rows) and bool(rows)


@router.get("/as-shown", summary="What was shown at an instant")
def get_as_shown(
    request: Request,
    who: Reader,
    services: Parts,
    at: Annotated[str, Query(max_length=40, description="As known at this instant, and as of it.")],
    report: Annotated[str | None, Query(max_length=128, description="An issued paper.")] = None,
    dossier: Annotated[str | None, Query(max_length=128, description="A dossier's code.")] = None,
    unit: Annotated[str | None, Query(max_length=128, description="A unit: its scorecard, or its list.")] = None,
    period: Annotated[str | None, Query(max_length=40, description="Of the scorecard.")] = None,
    state: Annotated[
        str | None, Query(max_length=20, description="Of the list: open_late, open_not_due, undated.")
    ] = None,
    set_name: SetName = None,
    as_of: AsOf = None,
) -> Response:
    """A scorecard (unit and period), a list (unit and state) or a dossier as known at the instant, and as of it or
    of `as_of`; or an issued paper made again to its sealed hash. With nothing named: the last brief issued before
    the instant."""
    moment = instant(at, services.zone, "at")
    if moment is None:
        raise Problem("invalid-input", "this question needs an instant, such as 2026-08-31T17:00", field="at")
    what = Shown(report=report, dossier=dossier, unit=unit, period=period, state=state, set_name=set_name)
    as_of_ms = instant(as_of, services.zone, "as_of")
    return figure(
        request, services, who, lambda ctx: ask_shown(ctx, services, moment, what, as_of_ms), cached=False
    )


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What was shown: at most one of a report, a dossier, and a unit with a period or a state."""

    report: str | None = None
    dossier: str | None = None
    unit: str | None = None
    period: str | None = None
    state: str | None = None
    set_name: str | None = None


def ask_shown(
    ctx: FigureContext, services: Services, at: Millis, what: Shown, as_of: Millis | None = None
) -> dict[str, Any]:
    """The answer to `as-shown`, with the checkpoint that seals what was known by then. `as_of`: of when, if not of
    the instant of knowledge."""
    found: dict[str, Any] | None
    if what.dossier is not None:
        found = audit.dossier_shown(ctx, what.dossier, at, as_of)
    elif what.unit is not None and what.state is not None:
        found = audit.list_shown(ctx, what.unit, what.state, at, as_of)
    elif what.unit is not None:
        found = audit.scorecard_shown(ctx, what.unit, what.period or "ytd", at, what.set_name, as_of)
    else:
        found = _paper_shown(ctx, services, what.report, at)
    return seals.with_seal(services, ctx, found, at)


def _paper_shown(ctx: FigureContext, services: Services, report: str | None, at: Millis) -> dict[str, Any]:
    standing = present(ctx, services)
    record = _last_issued(standing, report, at)
    if record is None:
        what = f"the report {report}" if report else "no brief"
        reason = f"{what} had been issued by then" if not report else f"{what} is none, or was issued later"
        return answer("as-shown", "cannot_tell", {"files": 0}, [], {"at": ctx.text(at)}, reason=reason)
    again = made_again(standing, record)
    files, same = _files(again)
    return answer(
        "as-shown",
        answers.verdict(not same),
        {"files": len(files)},
        [row for row in files if not row["equal"]],
        {"at": ctx.text(at), "report": described(ctx, record), "versions": record.versions, **ctx.position()},
        reason="" if same else "; ".join(again.reasons()),
        files=files,
        shown=msgspec.to_builtins(again.paper.body),
    )


def _last_issued(ctx: FigureContext, report: str | None, at: Millis) -> Record | None:
    """The report named, or the last brief, of those issued before an instant that may be seen."""
    found = [
        r
        for r in issuing.records(ctx, None if report else "brief")
        if r.issued_at < at and may_see(ctx, r.unit) and report in (None, r.id)
    ]
    return found[-1] if found else None
