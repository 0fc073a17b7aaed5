"""Read routes over figures: scorecards, indicators, dossiers, lists, findings, reference data.

Thin on purpose: parameters in, `api.figures` asked, its answer out.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.access import Principal, require
from api.answers import figure
from api.params import instant, strict_query
from api.problems import responses
from api.services import Services, services_of

router = APIRouter(
    prefix="/v1",
    dependencies=[Depends(strict_query)],
    responses=responses("no-key", "forbidden", "not-found", "invalid-input", "unavailable"),
)
Reader = Annotated[Principal, Depends(require("read"))]
Board = Annotated[Principal, Depends(require("read", "display"))]
Parts = Annotated[Services, Depends(services_of)]
Code = Annotated[str, Path(max_length=128, examples=["H44.100-260803-0012"])]
UnitPath = Annotated[str, Path(max_length=128, examples=["H44.100"], description="Code of a unit.")]
Unit = Annotated[str | None, Query(max_length=128, description="Code of a unit; its subtree counts.")]
UnitWanted = Annotated[str, Query(max_length=128, description="Code of a unit; its subtree counts.")]
Procedure = Annotated[str | None, Query(max_length=128, description="Code of a procedure.")]
Period = Annotated[
    str, Query(max_length=40, description="2026-08, 2026-Q3, 2026, 2026-07-15..2026-08-14, today or ytd.")
]
AsOf = Annotated[
    str | None,
    Query(max_length=40, description="Exclusive instant; a date means the end of that day. Default: the clock."),
]
KnownAt = Annotated[str | None, Query(max_length=40, description="As the system knew it then. Default: now.")]
SetName = Annotated[str | None, Query(alias="set", max_length=128, description="Name of an indicator set.")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=5000)]
_OK: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match."}}


@router.get("/units", tags=["reference"], summary="Units", responses=_OK)
def get_units(request: Request, who: Board, services: Parts) -> Response:
    """The units that the caller may see, with names, kinds and parents valid now."""
    return figure(request, services, who, lambda ctx: services.figures.units(ctx))


@router.get("/procedures", tags=["reference"], summary="Procedures", responses=_OK)
def get_procedures(request: Request, who: Board, services: Parts) -> Response:
    """The procedures seen or described, with field, limit, fee and level valid now."""
    return figure(request, services, who, lambda ctx: services.figures.procedures(ctx))


@router.get("/indicator-sets", tags=["reference"], summary="Indicator sets", responses=_OK)
def get_indicator_sets(request: Request, who: Board, services: Parts) -> Response:
    """The sets by which the index can be computed, packaged and published, with their dates of validity."""
    return figure(request, services, who, lambda ctx: services.figures.indicator_sets(ctx))


@router.get("/scorecards/{unit}", tags=["figures"], summary="Scorecard of a unit", responses=_OK)
def get_scorecard(
    request: Request,
    who: Board,
    services: Parts,
    unit: UnitPath,
    period: Period,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
    children: Annotated[bool, Query(description="Also the units right below.")] = False,
) -> Response:
    """Both totals, the groups and the indicators: numerator, denominator, rate, points, maximum.

    Null where there is nothing: null is not zero.
    """
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.scorecard(ctx, unit, period, as_of_ms, known_ms, chosen, children),
    )


@router.get("/indicators/{code}", tags=["figures"], summary="One indicator, cut", responses=_OK)
def get_indicator(
    request: Request,
    who: Board,
    services: Parts,
    code: Code,
    unit: UnitWanted,
    period: Period,
    by: Annotated[
        Literal["unit", "procedure", "field", "channel", "day"] | None, Query(description="How to cut it.")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    set_name: SetName = None,
) -> Response:
    """A figure and its cuts."""
    as_of_ms, known_ms = instants(services, as_of, known_at)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.indicator(ctx, code, unit, period, by, as_of_ms, known_ms, chosen),
    )


@router.get("/indicators/{code}/dossiers", tags=["figures"], summary="A figure opened", responses=_OK)
def get_indicator_dossiers(
    request: Request,
    who: Reader,
    services: Parts,
    code: Code,
    unit: UnitWanted,
    period: Period,
    part: Annotated[Literal["numerator", "denominator", "missing"], Query()] = "missing",
    as_of: AsOf = None,
    set_name: SetName = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """The dossiers behind a numerator, a denominator, or the part that is missing."""
    as_of_ms, _ = instants(services, as_of, None)
    chosen = set_name or services.config.default_set
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.indicator_dossiers(
            ctx, code, unit, period, part, as_of_ms, cursor, limit, chosen
        ),
    )


@router.get("/dossiers/{code}", tags=["dossiers"], summary="One dossier", responses=_OK)
def get_dossier(
    request: Request, who: Reader, services: Parts, code: Code, as_of: AsOf = None, known_at: KnownAt = None
) -> Response:
    """Its state, and the verdict by every rule and why. Reading it is a recorded act."""
    as_of_ms, known_ms = instants(services, as_of, known_at)
    answer = figure(
        request, services, who, lambda ctx: services.figures.dossier(ctx, code, as_of_ms, known_ms), cached=False
    )
    services.acts.record("dossier_read", code, who, services.wall())
    return answer


@router.get("/dossiers/{code}/events", tags=["dossiers"], summary="Events of a dossier", responses=_OK)
def get_dossier_events(request: Request, who: Reader, services: Parts, code: Code) -> Response:
    """Its events with their three times and their coordinates in the log. Reading them is a recorded act."""
    answer = figure(
        request, services, who, lambda ctx: services.figures.dossier_events(ctx, code) or None, cached=False
    )
    services.acts.record("dossier_read", code, who, services.wall())
    return answer


@router.get("/overdue", tags=["lists"], summary="Overdue dossiers", responses=_OK)
def get_overdue(
    request: Request,
    who: Reader,
    services: Parts,
    unit: Unit = None,
    procedure: Procedure = None,
    min_days: Annotated[int | None, Query(ge=0, le=100_000, description="Late by at least so many days.")] = None,
    as_of: AsOf = None,
    rule: Annotated[
        Literal["timestamp", "date"], Query(description="timestamp: QĐ 766; date: form II.06a.")
    ] = "timestamp",
    state: Annotated[
        Literal["finished_on_time", "finished_late", "open_late", "open_not_due", "undated"],
        Query(description="Which of the five totals to list."),
    ] = "open_late",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Open and late dossiers, with totals of every dossier accepted up to `as_of`, and age buckets."""
    as_of_ms, _ = instants(services, as_of, None)
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.overdue(ctx, unit, procedure, min_days, as_of_ms, rule, state, cursor, limit),
    )


@router.get("/due", tags=["lists"], summary="Dossiers that fall due", responses=_OK)
def get_due(
    request: Request,
    who: Reader,
    services: Parts,
    unit: Unit = None,
    procedure: Procedure = None,
    within: Annotated[str, Query(max_length=20, description="3wd, 8wh or 5d: working days, hours, days.")] = "3wd",
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Open dossiers whose due instant comes within a span."""
    as_of_ms, _ = instants(services, as_of, None)
    return figure(
        request,
        services,
        who,
        lambda ctx: services.figures.due(ctx, unit, procedure, within, as_of_ms, cursor, limit),
    )


@router.get("/forecast", tags=["lists"], summary="What falls due in the coming days, and each open dossier's risk")
def get_forecast(
    request: Request,
    who: Reader,
    services: Parts,
    unit: Unit = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """An estimate: due dates beside the usual daily output; of each open dossier how many similar ones that had
    been as long at the same step, in working time, needed no more than it has left. Where fewer than 30 tell it,
    by the procedure, then by the field (`basis`), else null; `asked` says what each basis told."""
    return figure(
        request, services, who, lambda ctx: services.figures.forecast(ctx, unit, cursor, limit), cached=False
    )


@router.get("/apologies", tags=["lists"], summary="Who owes an apology", responses=_OK)
def get_apologies(
    request: Request,
    who: Reader,
    services: Parts,
    unit: Unit = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """By unit: dossiers whose last day for Mẫu 04 this is, and late ones without it, open or ended."""
    as_of_ms, _ = instants(services, as_of, None)
    return figure(
        request, services, who, lambda ctx: services.figures.apologies(ctx, unit, as_of_ms, cursor, limit)
    )


@router.get("/findings", tags=["lists"], summary="Things to look into", responses=_OK)
def get_findings(
    request: Request,
    who: Reader,
    services: Parts,
    unit: Unit = None,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Contradictions and patterns in the data; never a verdict on a person."""
    return figure(request, services, who, lambda ctx: services.figures.findings(ctx, unit, kind, cursor, limit))


@router.get("/live", tags=["figures"], summary="Numbers for the wall", responses=_OK)
def get_live(request: Request, who: Board, services: Parts) -> Response:
    """What the board shows of this moment."""
    return figure(request, services, who, lambda ctx: services.figures.live(ctx))


def instants(services: Services, as_of: str | None, known_at: str | None) -> tuple[int | None, int | None]:
    return instant(as_of, services.zone, "as_of"), instant(known_at, services.zone, "known_at")
