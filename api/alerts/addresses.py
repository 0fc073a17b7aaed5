"""Addresses of people: checked when they come in, masked wherever they are shown, in the log never."""

import re
from urllib.parse import urlsplit

from domain.errors import InvalidInput

KINDS = ("email", "sms", "zalo", "apprise")
"""`apprise`: any address that the library Apprise knows (chat services, push)."""
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_NOT_IN_PHONES = str.maketrans("", "", " .-()")
_ON_THIS_MACHINE = frozenset({"dbus", "qt", "glib", "kde", "gnome", "macosx", "windows", "syslog", "rsyslog"})


def checked(kind: str, text: str) -> str:
    """An address as it is kept: an e-mail, a phone number as '84…' digits, an Apprise URL.

    InvalidInput says what is wrong with it, without repeating the address.
    """
    found = text.strip()
    if kind == "email":
        return _email(found)
    if kind in ("sms", "zalo"):
        return _phone(found)
    if kind == "apprise":
        return _url(found)
    raise InvalidInput(f"'{kind[:20]}' is no kind of channel: there are {', '.join(KINDS)}")


def split(text: str) -> tuple[str, str]:
    """Kind and checked address of 'email:a@b.vn'."""
    kind, colon, address = text.strip().partition(":")
    if not colon:
        raise InvalidInput("a channel is written KIND:ADDRESS, for example email:van-phong@example.vn")
    return kind, checked(kind, address)


def masked(kind: str, address: str) -> str:
    """Enough of an address for who knows it to recognise it."""
    if kind == "email":
        local, _, domain = address.partition("@")
        return f"{local[:1]}…@{domain}"
    if kind == "apprise":
        return f"{urlsplit(address).scheme}://…"
    return f"{address[:4]}…{address[-2:]}"


def _email(text: str) -> str:
    local = text.partition("@")[0]
    if len(text) > 254 or not _EMAIL.fullmatch(text) or ".." in local or local[0] == "." or local[-1] == ".":
        raise InvalidInput("this is not an e-mail address: one plain address such as van-phong@example.vn")
    return text


def _phone(text: str) -> str:
    """Digits with the country's code first; a number that begins with 0 is one of Viet Nam."""
    plain = text.translate(_NOT_IN_PHONES)
    if plain.startswith("0") and not plain.startswith("00"):
        plain = "84" + plain[1:]
    digits = plain.removeprefix("+")
    vietnamese = digits.startswith("84")
    right = digits.isascii() and digits.isdigit() and not digits.startswith("0") and 8 <= len(digits) <= 15
    if not right or (vietnamese and not (len(digits) == 11 and digits[2] in "35789")):
        raise InvalidInput("this is not a mobile number: ten digits such as 0912…, or +84… with eleven")
    return digits


def _url(text: str) -> str:
    scheme = text.partition("://")[0].lower()
    if "://" not in text or len(text) > 2_000 or not text.isprintable() or " " in text:
        raise InvalidInput("this is not an address for Apprise: SERVICE://…")
    if scheme in _ON_THIS_MACHINE:
        raise InvalidInput(f"{scheme}:// reaches this machine only, nobody's hands")
    if not _known_to_apprise(text):
        raise InvalidInput(f"Apprise cannot use this {scheme[:20]}:// address: see its list of services")
    return text


def _known_to_apprise(url: str) -> bool:
    from api.alerts.mail import quiet

    apprise = quiet()
    return apprise.Apprise.instantiate(url, suppress_exceptions=True) is not None
