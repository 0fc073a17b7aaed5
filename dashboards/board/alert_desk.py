"""The board's alerts from the API's own services: what `GET /v1/alerts` answers, and the same acts."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import FastAPI

from api.access import Principal
from api.alerts import delivery_settings
from api.alerts.acting import VERBS, Said, do_act, private_store
from api.alerts.proofs import record_opened
from api.alerts.sent import sent_store
from api.alerts.service import list_alerts, show_alert
from api.alerts.vacancies import vacancy_store
from api.config import ApiConfig
from api.problems import NotFound
from api.services import Services
from dashboards.board.alert_model import (
    ALERTS_PATH,
    ActRow,
    AlertList,
    AlertPage,
    AlertRow,
    Answer,
    Filter,
    Ticket,
    VacantPost,
)
from domain.errors import InvalidInput, Unavailable
from domain.instants import Millis, parse_rfc3339, zone

PAGE = 100


class ApiAlerts:
    """`AlertSource` over a running API; safe in threads."""

    def __init__(self, app: FastAPI, config: ApiConfig) -> None:
        self._app, self._config = app, config
        self.zone = zone(config.zone)

    @property
    def _services(self) -> Services:
        found: Services | None = getattr(self._app.state, "services", None)
        if found is None:
            raise Unavailable("the API is starting")
        return found

    def alerts(self, viewer: Principal, asked: Filter) -> AlertList:
        """As `AlertSource.alerts`."""
        services = self._services
        with services.context(services, viewer) as ctx:
            found = list_alerts(
                ctx,
                state=asked.state,
                kinds=[asked.kind] if asked.kind else [],
                unit=asked.unit or None,
                level=asked.level or None,
                disputed=asked.disputed,
                cursor=asked.cursor or None,
                limit=PAGE,
            )
            names = {code: unit.name for code, unit in ctx.tree.units.items()}
            rows = tuple(_row(item, names) for item in found["alerts"])
            seen = ctx.units_of(asked.unit or None)
            vacant = tuple(
                VacantPost(
                    one.what.post,
                    one.what.unit,
                    names.get(one.what.unit, one.what.unit),
                    one.what.why == "no_channel",
                    one.what.instead,
                    one.what.alerts,
                    one.since,
                )
                for one in vacancy_store(self._config.private).listed()
                if seen is None or one.what.unit in seen
            )
            return AlertList(ctx.now_ms, rows, sum(found["totals"].values()), found["next"] or "", vacant)

    def listed(self, viewer: Principal, asked: Filter) -> None:
        """As `AlertSource.listed`: the same act as that of the API's own list."""
        services = self._services
        given = {
            name: str(value) for name, value in asdict(asked).items() if value and name not in ("unit", "cursor")
        }
        services.acts.record(
            "list_read", "alerts", viewer, services.wall(), unit=asked.unit or None, evidence=given
        )

    def alert(self, viewer: Principal, alert: str) -> AlertPage | None:
        """As `AlertSource.alert`."""
        services = self._services
        with services.context(services, viewer) as ctx:
            try:
                found = show_alert(ctx, private_store(self._config.private), alert)
            except NotFound:
                return None
            names = {code: unit.name for code, unit in ctx.tree.units.items()}
            tickets = tuple(
                Ticket(t["ticket"], _must(t["at"]), t["by"], t["outcome"] or "") for t in found["dispute_tickets"]
            )
            acts = tuple(_act(act) for act in found["acts"])
            return AlertPage(ctx.now_ms, _row(found, names), acts, tickets, found["evidence"])

    def act(self, viewer: Principal, alert: str, verb: str, said: Mapping[str, str]) -> Answer:
        """As `AlertSource.act`."""
        if verb not in VERBS:
            raise InvalidInput(f"'{verb[:20]}' is nothing that can be done about an alert")
        words = {name: text for name, text in said.items() if text.strip()}
        answer = do_act(self._services, viewer, alert, verb, msgspec.convert(words, Said))
        told = answer.get("received") if verb == "dispute" else None
        return Answer(told["vi"] if told else "")

    def opened(self, viewer: Principal, token: str) -> str | None:
        """As `AlertSource.opened`. A link carries no right: who does not see the unit has not opened it."""
        services, store = self._services, sent_store(self._config.private)
        days = delivery_settings.load(self._config.delivery).links.days
        sent = store.opened(token, services.wall(), days)
        if sent is None or not services.sees(viewer)(sent.unit):
            return None
        record_opened(services, store, sent, viewer)
        asked = {"unit": sent.unit} | ({"kind": sent.kinds[0]} if len(sent.kinds) == 1 else {})
        return f"{ALERTS_PATH}?{urlencode(asked)}"


def _row(item: Mapping[str, Any], names: Mapping[str, str]) -> AlertRow:
    return AlertRow(
        id=item["id"],
        kind=item["kind"],
        level=item["level"],
        title=item["title"],
        title_en=item["title_en"],
        state=item["state"],
        subject=item["subject"],
        subject_kind=item["subject_kind"],
        unit=item["unit"],
        unit_name=names.get(item["unit"], item["unit"]),
        start=_must(item["from"]),
        until=_at(item["until"]),
        due=_at(item["due_at"]),
        taken=item["acknowledged_by"] is not None,
        promised=_at(item["promised_until"]),
        promise_broken=item["promise_broken"],
        open_disputes=sum(ticket["outcome"] is None for ticket in item["dispute_tickets"]),
        inhibited=item["inhibited_by"] is not None,
    )


def _act(act: Mapping[str, Any]) -> ActRow:
    return ActRow(
        act=act["act"],
        at=_must(act["at"]),
        known_at=_must(act["known_at"]),
        actor=act["actor"],
        channel=act["channel"],
        reason=act["reason"],
        note=act["note"] or "",
        until=_at(act["until"]),
        outcome=(act["evidence"] or {}).get("outcome", ""),
        place=f"{act['partition']}/{act['offset']}/{act['index']}",
    )


def _at(text: str | None) -> Millis | None:
    return None if text is None else parse_rfc3339(text)


def _must(text: str) -> Millis:
    return parse_rfc3339(text)
