"""The routes of the audit page: who looks is judged by the board's gate, answers come from the API's functions."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api import bundles, seals
from api.access import Principal
from api.audit.asking import Asked, ask_word
from api.params import instant
from api.problems import NotFound, Problem
from api.services import Services
from dashboards.board import audit_page
from dashboards.board.audit_page import BUNDLE_PATH, CHECK_PATH, PATH
from dashboards.board.audit_words import BY_WORD
from dashboards.board.desk import Desk
from dashboards.board.gate import FORM_PATH, Gate
from dashboards.board.words import Lang
from dashboards.papers import evidence
from domain.errors import Gs766Error, InvalidInput
from sinks.sealing.offline import verify_bundle

SAMPLE = 3
"""Records of every day that the button draws; the command looks at all."""
Fields = Mapping[str, str]


class Auditor(Protocol):
    """Answers the page's questions for a viewer. Gs766Error or Problem where there is no answer."""

    def units(self, viewer: Principal) -> list[str]:
        """The units that may be asked about."""

    def ask(self, viewer: Principal, fields: Fields) -> dict[str, Any]:
        """An answer in the shape of `api.audit.answers`."""

    def bundle(self, viewer: Principal, fields: Fields) -> bytes:
        """The answer's evidence bundle."""


class ApiAuditor(Desk):
    """Over the services of a running API; asking and taking away are recorded acts."""

    def ask(self, viewer: Principal, fields: Fields) -> dict[str, Any]:
        """As `Auditor.ask`."""
        services, word = self._services, fields["cau"]
        if word == "verify":
            return seals.verified(services, viewer, SAMPLE)
        with services.context(services, viewer) as ctx:
            found: dict[str, Any] | None
            if word == "figure":
                found = evidence.ask_figure(ctx, services, fields["report"])
            elif word == "as-shown":
                at = instant(fields["at"], services.zone, "at")
                if at is None:
                    raise InvalidInput("this question needs an instant")
                names = ("report", "dossier", "unit", "period", "state")
                what = evidence.Shown(**{n: fields[n] for n in names if fields.get(n)})
                found = evidence.ask_shown(ctx, services, at, what)
            else:
                found = ask_word(ctx, word, _asked(fields, services))
        if found is None:
            raise NotFound("")
        if word == "who-knew":
            services.acts.record("dossier_read", fields["code"], viewer, services.wall())
        else:
            named = {n: v[:200] for n, v in fields.items() if v and n not in ("cau", "lang", "unit")}
            unit = fields.get("unit")
            services.acts.record("list_read", f"audit/{word}", viewer, services.wall(), unit=unit, evidence=named)
        return found

    def bundle(self, viewer: Principal, fields: Fields) -> bytes:
        """As `Auditor.bundle`."""
        services, word = self._services, fields["cau"]
        if word == audit_page.TAKE:
            data, about = self._taken(viewer, fields)
        elif fields.get("dossier") and word == "as-shown":
            data, about = bundles.dossier_bundle(services, viewer, fields["dossier"]), fields["dossier"]
        else:
            with services.context(services, viewer) as ctx:
                if fields.get("report"):
                    data = evidence.report_bundle(ctx, services, fields["report"])
                    about = f"report:{fields['report']}"
                else:
                    found = ask_word(ctx, word, _asked(fields, services))
                    if found is None:
                        raise NotFound("")
                    data, about = bundles.answer_bundle(services, ctx.everything, word, found), f"audit:{word}"
        services.acts.record("exported", about, viewer, services.wall())
        return data

    def _taken(self, viewer: Principal, fields: Fields) -> tuple[bytes, str]:
        """The bundle of an alert's chain or of a figure, and what it is called among the acts."""
        services = self._services
        if fields.get("alert"):
            return bundles.alert_bundle(services, viewer, fields["alert"]), f"alert:{fields['alert']}"
        code, chosen = fields["indicator"], services.config.default_set
        data = bundles.figure_bundle(services, viewer, code, fields["unit"], fields["period"], None, None, chosen)
        return data, f"figure:{code}"


def _asked(fields: Fields, services: Services) -> Asked:
    return Asked(
        unit=fields.get("unit") or None,
        period=fields.get("period") or None,
        code=fields.get("code") or None,
        until=instant(fields.get("until"), services.zone, "until"),
        set_name=services.config.default_set,
        chain=seals.chain(services),
    )


def install(app: FastAPI, gate: Gate, auditor: Auditor, style: str) -> None:
    """Adds the page, its bundles and the offline checking page."""

    def reader(request: Request) -> Principal | None:
        viewer = gate.viewer(request)
        return viewer if viewer is not None and "read" in viewer.scopes else None

    @app.get(PATH, include_in_schema=False)
    def show(request: Request) -> Response:
        viewer, fields = reader(request), dict(request.query_params)
        if viewer is None:
            return RedirectResponse(f"{FORM_PATH}?back={PATH}")
        lang: Lang = "en" if fields.get("lang") == "en" else "vi"
        answer, status = "", 200
        if fields.get("cau") in BY_WORD:
            try:
                answer = audit_page.answered(auditor.ask(viewer, fields), fields, lang)
            except (Gs766Error, Problem, KeyError) as error:
                answer, status = audit_page.refused(said_of(error), lang), 422
        listed: list[str] = []
        with suppress(Gs766Error):  # Without the store the page still says what can be asked.
            listed = auditor.units(viewer)
        page = audit_page.page(lang, style, fields, answer, listed)
        return HTMLResponse(page, status, {"Cache-Control": "no-store"})

    @app.get(BUNDLE_PATH, include_in_schema=False)
    def take(request: Request) -> Response:
        viewer, fields = reader(request), dict(request.query_params)
        if viewer is None:
            return RedirectResponse(f"{FORM_PATH}?back={PATH}")
        if not audit_page.takes_bundle(fields):
            return Response("no such bundle", 404)
        try:
            data = auditor.bundle(viewer, fields)
        except (Gs766Error, Problem, KeyError) as error:
            page = audit_page.page("vi", style, fields, audit_page.refused(said_of(error), "vi"))
            return HTMLResponse(page, 422, {"Cache-Control": "no-store"})
        headers = {"Content-Disposition": 'attachment; filename="goi-chung-cu.zip"', "Cache-Control": "no-store"}
        return Response(data, 200, headers, "application/zip")

    @app.get(CHECK_PATH, include_in_schema=False)
    def check() -> Response:
        page = Path(verify_bundle.__file__).with_suffix(".html")
        return HTMLResponse(page.read_text(encoding="utf-8"))


def said_of(error: Exception) -> str:
    """What to show of an error."""
    if isinstance(error, KeyError):
        return f"this question needs {error.args[0]}"
    detail = getattr(error, "detail", None)
    return str(detail if detail else error)
