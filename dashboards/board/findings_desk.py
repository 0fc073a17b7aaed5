"""The routes of the page of findings: seen by who may read dossiers, closed by who may act."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api import audit
from api.access import Principal, check_scopes
from api.problems import Problem
from api.routes.patterns import Closing, closed
from dashboards.board import findings_page
from dashboards.board.audit_desk import said_of
from dashboards.board.desk import Desk, sent_form
from dashboards.board.findings_page import CLOSE_PATH, PATH
from dashboards.board.gate import FORM_PATH, Gate
from dashboards.board.words import Lang
from domain.errors import Gs766Error, InvalidInput

_MOST_BODY = 20_000
Fields = Mapping[str, str]


class Findings(Protocol):
    """Answers the page for a viewer. Gs766Error or Problem where there is no answer."""

    def units(self, viewer: Principal) -> list[str]:
        """The units that may be asked about."""

    def findings(self, viewer: Principal, unit: str, period: str, kind: str) -> dict[str, Any]:
        """The answer of `audit findings`; looking is a recorded act."""

    def close(self, viewer: Principal, fields: Fields) -> None:
        """Closes one with a reason."""


class ApiFindings(Desk):
    """Over the services of a running API."""

    def findings(self, viewer: Principal, unit: str, period: str, kind: str) -> dict[str, Any]:
        """As `Findings.findings`."""
        services = self._services
        with services.context(services, viewer) as ctx:
            found = audit.findings(ctx, unit, period, kind=kind or None)
        asked = {"period": period[:200], "on": "board"} | ({"kind": kind} if kind else {})
        services.acts.record("list_read", "audit/findings", viewer, services.wall(), unit=unit, evidence=asked)
        return found

    def close(self, viewer: Principal, fields: Fields) -> None:
        """As `Findings.close`."""
        about = {name: fields.get(key) or None for name, key in (("dossier_code", "dossier"), ("unit", "about"))}
        told = Closing(
            kind=fields["finding_kind"],
            reason=fields["reason"],
            period=fields["period"],
            note=fields.get("note") or None,
            **about,
        )
        closed(self._services, viewer, fields["finding"], told)


def install(app: FastAPI, gate: Gate, source: Findings, style: str) -> None:
    """Adds the page and what its forms do."""

    def reader(request: Request) -> Principal | None:
        viewer = gate.viewer(request)
        return viewer if viewer is not None and "read" in viewer.scopes else None

    @app.get(PATH, include_in_schema=False)
    def show(request: Request) -> Response:
        viewer, fields = reader(request), dict(request.query_params)
        if viewer is None:
            return RedirectResponse(f"{FORM_PATH}?back={PATH}")
        return _page(source, viewer, fields, style)

    @app.post(CLOSE_PATH, include_in_schema=False)
    async def close(request: Request) -> Response:
        viewer, fields = reader(request), await sent_form(request, _MOST_BODY)
        if viewer is None:
            return RedirectResponse(f"{FORM_PATH}?back={PATH}", 303)
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return Response("only from the page itself", 403)
        try:
            check_scopes(viewer, ("act",))
            await asyncio.to_thread(source.close, viewer, fields)
        except (Gs766Error, Problem, KeyError) as error:
            return await asyncio.to_thread(_page, source, viewer, fields, style, said_of(error))
        kept = {name: fields.get(name, "") for name in ("unit", "period", "kind", "lang")}
        return RedirectResponse(f"{PATH}?{urlencode({**kept, 'done': '1'})}", 303)


def _page(source: Findings, viewer: Principal, fields: Fields, style: str, wrong: str = "") -> Response:
    lang: Lang = "en" if fields.get("lang") == "en" else "vi"
    body, status = findings_page.refused(wrong) if wrong else "", 422 if wrong else 200
    listed: list[str] = []
    try:
        with suppress(Gs766Error):  # Without the store the page still says what can be asked.
            listed = source.units(viewer)
        if fields.get("unit"):
            if not fields.get("period"):
                raise InvalidInput("a unit's findings are asked for a period: 2026-08, 2026-Q3, ytd")
            answer = source.findings(viewer, fields["unit"], fields["period"], fields.get("kind", ""))
            body += findings_page.shown(answer, fields, lang, "act" in viewer.scopes)
    except (Gs766Error, Problem) as error:
        body, status = body + findings_page.refused(said_of(error)), 422
    done = fields.get("done") == "1" and not wrong
    text = findings_page.page(lang, style, fields, listed, body, done)
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})
