"""Who asks, and what they may see: keys to principals, scopes, and subtrees of units.

Outside a principal's subtree a thing does not exist (404), so that an answer never tells that it does.
"""

import binascii
import ipaddress
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import Request

from api.keys import Key, KeyStore, Scope
from api.problems import NotFound, Problem

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})
LOOPBACK = "loopback"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request; no `units` means all, no `sources` means any."""

    key_id: str
    scopes: frozenset[Scope]
    units: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def sees(self, unit: str) -> bool:
        """Whether a unit lies in a subtree of the principal by its code."""
        return not self.units or any(in_subtree(unit, root) for root in self.units)

    def writes(self, source: str) -> bool:
        """Whether the principal may send events of that source."""
        return not self.sources or source in self.sources


def in_subtree(unit: str, root: str) -> bool:
    """Whether `unit` is `root` or below it in the dotted codes ('H44.1' is not above 'H44.10')."""
    return unit == root or unit.startswith(root + ".")


def principal_of(key: Key) -> Principal:
    """What a key's holder may do; `admin` includes `read`, `act` includes `read`, as does `read` `display`."""
    scopes = set(key.scopes)
    if scopes & {"admin", "act"}:
        scopes.add("read")
    if "read" in scopes:
        scopes.add("display")
    return Principal(key.id, frozenset(scopes), key.units, key.sources)


def authenticate(request: Request, keys: KeyStore, *, loopback_reads: bool, basic: bool = False) -> Principal:
    """The caller by `Authorization: Bearer gs766_…` or `X-GS766-Key`; on loopback without a key: a reader.

    Raises 401 for a wrong or revoked key, and for none from elsewhere. `basic` also takes the key as the password
    of Basic authentication: for feeds that are only read, because browsers send such a password by themselves.
    """
    challenge = {"WWW-Authenticate": 'Basic realm="gs766", charset="UTF-8"'} if basic else {}
    token = _token(request, basic=basic)
    if token is not None:
        key = keys.find(token)
        if key is None:
            refused = "this key is unknown or was revoked: ask the administrator for a new one"
            raise Problem("no-key", refused, headers=challenge)
        return principal_of(key)
    if loopback_reads and is_loopback(request):
        return Principal(LOOPBACK, frozenset({"read", "display"}))
    raise Problem(
        "no-key",
        "send a key: 'Authorization: Bearer gs766_…'; gs766 keys create makes one on the server",
        headers=challenge,
    )


def is_loopback(request: Request) -> bool:
    """Whether the client itself sits on this machine.

    A reverse proxy on the machine also connects from loopback: its headers end the privilege. A page of
    another site that resolves its own name to 127.0.0.1 is told by the Host header.
    """
    if request.client is None or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    return _loopback_address(request.client.host) and _loopback_name(request.headers.get("host", ""))


def _loopback_name(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]").lower()
    return name in _LOOPBACK_NAMES or _loopback_address(name)


def _loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _token(request: Request, *, basic: bool = False) -> str | None:
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    if basic and scheme.lower() == "basic":
        return _password(value.strip())
    if header and scheme.lower() != "bearer":
        raise Problem("no-key", "only 'Authorization: Bearer gs766_…' is understood")
    if header:
        return value.strip()
    return request.headers.get("x-gs766-key")


def _password(value: str) -> str:
    """The password of Basic credentials, '' where there is none: no key is that."""
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def require(*scopes: Scope, basic: bool = False) -> Callable[[Request], Principal]:
    """A dependency: the principal, if it has one of the scopes; else 403. `basic` as for `authenticate`."""

    def dependency(request: Request) -> Principal:
        services = request.app.state.services
        found = authenticate(request, services.keys, loopback_reads=services.config.loopback_reads, basic=basic)
        check_scopes(found, scopes)
        request.state.principal = found
        return found

    return dependency


def check_scopes(principal: Principal, scopes: Iterable[Scope]) -> None:
    """Raises 403 with what is missing."""
    wanted = tuple(scopes)
    if not principal.scopes & set(wanted):
        raise Problem("forbidden", f"this needs a key with the scope {' or '.join(wanted)}", scopes=list(wanted))


def check_unit(principal: Principal, unit: str) -> None:
    """Raises NotFound when the unit lies outside: the same answer as for a unit that does not exist."""
    if not principal.sees(unit):
        raise NotFound(f"there is no unit {unit}")
