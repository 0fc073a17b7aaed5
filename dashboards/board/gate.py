"""Who may look at the board: loopback without a key, else a key once entered in a form and kept in a cookie."""

from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import Principal, authenticate, principal_of
from api.problems import Problem
from dashboards.board.desk import OverServices, sent_form
from dashboards.board.html import esc
from dashboards.board.words import Lang, word

COOKIE = "gs766_key"
FORM_PATH = "/khoa"
_MONTH_S = 30 * 86_400
_MAX_TOKEN = 200


class Gate(Protocol):
    """Decides who looks; the board asks it for every page."""

    def viewer(self, request: Request) -> Principal | None:
        """Who looks; None: a key has to be entered."""

    def sees(self, viewer: Principal, unit: str) -> bool:
        """Whether a unit lies in what the viewer may see."""

    def admit(self, token: str) -> bool:
        """Whether the token is that of a key that may look."""

    def record_read(self, viewer: Principal, dossier_code: str) -> None:
        """Records that a dossier was read."""

    def record_list(self, viewer: Principal, unit: str) -> None:
        """Records that a unit's list of dossiers was read."""


class ApiGate(OverServices):
    """The gate by the API's own keys and scopes."""

    def viewer(self, request: Request) -> Principal | None:
        """As `Gate.viewer`; a revoked key ends its cookie's right at once."""
        token = request.cookies.get(COOKIE)
        if token is not None:
            key = self._services.keys.find(token)
            if key is not None:
                return _looking(principal_of(key))
        try:
            services = self._services
            found = authenticate(request, services.keys, loopback_reads=services.config.loopback_reads)
        except Problem:
            return None
        return _looking(found)

    def sees(self, viewer: Principal, unit: str) -> bool:
        """As `Gate.sees`."""
        return bool(self._services.sees(viewer)(unit))

    def admit(self, token: str) -> bool:
        """As `Gate.admit`."""
        key = self._services.keys.find(token)
        return key is not None and _looking(principal_of(key)) is not None

    def record_read(self, viewer: Principal, dossier_code: str) -> None:
        """As `Gate.record_read`."""
        services = self._services
        services.acts.record("dossier_read", dossier_code, viewer, services.wall())

    def record_list(self, viewer: Principal, unit: str) -> None:
        """As `Gate.record_list`."""
        services = self._services
        services.acts.record("list_read", "overdue", viewer, services.wall(), unit=unit, evidence={"on": "board"})


def _looking(principal: Principal) -> Principal | None:
    return principal if principal.scopes & {"read", "display"} else None


def key_form(lang: Lang, wrong: bool, back: str) -> str:
    """The form's page; its style is that of the board."""
    message = f'<p class="red">{word("key_wrong", lang)}</p>' if wrong else ""
    return f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{word("key_title", lang)}</title>
<style>body{{font:17px/1.5 system-ui,sans-serif;background:#0f141a;color:#e9eef3;display:grid;place-items:center;
min-height:90vh;margin:0}}form{{background:#161d25;border:1px solid #26313d;border-radius:8px;padding:28px;
width:min(420px,84vw);display:grid;gap:12px}}h1{{font-size:22px;margin:0}}p{{margin:0;color:#93a2b1}}
.red{{color:#ff7566}}input,button{{font:inherit;padding:11px 12px;border-radius:6px;border:1px solid #3a4856;
background:#0f141a;color:inherit;min-width:0}}button{{background:#2c5d8a;border-color:#2c5d8a}}</style></head><body>
<form method="post" action="{FORM_PATH}"><h1>{word("key_title", lang)}</h1><p>{word("key_text", lang)}</p>{message}
<input type="password" name="key" aria-label="{word("key_title", lang)}" autocomplete="current-password" required
autofocus><input type="hidden" name="back" value="{esc(back)}"><button>{word("enter", lang)}</button></form>
</body></html>"""


def safe_back(path: str) -> str:
    """A path of this server only: never a way to another site."""
    ok = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ok else "/"


def install_form(app: FastAPI, gate: Gate) -> None:
    """Adds the form's two routes."""

    @app.get(FORM_PATH, include_in_schema=False)
    def show(lang: str = "vi", back: str = "/") -> Response:
        return HTMLResponse(key_form("en" if lang == "en" else "vi", False, safe_back(back)), headers=_PRIVATE)

    @app.post(FORM_PATH, include_in_schema=False)
    async def enter(request: Request) -> Response:
        fields = await _fields(request)
        back, token = safe_back(fields.get("back", "/")), fields.get("key", "").strip()
        if not gate.admit(token):
            lang: Lang = "en" if "lang=en" in back else "vi"
            return HTMLResponse(key_form(lang, True, back), status_code=401, headers=_PRIVATE)
        response = RedirectResponse(back, status_code=303)
        secure = request.url.scheme == "https"
        # lax: a link in a message still opens the board, another site's form is still refused.
        response.set_cookie(COOKIE, token, max_age=_MONTH_S, httponly=True, samesite="lax", secure=secure)
        return response


_PRIVATE = {"Cache-Control": "no-store"}


async def _fields(request: Request) -> dict[str, str]:
    sent = await sent_form(request, 10 * _MAX_TOKEN)
    return {name: value[: 5 * _MAX_TOKEN] for name, value in sent.items()}
