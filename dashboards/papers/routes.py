"""Papers over HTTP: a preview for who may read, issuing for who may act, and what was issued, made again."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response

from api.access import Principal, require
from api.answers import json
from api.figures.context import FigureContext
from api.papers import issuing
from api.papers.issuing import Asked, Paper
from api.papers.standing import Place, place_now, place_then
from api.params import instant, strict_query
from api.problems import NotFound, Problem, responses
from api.services import Services, services_of
from dashboards.papers import due_calendar, evidence, letter_routes
from dashboards.papers.again import described, found_record, log_id, made_again, may_see, present, sha
from dashboards.papers.files import FORMATS, MEDIA, chosen, render, renderers
from domain.events import encode_event, make_event
from sinks.queries import at_positions

SOURCE = "/gs766/papers"
SETTLED_S = 0.2
"""How long a place in the log is looked at again before a paper is made from it."""
router = APIRouter(
    prefix="/v1/reports",
    tags=["papers"],
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable", "conflict"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Actor = Annotated[Principal, Depends(require("act", "admin"))]
Parts = Annotated[Services, Depends(services_of)]
Kind = Annotated[
    str, Path(max_length=40, description="ii06a, league, targets, publication, brief; or an issued paper's id.")
]
Text = Annotated[str | None, Query(max_length=128)]
_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in MEDIA.values()}}}


def mount_papers(app: FastAPI) -> None:
    """Adds the routes to an app made by `api.app.create_app`, before it starts and before the board."""
    app.include_router(letter_routes.router)
    app.include_router(due_calendar.router)
    app.include_router(evidence.router)
    app.include_router(router)


def asked(
    kind: Kind,
    services: Parts,
    unit: Annotated[str | None, Query(max_length=128, description="A unit; its subtree counts.")] = None,
    period: Annotated[
        str | None, Query(max_length=40, description="As scorecards; default: the last month.")
    ] = None,
    as_of: Annotated[
        str | None, Query(max_length=40, description="Exclusive instant. Default: the clock.")
    ] = None,
    set_name: Annotated[str | None, Query(alias="set", max_length=128)] = None,
    by: Annotated[
        str | None, Query(max_length=40, description="ii06a: unit or field; league: portal, rebased.")
    ] = None,
    stopped: Annotated[str | None, Query(max_length=10, description="ii06a: stopped is an end, or open.")] = None,
    first_day: Annotated[str | None, Query(max_length=2, description="ii06a: the period's first day; 15.")] = None,
    form: Annotated[str | None, Query(max_length=10, description="ii06a: wide adds the wider local form.")] = None,
    children: Annotated[str | None, Query(max_length=3, description="targets: yes adds the units below.")] = None,
    sizes_department: Text = None,
    sizes_commune: Text = None,
    sizes_other: Text = None,
) -> Asked:
    """A dependency: the question of a paper."""
    given = {
        "by": by,
        "stopped": stopped,
        "first_day": first_day,
        "form": form,
        "children": children,
        "sizes_department": sizes_department,
        "sizes_commune": sizes_commune,
        "sizes_other": sizes_other,
    }
    return Asked(
        kind=kind,
        unit=unit or "",
        period=period or "",
        as_of=instant(as_of, services.zone, "as_of"),
        options={name: value for name, value in given.items() if value is not None},
        set_name=set_name or services.config.default_set,
    )


Question = Annotated[Asked, Depends(asked)]
KnownAt = Annotated[str | None, Query(max_length=40, description="As the system knew it then. Default: now.")]
Format = Annotated[str | None, Query(alias="format", max_length=10, description="xlsx, html, pdf or json.")]


@router.get("", summary="Issued papers")
def get_issued(
    request: Request, who: Reader, services: Parts, kind: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """The papers that were issued for units that the caller may see, the latest first."""
    del request
    with services.context(services, who) as ctx:
        ctx = present(ctx, services)
        listed = [described(ctx, r) for r in issuing.records(ctx, kind) if may_see(ctx, r.unit)]
    return json({"reports": listed[::-1]})


@router.get("/{kind}", summary="A paper, or an issued one made again", responses=_FILES)
def get_paper(
    request: Request,
    who: Reader,
    services: Parts,
    question: Question,
    known_at: KnownAt = None,
    file_format: Format = None,
) -> Response:
    """A preview of a paper as of now or another instant. Under an issued paper's id: the same file again, from
    the recorded positions; 409 with the reasons where its bytes would be others; `format=record` tells the record
    and, for each file, whether it comes out equal."""
    if question.kind not in FORMATS:
        return _issued_again(request, who, services, question.kind, file_format)
    form = chosen(question.kind, file_format)
    paper = _made(services, who, question, known_at, issued=False)
    services.acts.record("exported", f"report:{question.kind}", who, services.wall(), unit=paper.heading.unit)
    return _file(paper, form, render(paper, form))


@router.post("/{kind}/issue", summary="Issue a paper", responses=_FILES)
def issue_paper(
    who: Actor, services: Parts, question: Question, known_at: KnownAt = None, file_format: Format = None
) -> Response:
    """Makes the paper's files, records the issue in the event log, and answers with the file asked for; the header
    `X-GS766-Report` names its id."""
    if question.kind not in FORMATS:
        raise NotFound(f"there is no paper '{question.kind}'; there are: {', '.join(FORMATS)}")
    form = chosen(question.kind, file_format)
    paper = _made(services, who, question, known_at, issued=True)
    files = {name: render(paper, name) for name in FORMATS[question.kind]}
    hashes = {name: sha(content) for name, content in files.items()}
    with services.context(services, who) as ctx:
        versions = {**paper.heading.versions, **renderers(), "log": log_id(ctx)}
    now = services.wall()
    report = issuing.paper_id(paper)
    data = {
        "report": question.kind,
        "unit": paper.heading.unit,
        "period": paper.heading.period,
        "as_of": paper.heading.as_of,
        "known_at": paper.heading.known_at,
        "options": paper.heading.options,
        "versions": versions,
        "positions": paper.heading.positions,
        "content_hash": hashes[FORMATS[question.kind][0]],
        "hashes": hashes,
        "actor": who.key_id,
    }
    event = make_event("report.issued", report, now, data, source=SOURCE, id=f"{report}:{now}", recorded_at=now)
    services.log.submit([(report, encode_event(event))], key_id=who.key_id).result(timeout=30)
    content = files.get(form) or render(paper, form)
    return _file(paper, form, content, issued=True)


def _made(services: Services, who: Principal, question: Asked, known_at: str | None, *, issued: bool) -> Paper:
    """The paper at the positions that the rows have reached, or that were known at an instant."""
    with services.context(services, who) as ctx:
        place = _place(ctx, services)
        asked_at = instant(known_at, services.zone, "known_at")
        if asked_at is not None:
            place = place_then(ctx, asked_at, place)
        return issuing.make(ctx, place, question, issued=issued)


def _place(ctx: FigureContext, services: Services) -> Place:
    """The latest place that all partitions have reached. A record that an earlier poll had passed by shows up
    within a moment: the place holds when it is found twice."""
    for _ in range(20):
        vector = services.moments.current().vector
        place = place_now(ctx, dict(enumerate(vector.events)), vector.acts)
        time.sleep(SETTLED_S)
        if at_positions.at_instant(ctx.everything, place.known_at) == place.positions:
            return place
    raise Problem("unavailable", "records keep arriving with earlier stamps: look at the clocks, then ask again")


def _issued_again(
    request: Request, who: Principal, services: Services, report: str, file_format: str | None
) -> Response:
    extra = set(request.query_params) - {"format"}
    if extra:
        raise Problem("unknown-parameter", f"an issued paper takes 'format' only, not '{min(extra)[:40]}'")
    with services.context(services, who) as ctx:
        ctx, record = found_record(ctx, services, report)
        form = file_format or FORMATS[record.kind][0]
        if form not in (*FORMATS[record.kind], "json", "record"):
            raise Problem(
                "invalid-input", f"{record.kind} comes as {', '.join(FORMATS[record.kind])}, json or record"
            )
        again = made_again(ctx, record)
        told = described(ctx, record)
    services.acts.record("exported", f"report:{record.id}", who, services.wall(), unit=record.unit)
    if form == "record":
        same = {name: equal for name, (_, equal) in again.files().items()}
        return json({**told, "reproduced": same, "reasons": [] if all(same.values()) else again.reasons()})
    content = again.file(form)
    if form != "json" and sha(content) != record.hashes.get(form):
        raise Problem(
            "conflict",
            f"{record.id} does not come out as it was issued: {'; '.join(again.reasons())}",
            reasons=again.reasons(),
            issued_hash=record.hashes.get(form),
            hash=sha(content),
        )
    return _file(again.paper, form, content, issued=True)


def _file(paper: Paper, form: str, content: bytes, *, issued: bool = False) -> Response:
    head = paper.heading
    name = f"{head.kind}-{head.unit}-{head.period}-{head.code}.{form}"
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in name)
    headers = {
        "Content-Disposition": f'{"inline" if form in ("html", "json") else "attachment"}; filename="{safe}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, X-GS766-Key",
        "X-Content-Type-Options": "nosniff",
        "X-GS766-Code": head.code,
        "X-GS766-Content-SHA256": sha(content),
    }
    if issued:
        headers["X-GS766-Report"] = issuing.paper_id(paper)
    return Response(content, 200, headers, MEDIA[form])
