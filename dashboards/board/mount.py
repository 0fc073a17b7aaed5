"""Puts the board's pages into the API's app: `/`, `/wall`, `/don-vi/{code}`, `/ho-so/{code}`, `/canh-bao`,
`/nap-tep`, the links of messages and the key form."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from nicegui import app as nicegui_app
from nicegui import background_tasks, ui
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Principal
from api.config import ApiConfig
from dashboards.board import alert_words, audit_desk, audit_page, findings_desk, findings_page, pages, views
from dashboards.board.alert_model import ALERTS_PATH, AlertSource
from dashboards.board.alert_pages import AlertPages
from dashboards.board.audit_desk import ApiAuditor, Auditor
from dashboards.board.audit_words import said as audit_said
from dashboards.board.findings_desk import ApiFindings, Findings
from dashboards.board.frame import Nav, frame, furnish, html_box, lang_of, not_found, style, to_form
from dashboards.board.gate import FORM_PATH, ApiGate, Gate, install_form
from dashboards.board.html import unit_path
from dashboards.board.model import BoardSource, DossierPage, UnitPage
from dashboards.board.sheet_words import said
from dashboards.board.sheets import Desk, SheetPage, refusal
from dashboards.board.watch import Snapshot, Watcher
from dashboards.board.words import Lang, word
from domain.errors import Gs766Error

WAIT_S = 30.0
SHEETS_PATH = "/nap-tep"
FIRST_WAIT_S = 2.0
"""A page is sent after this even without figures; they follow by push."""
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
Fragments = dict[str, str]


def mount_board(app: FastAPI, config: ApiConfig, desk: Desk | None = None) -> None:
    """Adds the board to an app made by `api.app.create_app`, before it starts; once a process. Without a `desk`
    there is no page that brings files in."""
    from dashboards.board.adapter import ApiSource
    from dashboards.board.alert_desk import ApiAlerts

    found = ApiFindings(app)
    mount(app, ApiSource(app, config), ApiGate(app), desk, ApiAuditor(app), ApiAlerts(app, config), found)


def mount(
    app: FastAPI,
    source: BoardSource,
    gate: Gate,
    desk: Desk | None = None,
    auditor: Auditor | None = None,
    alerts: AlertSource | None = None,
    found: Findings | None = None,
) -> None:
    """Adds the board over any source and gate; once a process, because NiceGUI's own app is one."""
    nav: list[Nav] = []
    if alerts is not None:
        nav.append((ALERTS_PATH, lambda lang: alert_words.said("title", lang)))
    if desk is not None:
        nav.append((SHEETS_PATH, lambda lang: said("title", lang)))
    if found is not None:
        nav.append((findings_page.PATH, lambda lang: findings_page.said("title", lang)))
    nav.append((audit_page.PATH, lambda lang: audit_said("title", lang)))
    board = _Board(source, gate, desk, nav)
    install_form(app, gate)
    if auditor is not None:
        audit_desk.install(app, gate, auditor, style())
    if found is not None:
        findings_desk.install(app, gate, found, style())

    # The board is mounted at '/', behind every route: what the API does not know stays the API's answer.
    @app.api_route("/v1/{rest:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def unknown(rest: str) -> None:
        raise HTTPException(404, f"there is no /v1/{rest[:100]}")

    ui.page("/", title="Giám Sát 766", language="vi", response_timeout=WAIT_S)(board.overview)
    ui.page("/wall", title="Giám Sát 766", language="vi", response_timeout=WAIT_S)(board.wall)
    ui.page("/don-vi/{code}", title="Giám Sát 766", language="vi", response_timeout=WAIT_S)(board.unit)
    ui.page("/ho-so/{code}", title="Giám Sát 766", language="vi", response_timeout=WAIT_S)(board.dossier)
    if desk is not None:
        ui.page(SHEETS_PATH, title="Giám Sát 766", language="vi", response_timeout=WAIT_S)(board.sheets)
    if alerts is not None:
        pages_of_alerts = AlertPages(alerts, gate, lambda: board.watcher, nav)
        pages_of_alerts.install(
            app, lambda path: ui.page(path, title="Giám Sát 766", language="vi", response_timeout=WAIT_S)
        )
    nicegui_app.on_startup(board.start)
    nicegui_app.on_shutdown(board.stop)
    app.add_middleware(_Headers)
    ui.run_with(app, show_welcome_message=False, reconnect_timeout=30.0, favicon=_FAVICON)


_FAVICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
    "<rect width='32' height='32' rx='6' fill='#1c3a56'/>"
    "<path d='M7 22h4v3H7zm7-7h4v10h-4zm7-8h4v18h-4z' fill='#e9eef3'/></svg>"
)


class _Headers:
    """Tells browsers to ask no other address than this one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                kind = dict(headers).get(b"content-type", b"")
                if kind.startswith(b"text/html"):
                    headers += [(b"content-security-policy", _POLICY), (b"referrer-policy", b"same-origin")]
                    headers.append((b"x-content-type-options", b"nosniff"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" and not _is_api(scope) else send)


def _is_api(scope: Scope) -> bool:
    # The API's own documentation page decides for itself what it loads.
    return str(scope["path"]).startswith(("/v1/", "/docs", "/redoc", "/openapi"))


class _Board:
    """The pages; each belongs to one client and listens to the one watcher."""

    def __init__(self, source: BoardSource, gate: Gate, desk: Desk | None, nav: Sequence[Nav]) -> None:
        self._source = source
        self._gate = gate
        self._desk = desk
        self._nav = nav
        self._turn = asyncio.Lock()
        self._watcher: Watcher | None = None
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        """Begins to watch; the event loop runs."""
        self._watcher = Watcher(self._source)
        self._task = background_tasks.create(self._watcher.run(), name="board watcher")

    async def stop(self) -> None:
        """Ends the watch."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def watcher(self) -> Watcher:
        """The watcher of the running board."""
        assert self._watcher is not None
        return self._watcher

    # --- pages ---

    async def overview(self, request: Request, lang: str = "vi") -> Response | None:
        """`/`: everything at a glance."""
        return await self._live_page(request, lang_of(lang), wall=False)

    async def wall(self, request: Request, lang: str = "vi") -> Response | None:
        """`/wall`: for a panel read from five metres; a display key is enough."""
        return await self._live_page(request, lang_of(lang), wall=True)

    async def unit(self, request: Request, code: str, lang: str = "vi") -> Response | None:
        """`/don-vi/{code}`: a unit and its overdue dossiers, kept up to date. Reading it is a recorded act."""
        chosen = lang_of(lang)
        viewer = self._reader(request)
        if viewer is None:
            return to_form(request)
        # Before anything is awaited: afterwards the page's context is still this client's.
        furnish(chosen)
        found: UnitPage | None = None
        if await asyncio.to_thread(self._gate.sees, viewer, code):
            found = await self._detail("unit", code)
        with self._frame(request, chosen):
            if found is None:
                not_found(chosen)
                return None
            await asyncio.to_thread(self._gate.record_list, viewer, code)
            self._show(
                {name: f"panel {name}" for name in ("unit-head", "overdue-list")},
                lambda page: _unit_fragments(page, self._source, chosen),
                found,
                lambda: self._detail("unit", code),
            )
        return None

    async def dossier(self, request: Request, code: str, lang: str = "vi") -> Response | None:
        """`/ho-so/{code}`: a dossier, its verdicts and events. Reading it is a recorded act."""
        chosen = lang_of(lang)
        viewer = self._reader(request)
        if viewer is None:
            return to_form(request)
        furnish(chosen)
        found: DossierPage | None = await self._detail("dossier", code)
        if found is not None and not await asyncio.to_thread(self._gate.sees, viewer, found.unit):
            found = None
        with self._frame(request, chosen):
            if found is None:
                not_found(chosen)
                return None
            await asyncio.to_thread(self._gate.record_read, viewer, code)
            self._show(
                {name: f"panel {name}" for name in ("dossier-head", "verdicts", "timeline")},
                lambda page: _dossier_fragments(page, self._source, chosen),
                found,
                lambda: self._detail("dossier", code),
            )
        return None

    async def sheets(self, request: Request, lang: str = "vi") -> Response | None:
        """`/nap-tep`: brings an Excel export in; whoever may not is told what they need."""
        chosen, desk = lang_of(lang), self._desk
        viewer = self._gate.viewer(request)
        if viewer is None or desk is None:
            return to_form(request)
        furnish(chosen)
        refused = refusal(viewer, desk)
        with self._frame(request, chosen):
            if refused is not None:
                other = f"<a href='{FORM_PATH}?back={SHEETS_PATH}'><u>{said('enter_key', chosen)}</u></a>"
                html_box("panel").set_content(
                    f"<h1>{said('title', chosen)}</h1><p>{said(refused, chosen)} {other}</p>"
                )
                return None

            def allowed() -> bool:
                now = self._gate.viewer(request)
                return now is not None and refusal(now, desk) is None

            page = SheetPage(desk, viewer, allowed, self._turn, self._source.zone, chosen)
            page.build()
            ui.context.client.on_delete(page.close)
        return None

    # --- parts of pages ---

    def _frame(self, request: Request, lang: Lang, kind: str = "") -> Any:
        return frame(request, lang, kind, self._nav)

    async def _live_page(self, request: Request, lang: Lang, *, wall: bool) -> Response | None:
        viewer = self._gate.viewer(request)
        if viewer is None:
            return to_form(request)
        if viewer.units and not await asyncio.to_thread(self._gate.sees, viewer, self._source.root):
            return RedirectResponse(unit_path(viewer.units[0]))
        furnish(lang)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._refresh()), FIRST_WAIT_S)
        with self._frame(request, lang, "wall" if wall else ""):
            elements = _wall_layout() if wall else _overview_layout(lang)

        def show(snapshot: Snapshot) -> None:
            key = (lang, wall)
            if key not in snapshot.rendered:
                snapshot.rendered[key] = _live_fragments(snapshot, self._source, lang, wall)
            for name, content in snapshot.rendered[key].items():
                if elements[name].content != content:
                    elements[name].set_content(content)

        show(self.watcher.latest)
        self._follow(show)
        return None

    def _refresh(self) -> "asyncio.Task[Snapshot]":
        return asyncio.create_task(self.watcher.refresh())

    def _follow(self, listener: Callable[[Snapshot], None]) -> None:
        ui.context.client.on_delete(self.watcher.listen(listener))

    def _show(
        self,
        parts: dict[str, str],
        render: Callable[[Any], Fragments],
        found: Any,
        again: Callable[[], Any],
    ) -> None:
        """Elements of one detail page, rendered now and again after every change."""
        elements = {name: html_box(classes) for name, classes in parts.items()}

        def fill(page: Any) -> None:
            for name, content in render(page).items():
                if elements[name].content != content:
                    elements[name].set_content(content)

        async def renew() -> None:
            with suppress(Gs766Error):
                page = await again()
                if page is not None:
                    fill(page)

        fill(found)
        self._follow(lambda _: _in_background(renew()))

    async def _detail(self, kind: str, code: str) -> Any:
        read = self._source.unit if kind == "unit" else self._source.dossier
        return await self.watcher.detail(kind, code, read)

    def _reader(self, request: Request) -> Principal | None:
        """Who may see dossier codes: a display key may not."""
        viewer = self._gate.viewer(request)
        return viewer if viewer is not None and "read" in viewer.scopes else None


def _in_background(work: Any) -> None:
    background_tasks.create(work, name="board detail")


def _overview_layout(lang: Lang) -> dict[str, ui.html]:
    found = {"strip": html_box("strip")}
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        with ui.element("div").classes("head").style("display:flex;justify-content:space-between;width:100%"):
            html_box("", "h2").set_content(word("portal_score", lang))
            ui.button(word("close", lang), on_click=dialog.close).props("flat no-caps").classes("why-button")
        found["why"] = html_box().style("width:100%")
    with ui.element("div").classes("grid"):
        with ui.element("section").classes("panel score score-panel"):
            found["score"] = html_box()
            ui.button(word("why", lang), on_click=dialog.open).props("flat no-caps id=why").classes("why-button")
        found["groups"] = html_box("panel groups-panel", "section")
        found["numbers"] = html_box("panel numbers", "section")
        found["units"] = html_box("panel wide scrolling units-panel", "section")
        found["lost_points"] = html_box("panel lost-panel", "section")
    return found


def _wall_layout() -> dict[str, ui.html]:
    return {
        "strip": html_box("strip"),
        "score": html_box("panel score"),
        "groups": html_box("panel groups-panel"),
        "numbers": html_box("panel numbers"),
        "units": html_box("panel units-panel"),
        "lost_points": html_box("panel lost-panel"),
    }


def _live_fragments(snapshot: Snapshot, source: BoardSource, lang: Lang, wall: bool) -> Fragments:
    live = snapshot.live
    if live is None:
        text = views.failure(snapshot.failure, lang) if snapshot.failure else word("loading", lang)
        return {"strip": f"<div>{text}</div>"}
    shown = views.strip(live, source.zone, lang)
    if snapshot.failure is not None:
        shown = views.failure(snapshot.failure, lang) + views.old(live, source.zone, lang)
    found = {
        "strip": f"<div>{shown}</div>",
        "score": views.score(live.score, lang),
        "groups": views.groups(live.score, lang),
        "numbers": f"<div>{views.numbers(live, lang)}</div>",
        "units": views.units(live, lang, views.WALL_ROWS if wall else None),
        "lost_points": views.lost_points(live.score, lang),
    }
    return found if wall else {**found, "why": views.why(live.score, lang)}


def _unit_fragments(page: UnitPage, source: BoardSource, lang: Lang) -> Fragments:
    return {
        "unit-head": pages.unit_head(page, source.zone, lang),
        "overdue-list": pages.overdue_list(page, source.zone, lang),
    }


def _dossier_fragments(page: DossierPage, source: BoardSource, lang: Lang) -> Fragments:
    return {
        "dossier-head": pages.dossier_head(page, source.zone, lang),
        "verdicts": pages.verdicts(page, source.zone, lang),
        "timeline": pages.timeline(page, source.zone, lang),
    }
