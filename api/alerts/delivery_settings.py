"""How messages leave: one TOML file with the mail server, the gateways, and the board's address.

Secrets stand in files of their own that it names, relative to itself; they are read when used and shown nowhere.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.errors import InvalidInput

GATEWAYS = ("sms", "zalo")
PLACES = frozenset({"to", "sms", "subject", "text", "template", "params", "id", "secret", "link", "retried"})
"""What a mapping may put into a request: `{to}` and so on; `{params}` alone is the whole object of numbers."""
RECEIPT_FIELDS = ("id", "status")


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`board`: the board's address as people reach it, such as https://giamsat.example.vn."""

    board: str = ""
    days: int = 7
    """For so long a link of a message opens."""


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mail server. `security`: starttls, ssl or none."""

    host: str
    sender: str
    sender_name: str = "Giám Sát 766"
    port: int = 0
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    timeout_seconds: float = 15.0


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a gateway that always says 200 tells the truth: `field` (dotted) must be one of `ok`; `permanent` are
    those where trying again cannot help."""

    field: str
    ok: tuple[str | int, ...]
    permanent: tuple[str | int, ...] = ()


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the gateway tells that a message arrived: signed by HMAC-SHA-256 of `timestamp.body` under a secret."""

    secret_file: str
    id: str = "id"
    status: str = "status"
    delivered: tuple[str | int, ...] = ("delivered",)
    failed: tuple[str | int, ...] = ("failed",)


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An HTTP gateway for SMS or Zalo templates, and what it wants in headers and body."""

    url: str
    body: dict[str, Any]
    secret_file: str = ""
    headers: dict[str, str] = {}
    format: Literal["json", "form"] = "json"
    phone: Literal["84", "+84", "0"] = "84"
    """How a number of Viet Nam is written for it."""
    templates: dict[str, str] = {}
    """The template's id by kind of alert; `default` for the others."""
    timeout_seconds: float = 10.0
    answer: Answer | None = None
    receipt: Receipt | None = None


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    links: Links = Links()
    email: Mail | None = None
    sms: Gateway | None = None
    zalo: Gateway | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The settings, and how the secrets that they name are read."""

    links: Links = field(default_factory=Links)
    email: Mail | None = None
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    folder: Path = Path()

    def secret(self, name: str) -> str:
        """What stands in a secret's file; '' where none is named. InvalidInput when it cannot be read."""
        if not name:
            return ""
        try:
            return (self.folder / name).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the secret's file {name} cannot be read: {type(error).__name__}") from error

    def serves(self, kind: str) -> bool:
        """Whether a kind of channel has what it needs here."""
        return kind == "apprise" or (self.email is not None if kind == "email" else kind in self.gateways)


def load(path: Path | None) -> Delivery:
    """The settings of a file; without one, only `apprise:` channels work. InvalidInput names file and field."""
    if path is None or not path.exists():
        return Delivery()
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Document)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"{path}: {error}") from error
    gateways = {name: gateway for name in GATEWAYS if (gateway := getattr(found, name)) is not None}
    for name, gateway in gateways.items():
        _check(path, name, gateway)
    board = found.links.board
    if board and not board.startswith(("https://", "http://")):
        raise InvalidInput(f"{path}: links.board is an address that begins with https://")
    return Delivery(found.links, found.email, gateways, path.parent)


def _check(path: Path, name: str, gateway: Gateway) -> None:
    if not gateway.url.startswith(("https://", "http://")):
        raise InvalidInput(f"{path}: {name}.url is an http or https address")
    wanted = "sms" if name == "sms" else "params"
    used = set(_places([gateway.body, gateway.headers, gateway.url]))
    unknown = sorted(used - PLACES)
    if unknown:
        places = ", ".join(sorted(PLACES))
        raise InvalidInput(f"{path}: {name} uses {{{unknown[0]}}}, which is none of {places}")
    if not {"to", wanted} <= used:
        raise InvalidInput(f"{path}: {name}.body must hold {{to}} and {{{wanted}}}")
    if "template" in used and not gateway.templates:
        raise InvalidInput(f"{path}: {name}.templates names no template's id")


def _places(value: Any) -> list[str]:
    import string

    if isinstance(value, str):
        return [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
    if isinstance(value, Mapping):
        return [name for inner in value.values() for name in _places(inner)]
    return [name for inner in value for name in _places(inner)] if isinstance(value, list) else []
