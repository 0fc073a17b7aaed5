"""What the pages with forms share: the running API behind them, the top of the page, a form that was sent."""

from urllib.parse import parse_qsl

from fastapi import FastAPI, Request

from api.access import Principal
from api.services import Services
from dashboards.board.html import link
from dashboards.board.words import Lang, word


class OverServices:
    """Answers from the services of a running API, which are there once it has started."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @property
    def _services(self) -> Services:
        found: Services = self._app.state.services
        return found


class Desk(OverServices):
    """Answers questions about units."""

    def units(self, viewer: Principal) -> list[str]:
        """The units that a viewer may ask about."""
        with self._services.context(self._services, viewer) as ctx:
            return sorted(code for code in ctx.tree.units if ctx.visible is None or code in ctx.visible)


def top(lang: Lang, path: str, title: str, intro: str, style: str) -> str:
    """A page down to its introduction, with the way back and to the other language; `style` is plain CSS."""
    other: Lang = "vi" if lang == "en" else "en"
    nav = (
        f'<a href="{link("/", lang)}">{word("back", lang)}</a>'
        f'<a href="{link(path, other)}">{"English" if other == "en" else "Tiếng Việt"}</a>'
    )
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Giám Sát 766</title>
<style>{style}</style></head><body><main class="board audit">
<div class="top"><a class="title" href="{link("/", lang)}">{word("title", lang)}</a><nav>{nav}</nav></div>
<h1>{title}</h1><p class="quiet">{intro}</p>
"""


async def sent_form(request: Request, most: int) -> dict[str, str]:
    """The fields of a form; none where it is longer than `most` bytes, which is read no further."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace")))
