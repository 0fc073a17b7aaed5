"""What all pages have around their panels: style, notices, navigation, language."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from nicegui import ui

from dashboards.board.gate import FORM_PATH
from dashboards.board.html import esc, link
from dashboards.board.words import Lang, word

OFFLINE = """<script>
let gsSince = 0;
setInterval(() => {
  const up = !window.socket || window.socket.connected;
  gsSince = up ? 0 : gsSince || Date.now();
  document.body.classList.toggle("offline", gsSince > 0 && Date.now() - gsSince > 3000);
}, 1000);
</script>"""
OWN_NOTICE = "<style>#popup { display: none !important; }</style>"
Nav = tuple[str, Callable[[Lang], str]]
"""A page's path, and its name in a language."""


def lang_of(text: str) -> Lang:
    """The language of a page's address."""
    return "en" if text == "en" else "vi"


def to_form(request: Request) -> Response:
    """To the form that asks for a key, and back."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{FORM_PATH}?back={quote(back, safe='')}")


@cache
def style() -> str:
    """The board's style sheet."""
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def furnish(lang: Lang) -> None:
    """Style, language and notices; before anything is awaited."""
    # Quasar sets the page's one language while it starts; the load event comes after.
    spoken = f"<script>addEventListener('load', () => document.documentElement.lang = '{lang}')</script>"
    ui.add_head_html(f"<style>{style()}</style>{OWN_NOTICE}{OFFLINE}{spoken}")


def html_box(classes: str = "", tag: str = "div") -> ui.html:
    """A box of HTML of our own."""
    # Every text from data has been escaped by the views: sanitizing in the browser would only drop classes.
    return ui.html("", sanitize=False, tag=tag).classes(classes)


def frame(request: Request, lang: Lang, kind: str, nav: Sequence[Nav] = ()) -> Any:
    """The page around the panels: what says that the connection is lost, title and language."""
    outer = ui.element("main").classes(f"board {kind}")
    with outer:
        html_box("wall-lost" if kind else "", "div").props("id=lost").set_content(word("lost", lang))
        if kind:
            return outer
        other: Lang = "vi" if lang == "en" else "en"
        asked = [(name, value) for name, value in request.query_params.items() if name != "lang"]
        here = request.url.path + (f"?{urlencode(asked)}" if asked else "")
        links = [(link("/", lang), word("back", lang)), (link("/wall", lang), word("wall", lang))]
        links += [(link(path, lang), esc(name(lang))) for path, name in nav]
        links.append((link(here, other), "English" if other == "en" else "Tiếng Việt"))
        shown = "".join(f'<a href="{href}">{text}</a>' for href, text in links)
        title = f'<a class="title" href="{link("/", lang)}">{word("title", lang)}</a>'
        html_box("top").set_content(f"{title}<nav>{shown}</nav>")
        return ui.element("div").classes("page")


def not_found(lang: Lang) -> None:
    """A panel for what is not there, or not to be seen."""
    html_box("panel").set_content(
        f"<h1>{word('not_found', lang)}</h1><p class='quiet'>{word('not_found_text', lang)}</p>"
    )
