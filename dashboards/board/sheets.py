"""`/nap-tep`: the front door for Excel exports: upload, a dry run shown whole, a yes, progress, what came of it.

Nothing of an uploaded file stays: it lies in a folder of its own until the page is left or the import has ended.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from nicegui import ui
from nicegui.events import UploadEventArguments

from api.access import Principal
from dashboards.board.html import esc, link, panel
from dashboards.board.sheet_words import said
from dashboards.board.words import Lang
from domain.errors import Gs766Error
from domain.instants import Zone
from producers.sheets.headings import MEANINGS
from producers.sheets.report import kept
from producers.sheets.sheet_mapping import STATUSES
from producers.sheets.wording import CAN, REASONS, summary, vietnamese, whole

LARGEST_BYTES = 64 * 1024 * 1024
FORMS = ".xlsx,.xls,.xlsm,.xlsb,.ods,.html,.htm,.csv,.txt,.xml"
SCOPES = frozenset({"intake", "admin"})
Progress = Callable[[str, float, float], None]
"""(what is being done, how much is done, of how much)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person decided about a file; words and headings as they stand in it."""

    actor: str
    exported_at: str
    unit: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)


class Desk(Protocol):
    """Looks into files and brings them in; slow, called in threads. InvalidInput says what is wrong."""

    def folder(self) -> Path:
        """Where uploaded files may lie meanwhile."""

    def source(self) -> str:
        """The name under which what is brought in stands in the log."""

    def look(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        """A dry run: the report of the import as JSON, and `samples` by sheet and column."""

    def bring(self, file: Path, asked: Asked, progress: Progress) -> dict[str, Any]:
        """The import; the same report."""


def refusal(viewer: Principal, desk: Desk) -> str | None:
    """Why a viewer may not bring files in (a word of ours); None when they may."""
    if not viewer.scopes & SCOPES:
        return "no_right"
    # Rows name their units themselves: a key of one unit cannot answer for a whole export.
    if viewer.units:
        return "unit_key"
    return None if viewer.writes(desk.source()) else "source_key"


class SheetPage:
    """One visitor's page. `allowed` asks anew whether the visitor may, because keys are revoked."""

    def __init__(
        self,
        desk: Desk,
        viewer: Principal,
        allowed: Callable[[], bool],
        turn: asyncio.Lock,
        zone: Zone,
        lang: Lang,
    ) -> None:
        self._desk, self._allowed, self._turn, self._lang = desk, allowed, turn, lang
        self._here: tempfile.TemporaryDirectory[str] | None = None
        self._file: Path | None = None
        now = datetime.now(zone.info)
        self._asked = Asked(f"key:{viewer.key_id}", f"{now:%Y-%m-%dT%H:%M}")
        self._doing: tuple[str, float, float] = ("", 0.0, 0.0)

    def build(self) -> None:
        """The page's elements; their content follows what happens."""
        ui.html(f"<h1>{self._t('title')}</h1><p class='quiet'>{self._t('intro')}</p>", sanitize=False)
        with ui.element("section").classes("panel"):
            with ui.row().classes("items-end"):
                self._when = self._input("exported_at", self._asked.exported_at, "id=exported")
                self._unit = self._input("unit", "", "id=unit")
            self._upload = ui.upload(
                label=self._t("choose"), auto_upload=True, max_files=1, max_file_size=LARGEST_BYTES,
                on_upload=self._uploaded, on_rejected=lambda: self._say_error(self._t("too_large")),
            ).props(f'accept="{FORMS}" dark flat bordered')  # fmt: skip
        self._bar = ui.linear_progress(0, show_value=False).props("id=progress").classes("sheet-progress")
        self._note = ui.html("", sanitize=False).props("id=note role=status")
        self._bar.visible = False
        ui.timer(0.3, self._show_progress)
        self._found = ui.element("div").props("id=found")

    def _input(self, word: str, value: str, props: str) -> ui.input:
        found = ui.input(self._t(word), value=value, on_change=self._changed)
        return found.props(f"dark dense outlined {props}").classes("sheet-input")

    def close(self) -> None:
        """Forgets the file."""
        if self._here is not None:
            with suppress(OSError):
                self._here.cleanup()
        self._here = self._file = None

    def _t(self, name: str, **values: object) -> str:
        return said(name, self._lang).format(**values)

    async def _uploaded(self, e: UploadEventArguments) -> None:
        self.close()
        self._asked = replace(self._asked, columns={}, status={})
        self._here = tempfile.TemporaryDirectory(prefix="sheet-", dir=self._desk.folder())
        # The name only tells the form of the file; it may name a person and is not kept.
        self._file = Path(self._here.name) / f"tep{Path(e.file.name).suffix[:8].lower()}"
        await e.file.save(self._file)
        self._upload.reset()
        await self._look()

    async def _look(self) -> None:
        report = await self._work("reading", self._desk.look)
        if report is not None:
            self._show_trial(report)

    async def _bring(self) -> None:
        report = await self._work("importing", self._desk.bring)
        if report is not None:
            self._show_result(report)
            self.close()

    async def _work(self, what: str, work: Callable[..., dict[str, Any]]) -> dict[str, Any] | None:
        """Does one slow thing; what goes wrong is said on the page."""
        file = self._file
        if file is None or not self._allowed():
            self._say_error(self._t("no_right" if file is not None else "no_file"))
            return None
        self._asked = replace(self._asked, exported_at=self._when.value.strip(), unit=self._unit.value.strip())
        self._found.clear()
        self._doing, self._bar.visible = (self._t("waiting" if self._turn.locked() else what), 0.0, 0.0), True
        try:
            async with self._turn:
                self._doing = (self._t(what), 0.0, 0.0)
                return await asyncio.to_thread(work, file, self._asked, self._progress)
        except Gs766Error as error:
            self._say_error(str(error))
        finally:
            self._doing, self._bar.visible = ("", 0.0, 0.0), False
        return None

    def _progress(self, what: str, done: float, of: float) -> None:
        del what  # it names the file; the page says what is done in its own words
        self._doing = (self._doing[0], done, of)

    def _show_progress(self) -> None:
        what, done, of = self._doing
        if what:
            self._bar.set_value(done / of if of else 0)
            count = f" {whole(int(done))}/{whole(int(of))}" if of > 1 else ""
            self._note.set_content(f"<p class='quiet'>{esc(what)}{count}</p>")

    def _say_error(self, text: str) -> None:
        self._doing = ("", 0.0, 0.0)
        self._note.set_content(f"<p class='red'>■ {esc(text)}</p>")

    def _changed(self) -> None:
        """What was shown no longer is what would be brought in."""
        for button in getattr(self, "_stale", ()):
            button.enable() if button is self._again else button.disable()

    # --- what was found ---

    def _show_trial(self, report: dict[str, Any]) -> None:
        usable = report["accepted"] + report["duplicates"] > 0
        self._note.set_content(f"<p><b>{self._t('trial')}</b> {esc(summary(report))}</p>{self._warnings(report)}")
        with self._found:
            with ui.row():
                text = self._t("bring", n=whole(report["accepted"]))
                bring = ui.button(text, on_click=self._bring).props("no-caps id=bring color=primary")
                self._again = ui.button(self._t("again"), on_click=self._look).props("no-caps flat id=again")
            bring.set_enabled(usable)
            self._again.disable()
            self._stale = (bring, self._again)
            self._show_columns(report)
            self._show_words(report)
            self._html(refused(report, self._lang))
            self._html(abilities(report, self._lang))

    def _show_result(self, report: dict[str, Any]) -> None:
        self._note.set_content(
            f"<p id='done'>● <b>{self._t('done')}</b> {esc(summary(report))}</p>{self._warnings(report)}"
            f"<p><a href='{link('/', self._lang)}'>{self._t('to_board')}</a></p>"
        )
        with self._found:
            if report["rejected"]:
                lines = b"".join(Path(name).read_bytes() for name in report["rejected_files"])
                ui.button(
                    self._t("download"), on_click=lambda: ui.download.content(lines, "dong-bi-tu-choi.jsonl")
                ).props("no-caps flat")
            self._html(refused(report, self._lang))
            if report["absent"]:
                n = {name: whole(report["absent"][name]) for name in ("count", "open")}
                self._html(f"<p>{self._t('absent', since=report['absent']['since'][:10], **n)}</p>")

    def _html(self, content: str) -> None:
        if content:
            ui.html(content, sanitize=False, tag="section").classes("panel")

    def _warnings(self, report: Mapping[str, Any]) -> str:
        # Our own temporary name of the file says nothing to its owner.
        name = self._file.name if self._file is not None else ""
        spoken = vietnamese if self._lang == "vi" else str
        lines = [spoken(w).replace(name, self._t("this_file")) if name else w for w in report["warnings"]]
        return "".join(f"<p class='amber'>▲ {esc(line)}</p>" for line in lines)

    def _show_columns(self, report: dict[str, Any]) -> None:
        """Heading → meaning, prefilled, with first values; personal ones struck through."""
        options = {"": self._t("unused"), **MEANINGS}
        with ui.element("section").classes("panel sheet-columns"):
            ui.html(f"<h2>{self._t('columns')}</h2>", sanitize=False)
            for sheet, samples in zip(report["sheets"], report["samples"], strict=True):
                skipped = f"{self._t('skipped')}: {esc(sheet['skipped'])}" if sheet["skipped"] else ""
                where = skipped or self._t("sheet", row=sheet["header_row"], rows=whole(sheet["rows"]))
                ui.html(f"<p class='quiet'>{esc(sheet['sheet'])}: {where}</p>", sanitize=False)
                for column, values in zip(sheet["columns"], samples, strict=False):
                    self._show_column(column["heading"], column["meaning"], values, options)

    def _show_column(self, heading: str, meaning: str, values: list[str], options: dict[str, str]) -> None:
        with ui.element("div").classes("sheet-column"):
            name = f"<s>{esc(heading)}</s>" if meaning == "personal" else esc(heading)
            note = self._t("not_kept") if not kept(meaning) else " · ".join(values)
            ui.html(f"{name}<small class='quiet'> {esc(note)}</small>", sanitize=False)

            def chosen(e: Any) -> None:
                self._asked = replace(self._asked, columns={**self._asked.columns, heading: e.value or "ignore"})
                self._changed()

            ui.select(options, value=meaning if meaning in options else "", on_change=chosen).props(
                "dark dense outlined options-dense"
            )

    def _show_words(self, report: dict[str, Any]) -> None:
        """Words for states that nobody knows: asked once, then remembered."""
        if not report["unknown_words"]:
            return
        options = {"": self._t("later"), **{s: self._t(f"status_{s}") for s in STATUSES}}
        with ui.element("section").classes("panel sheet-columns").props("id=words"):
            ui.html(f"<h2>{self._t('words')}</h2>", sanitize=False)
            for word, count in list(report["unknown_words"].items())[:30]:
                self._show_word(word, count, options)

    def _show_word(self, word: str, count: int, options: dict[str, str]) -> None:
        with ui.element("div").classes("sheet-column"):
            ui.html(f"{esc(word)}<small class='quiet'> {whole(count)} {self._t('rows')}</small>", sanitize=False)

            def chosen(e: Any) -> None:
                kept_words = {w: s for w, s in self._asked.status.items() if w != word}
                self._asked = replace(self._asked, status=kept_words | ({word: e.value} if e.value else {}))
                self._changed()

            ui.select(options, value="", on_change=chosen).props("dark dense outlined options-dense")


def refused(report: Mapping[str, Any], lang: Lang) -> str:
    """How many rows were refused and why, and the first of them with line and column; '' where none was."""
    if not report["rejected"]:
        return ""
    counts = "; ".join(f"{esc(REASONS.get(r, r))}: {whole(n)}" for r, n in report["reasons"].items())
    heads = "".join(f"<th>{said(w, lang)}</th>" for w in ("line", "reason", "column"))
    rows = "".join(
        f"<tr><td>{e['line']}</td><td>{esc(REASONS.get(e['reason'], e['reason']))}</td>"
        f"<td>{esc(e['field'])}</td></tr>"
        for e in report["examples"]
    )
    return panel(said("refused", lang), f"<p>{counts}</p><table id='refused'><tr>{heads}</tr>{rows}</table>")


def abilities(report: Mapping[str, Any], lang: Lang) -> str:
    """What the file can serve: the others stay null."""
    shapes = {"yes": ("green", "●"), "no": ("grey", "◇"), "other": ("grey", "◇")}
    rows = "".join(
        f"<tr><td>{esc(a['name'])}</td><td class='{shapes[a['can']][0]}'>{shapes[a['can']][1]} "
        f"{esc(CAN[a['can']])}</td><td>{esc(', '.join(a['lacks']))}</td></tr>"
        for a in report["capabilities"]
    )
    heads = "".join(f"<th>{said(w, lang)}</th>" for w in ("indicator", "computed", "lacks"))
    return panel(said("abilities", lang), f"<table id='abilities'><tr>{heads}</tr>{rows}</table>")
