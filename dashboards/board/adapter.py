"""The board's figures from the API's own query services: what `GET /v1/…` answers is what the screens show."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from api.access import Principal
from api.config import ApiConfig
from api.figures import dossier, dossier_events, live, overdue, scorecard
from api.figures.context import FigureContext
from api.figures.wall import open_counts
from api.problems import NotFound
from api.services import Services
from dashboards.board.model import (
    DossierPage,
    EventRow,
    Freshness,
    Group,
    Indicator,
    Live,
    Numbers,
    OverdueRow,
    Score,
    UnitPage,
    UnitRow,
    Verdict,
)
from domain.errors import Unavailable
from domain.indicator_sets import IndicatorSet
from domain.instants import Millis, day_date, parse_rfc3339, zone

STALE_MS = 15 * 60_000
"""Working time without anything new after which the whole system counts as silent (users.md A13)."""
LIST_LIMIT = 200
_ALL = Principal("board", frozenset({"read"}))


class ApiSource:
    """`BoardSource` over the services of a running API; safe in threads."""

    def __init__(self, app: FastAPI, config: ApiConfig) -> None:
        self._app = app
        self._config = config
        self.zone = zone(config.zone)
        self.root = config.root

    def place(self) -> object:
        """The API's one watcher looks at the store; this only reads what it saw last."""
        services: Services | None = getattr(self._app.state, "services", None)
        moment = None if services is None else services.hub.last
        return None if moment is None else moment.vector

    @contextmanager
    def _context(self) -> Iterator[tuple[Services, FigureContext]]:
        services: Services | None = getattr(self._app.state, "services", None)
        if services is None:
            raise Unavailable("the API is starting")
        with services.context(services, _ALL) as ctx:
            yield services, ctx

    def live(self) -> Live:
        """As `BoardSource.live`."""
        with self._context() as (services, ctx):
            found = live(ctx)
            card = scorecard(ctx, found["unit"], found["period"])
            return Live(
                at=ctx.now_ms,
                clock=self._config.clock,
                freshness=self._freshness(services, ctx),
                score=_score(card, _set_of(ctx, card)),
                numbers=Numbers(
                    due_today_open=found["due_today_open"],
                    due_today=None,
                    overdue=found["open_late"],
                    longest_days=None,
                    overdue_without_apology=found["late_without_apology"],
                ),
                units=tuple(
                    UnitRow(row["unit"], row["name"], row["open_late"], row["due_today_open"])
                    for row in found["units"]
                    if row["open_late"] or row["due_today_open"]
                ),
                demo=self._config.demo,
            )

    def _freshness(self, services: Services, ctx: FigureContext) -> Freshness:
        moment = services.moments.current()
        units = [u for u in ctx.tree.units.values() if u.parent is not None and u.closed_at is None]
        seen = sum(u.seen for u in units)
        if not moment.known_at:
            return Freshness(None, None, seen, len(units))
        if self._config.clock != "wall":
            return Freshness(ctx.now_ms, None, seen, len(units))
        known, now = moment.known_at, services.wall()
        silent = ctx.calendar(now).working_ms_between(known, now) if now > known else 0
        return Freshness(known, now - known if silent > STALE_MS else None, seen, len(units))

    def unit(self, code: str) -> UnitPage | None:
        """As `BoardSource.unit`."""
        with self._context() as (_, ctx):
            try:
                found = overdue(ctx, code, limit=LIST_LIMIT)
            except NotFound:
                return None
            counts = open_counts(ctx, ctx.reader(code))
            month = f"{day_date(ctx.zone.day(ctx.now_ms - 1)):%Y-%m}"
            card = scorecard(ctx, code, month)
            return UnitPage(
                code=code,
                name=ctx.tree.units[code].name,
                at=ctx.now_ms,
                score=_score(card, _set_of(ctx, card)),
                due_today=sum(row[3] for row in counts.values()),
                overdue=tuple(_overdue(row) for row in found["dossiers"]),
                total=found["matching"],
            )

    def dossier(self, code: str) -> DossierPage | None:
        """As `BoardSource.dossier`."""
        with self._context() as (_, ctx):
            found = dossier(ctx, code)
            return None if found is None else _dossier(ctx.now_ms, found, dossier_events(ctx, code))


def _set_of(ctx: FigureContext, card: Mapping[str, Any]) -> IndicatorSet | None:
    return next((s for s in reversed(ctx.known_sets) if s.name == card["set"]), None)


def _score(card: Mapping[str, Any], chosen: IndicatorSet | None) -> Score:
    indicators = tuple(_indicator(row, chosen) for row in card["indicators"])
    names_en = {g.code: g.name_en for g in chosen.groups} if chosen is not None else {}
    groups = tuple(
        Group(
            code=row["code"],
            name=row["name"],
            name_en=names_en.get(row["code"], row["name"]),
            points=row["points"],
            max=row["max"],
            not_arisen=sum(i.max for i in indicators if i.group == row["code"] and not i.applies),
        )
        for row in card["groups"]
    )
    return Score(
        unit=card["unit"],
        unit_name=card["name"],
        period=str(card["period"]),
        set=card["set"],
        generation=card["generation"],
        complete_to=" · ".join(f"{p}/{n}" for p, n in card["complete_to"].items()),
        total_portal=card["total_portal"],
        total_rebased=card["total_rebased"],
        band=card["band"],
        groups=groups,
        indicators=indicators,
    )


def _indicator(row: Mapping[str, Any], chosen: IndicatorSet | None) -> Indicator:
    known = None if chosen is None else chosen.indicator(row["code"])
    figures = ("numerator", "denominator", "rate", "points", "max", "applies")
    return Indicator(
        code=row["code"],
        group=row["group"],
        name=row["name"],
        name_en=row["name"] if known is None else known.name_en,
        **{name: row[name] for name in figures},
    )


def _at(text: str | None) -> Millis | None:
    return None if text is None else parse_rfc3339(text)


def _overdue(row: Mapping[str, Any]) -> OverdueRow:
    late = row["late_by_seconds"]
    return OverdueRow(
        code=row["dossier_code"],
        procedure=row["procedure"],
        accepted_at=_at(row["accepted_at"]),
        due_at=_at(row["due_at"]),
        due_at_original=_at(row["due_at_original"]),
        late_by_working_days=row["late_by_working_days"],
        late_by_ms=None if late is None else round(late * 1000),
        apology=row["apology"],
    )


def _verdict(row: Mapping[str, Any]) -> Verdict:
    return Verdict(
        rule=row["rule"],
        state=row["state"],
        late=bool(row["late"]),
        reason=row["reason"] or "not_accepted",
        vi=row["vi"],
        en=row["en"],
        due_at=_at(row.get("due_at")),
        end_at=_at(row.get("end_at")),
        credit_ms=round(row.get("credit_seconds", 0) * 1000),
        supplements=row.get("supplements", 0),
    )


def _dossier(at: Millis, found: Mapping[str, Any], events: list[dict[str, Any]]) -> DossierPage:
    times = ("accepted_at", "due_at", "due_at_original", "finished_at", "returned_at", "apology_at")
    return DossierPage(
        code=found["dossier_code"],
        at=at,
        unit=found["unit"] or "",
        unit_name=found["unit_name"] or "",
        procedure=found["procedure"] or "",
        status=found["status"] or "",
        channel=found["channel"] or "",
        **{name: _at(found[name]) for name in times},
        verdicts=tuple(_verdict(row) for row in found["verdicts"]),
        events=tuple(_event(row) for row in events),
        findings=tuple(dict.fromkeys(f["kind"] for f in found["findings"])),
    )


def _event(row: Mapping[str, Any]) -> EventRow:
    known = _at(row["known_at"])
    assert known is not None
    return EventRow(
        type=row["type"],
        occurred_at=_at(row["occurred_at"]),
        recorded_at=_at(row["recorded_at"]),
        known_at=known,
        source=row["source"],
        partition=row["partition"],
        offset=row["offset"],
        index=row["index"],
        id=row["id"],
    )
