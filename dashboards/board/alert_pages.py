"""`/canh-bao`: the list of alerts; `/canh-bao/{id}`: one of them with its chain, and what can be done about it;
`/v/{token}`: the links of messages. People see what their key sees, and act under its id."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from nicegui import background_tasks, ui

from api.access import LOOPBACK, Principal
from api.problems import KINDS as KINDS_OF_PROBLEMS
from api.problems import kind_of
from dashboards.board import alert_views as views
from dashboards.board.alert_model import ALERTS_PATH, LEVELS, STATES, AlertList, AlertPage, AlertSource, Filter
from dashboards.board.alert_words import lacking, outcomes, reasons, said
from dashboards.board.frame import Nav, frame, furnish, html_box, lang_of, not_found, to_form
from dashboards.board.gate import FORM_PATH, Gate
from dashboards.board.html import esc, link
from dashboards.board.watch import Watcher
from dashboards.board.words import Lang
from domain.alerts import KINDS
from domain.errors import Gs766Error
from domain.instants import Millis

LIST_SPACING_S, PAGE_SPACING_S = 5.0, 1.0


class AlertPages:
    """The pages; each belongs to one client and is read again when the board's watcher sees a change."""

    def __init__(
        self, source: AlertSource, gate: Gate, watcher: Callable[[], Watcher], nav: Sequence[Nav]
    ) -> None:
        self._source, self._gate, self._watcher, self._nav = source, gate, watcher, nav

    async def list_page(
        self,
        request: Request,
        unit: str = "",
        kind: str = "",
        level: str = "",
        state: str = "holding",
        disputed: str = "",
        cursor: str = "",
        lang: str = "vi",
    ) -> Response | None:
        """`/canh-bao`: by unit, kind, level, state."""
        chosen = lang_of(lang)
        viewer = self._reader(request)
        if viewer is None:
            return to_form(request)
        furnish(chosen)
        asked = Filter(
            unit.strip()[:128],
            kind if kind in KINDS else "",
            level if level in LEVELS else "",
            state if state in STATES else "holding",
            bool(disputed),
            cursor[:1000],
        )

        async def read() -> AlertList:
            listed: AlertList = await self._shared(
                f"{viewer.units} {asked}", lambda: self._source.alerts(viewer, asked)
            )
            return listed

        def content_of(one: AlertList) -> str:
            zone = self._source.zone
            return views.vacant_posts(one, zone, chosen) + views.alert_list(one, asked, zone, chosen)

        found, failure = await _tried(read)
        await _tried(lambda: asyncio.to_thread(self._source.listed, viewer, asked))
        with frame(request, chosen, "", self._nav):
            html_box("panel").set_content(views.filter_form(asked, chosen))
            box = html_box("panel alerts-panel")
            if found is None:
                box.set_content(f'<p class="red">{esc(failure)}</p>')
            else:
                box.set_content(content_of(found))

        async def renew() -> None:
            with suppress(Gs766Error):
                content = content_of(await read())
                if box.content != content:
                    box.set_content(content)

        self.follow(renew, LIST_SPACING_S)
        return None

    async def one_page(self, request: Request, alert: str, lang: str = "vi") -> Response | None:
        """`/canh-bao/{id}`: who knew when, and acting on it."""
        chosen = lang_of(lang)
        viewer = self._reader(request)
        if viewer is None:
            return to_form(request)
        furnish(chosen)

        async def read() -> AlertPage | None:
            one: AlertPage | None = await self._shared(
                f"{viewer.units} {alert}", lambda: self._source.alert(viewer, alert)
            )
            return one

        found, failure = await _tried(read)
        with frame(request, chosen, "", self._nav):
            if found is None:
                not_found(chosen)
                if failure:
                    html_box("panel").set_content(f'<p class="red">{esc(failure)}</p>')
                return None
            if found.row.subject_kind == "dossier":
                await asyncio.to_thread(self._gate.record_read, viewer, found.row.subject)
            _Chain(self, request, alert, read, chosen).build(found, viewer)
        return None

    def opened(self, request: Request, token: str, lang: str = "vi") -> Response:
        """`/v/{token}`: after login, becomes the act `opened` and leads to the list."""
        viewer = self._reader(request)
        if viewer is None or viewer.key_id == LOOPBACK:
            return to_form(request)
        if "prefetch" in f"{request.headers.get('sec-purpose', '')} {request.headers.get('purpose', '')}":
            return Response(status_code=204)  # nobody has looked
        path = self._source.opened(viewer, token[:60])
        if path is None:
            return HTMLResponse(dead_link(lang_of(lang)), 404, {"Cache-Control": "no-store"})
        return RedirectResponse(path, 303, {"Cache-Control": "no-store"})

    def install(self, app: FastAPI, page: Callable[[str], Callable[[Any], Any]]) -> None:
        """Adds the routes."""
        page(ALERTS_PATH)(self.list_page)
        page(ALERTS_PATH + "/{alert}")(self.one_page)
        app.get("/v/{token}", include_in_schema=False)(self.opened)

    # --- what the pages share ---

    @property
    def source(self) -> AlertSource:
        """Where alerts come from."""
        return self._source

    def actor(self, request: Request) -> Principal | None:
        """Who may act now: asked for each act, because a key may have been revoked meanwhile."""
        viewer = self._reader(request)
        return viewer if viewer is not None and "act" in viewer.scopes else None

    def _reader(self, request: Request) -> Principal | None:
        viewer = self._gate.viewer(request)
        return viewer if viewer is not None and "read" in viewer.scopes else None

    async def _shared(self, key: str, read: Callable[[], Any]) -> Any:
        return await self._watcher().detail("alerts", key, lambda _: read())

    def follow(self, renew: Callable[[], Any], spacing: float) -> None:
        """Calls it after changes, at most once in `spacing` seconds, until the page is left: live traffic changes
        something every second, and a list of all alerts is no small question."""
        state = {"due": 0.0, "waiting": 0.0}

        async def later() -> None:
            await asyncio.sleep(max(0.0, state["due"] - time.monotonic()))
            state["waiting"], state["due"] = 0.0, time.monotonic() + spacing
            await renew()

        def again(_: object) -> None:
            if not state["waiting"]:
                state["waiting"] = 1.0
                background_tasks.create(later(), name="alerts")

        ui.context.client.on_delete(self._watcher().listen(again))


class _Chain:
    """One alert's page: its panels, and the fields and buttons of whoever may act."""

    def __init__(
        self, pages: AlertPages, request: Request, alert: str, read: Callable[[], Any], lang: Lang
    ) -> None:
        self._pages, self._request, self._alert, self._read, self._lang = pages, request, alert, read, lang
        self._tickets: tuple[str, ...] = ()
        self._at: Millis = 0

    def build(self, found: AlertPage, viewer: Principal) -> None:
        """The panels, the last state in them, kept up to date."""
        self._head = html_box("panel alert-head")
        with ui.element("section").classes("panel todo"):
            html_box("head").set_content(f"<h2>{said('todo', self._lang)}</h2>")
            if "act" in viewer.scopes:
                self._fields()
            else:
                enter = f"{FORM_PATH}?back={ALERTS_PATH}/{self._alert}"
                other = f'<a href="{esc(enter)}"><u>{said("enter_key", self._lang)}</u></a>'
                html_box().set_content(f'<p class="quiet">{said("no_right", self._lang)} {other}</p>')
        self._received = html_box("panel received")
        self._received.set_visibility(False)
        self._disputes = html_box("panel disputes")
        self._answers = ui.element("section").classes("panel answers") if "act" in viewer.scopes else None
        self._chain = html_box("panel chain")
        self._fill(found)
        self._pages.follow(self._renew, PAGE_SPACING_S)

    def _fields(self) -> None:
        lang = self._lang
        with ui.element("div").classes("fields"):
            self._reason = ui.select(reasons(lang), label=said("reason", lang), clearable=True).props(
                "outlined dense"
            )
            self._date = ui.input(said("date", lang)).props("outlined dense type=date stack-label id=date")
            self._note = ui.input(said("note", lang)).props("outlined dense maxlength=2000 id=note")
        with ui.element("div").classes("buttons"):
            for verb in ("ack", "promise", "reason", "dispute", "comment", "silence", "unack"):
                button = ui.button(said(f"do_{verb}", lang), on_click=self._doing(verb))
                button.props(
                    f"unelevated no-caps id=do-{verb}" if verb == "ack" else f"outline no-caps id=do-{verb}"
                )

    def _doing(self, verb: str) -> Callable[[], Any]:
        async def go() -> None:
            given = {"reason": self._reason.value or "", "note": self._note.value or ""}
            if verb in ("promise", "silence"):
                given["until"] = self._date.value or ""
            if await self._act(verb, given):
                self._note.set_value("")

        return go

    async def _act(self, verb: str, given: dict[str, str]) -> bool:
        client = ui.context.client
        zone = self._pages.source.zone
        lacks = lacking(verb, given, f"{zone.local(self._at):%Y-%m-%d}")
        if lacks is not None:
            ui.notify(said(lacks, self._lang), type="warning", position="top")
            return False
        actor = await asyncio.to_thread(self._pages.actor, self._request)
        failure, answer = said("no_right", self._lang), None
        if actor is not None:
            try:
                answer = await asyncio.to_thread(self._pages.source.act, actor, self._alert, verb, given)
            except Gs766Error as error:
                sentence = "" if self._lang == "en" else f"{KINDS_OF_PROBLEMS[kind_of(error)].vi} "
                failure = f"{said('not_recorded', self._lang)}: {sentence}({error})"
        with client:
            if answer is None:
                ui.notify(failure, type="negative", position="top", timeout=8000)
                return False
            ui.notify(said("recorded", self._lang), type="positive", position="top")
            if answer.received:
                title = f"<h2>{said('received', self._lang)}</h2>"
                self._received.set_content(f"{title}<p>{esc(answer.received)}</p>")
                self._received.set_visibility(True)
        return True

    def _fill(self, page: AlertPage) -> None:
        zone, lang, self._at = self._pages.source.zone, self._lang, page.at
        shown = (
            (self._head, views.alert_head(page, zone, lang)),
            (self._disputes, views.disputes(page, zone, lang)),
            (self._chain, views.chain(page, zone, lang)),
        )
        for box, content in shown:
            if box.content != content:
                box.set_content(content)
        self._disputes.set_visibility(bool(page.tickets))
        self._fill_answers(tuple(ticket.id for ticket in page.tickets if not ticket.outcome))

    def _fill_answers(self, tickets: tuple[str, ...]) -> None:
        if self._answers is None:
            return
        self._answers.set_visibility(bool(tickets))
        if tickets == self._tickets:
            return
        self._tickets = tickets
        self._answers.clear()
        with self._answers:
            for ticket in tickets:
                self._answer_row(ticket)

    def _answer_row(self, ticket: str) -> None:
        lang = self._lang
        with ui.element("div").classes("fields"):
            outcome = ui.select(outcomes(lang), label=said("outcome", lang)).props("outlined dense")
            note = ui.input(said("note", lang)).props("outlined dense maxlength=2000")

            async def go() -> None:
                given = {"ticket": ticket, "outcome": outcome.value or "", "note": note.value or ""}
                await self._act("resolve", given)

            ui.button(said("do_resolve", lang), on_click=go).props("outline no-caps").classes("resolve")

    async def _renew(self) -> None:
        with suppress(Gs766Error):
            page = await self._read()
            if page is not None:
                self._fill(page)


async def _tried(read: Callable[[], Any]) -> tuple[Any, str]:
    """What was read, or why not."""
    try:
        return await read(), ""
    except Gs766Error as error:
        return None, str(error)


def dead_link(lang: Lang) -> str:
    """The page of a link that leads nowhere any more."""
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{said("dead_link", lang)}</title>
<style>body{{font:17px/1.5 system-ui,sans-serif;background:#0f141a;color:#e9eef3;display:grid;place-items:center;
min-height:90vh;margin:0}}main{{width:min(480px,84vw)}}a{{color:inherit}}</style></head><body><main>
<h1>{said("dead_link", lang)}</h1><p>{said("dead_link_text", lang)}</p>
<p><a href="{link(ALERTS_PATH, lang)}">{said("title", lang)}</a></p></main></body></html>"""
