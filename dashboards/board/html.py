"""Small pieces of HTML; every text that comes from data goes through `esc`."""

from html import escape
from urllib.parse import quote

from dashboards.board.words import Lang

SHAPES = {"red": "■", "amber": "▲", "green": "●", "grey": "◇", "violet": "◆"}
"""A level is never said by colour alone."""


def esc(text: object) -> str:
    """A text made harmless in HTML, attributes too."""
    return escape(str(text), quote=True)


def level(name: str) -> str:
    """The shape of a level in its colour."""
    return f'<span class="shape {name}" aria-hidden="true">{SHAPES[name]}</span>'


def link(path: str, lang: Lang) -> str:
    """A path of the board in the language of the page, as an attribute's value."""
    return esc(path + (("&" if "?" in path else "?") + "lang=en" if lang == "en" else ""))


def unit_path(code: str) -> str:
    """The page of a unit."""
    return "/don-vi/" + quote(code, safe="")


def dossier_path(code: str) -> str:
    """The page of a dossier."""
    return "/ho-so/" + quote(code, safe="")


def panel(title: str, body: str, aside: str = "") -> str:
    """A titled panel's inside."""
    return f'<div class="head"><h2>{esc(title)}</h2>{aside}</div>{body}'
