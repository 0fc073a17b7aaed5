"""A message to one person, and who is to be told: what the notifier plans and the channels send.

Account ids and names of channels may stand in the log; addresses never do: they are looked up when sending.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from domain.alerts import Level
from domain.instants import Millis

POSTS = ("officer", "head", "room", "chief", "chairman", "it")
"""The posts of a chain of escalation, the lowest first; `it` stands outside it."""
SMS_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Message:
    """What one account is told in one slot. The texts are finished: no channel adds or shortens words."""

    key: str
    """The same after any restart or rebuild; the far side may recognise a repeat by it."""
    account: str
    unit: str
    slot: Millis
    kinds: tuple[str, ...]
    alerts: tuple[str, ...]
    """The ids of the alerts that it tells of."""
    level: Level
    subject: str
    text: str
    sms: str
    """The short text: ASCII without diacritics, at most 160 characters."""
    params: Mapping[str, str]
    """Numbers and names of units for templates (Zalo), by the template's own names."""
    path: str
    """Where its link leads on the board, such as `/v/TOKEN`; '' lets the channels make a signed one."""
    retried: bool = False
    """An earlier attempt may have arrived although no answer came: the text says so."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who holds a post, and when they may be told. `unit` is the unit that they answer for, the root for the room,
    the chief, the chairman and IT."""

    account: str
    post: str
    unit: str
    channels: tuple[str, ...]
    """Names of channels without addresses, best first: `email`, `sms`, `zalo`, `apprise`; a second of a kind is
    `email-2`. This name is given to `Channels.send` and written into the log."""
    hours: tuple[str, str] | None
    """Times of day ('07:00', '17:00') in which to tell them; None: the province's hours."""
    since: Millis | None
    """When they took the post; None: from the beginning."""
    until: Millis | None
    """When they left it (exclusive); None: they hold it."""


GSM_DOUBLE = frozenset("^{}\\[~]|")
"""Letters of ASCII that count twice in an SMS; the backtick does not exist there."""
_SECRET = re.compile(r"gs766_|[?&][\w.-]+=", re.ASCII)
_PERSON = re.compile(r"(?<![\w.-])(?:\d{9}|\d{12}|(?:\+84|84|0)\d{9})(?![\w-])", re.ASCII)
_DOSSIER = re.compile(r"[A-Z]\d{2}(?:\.\d+)*-\d{6}-\d{3,}")
_PROCEDURE = re.compile(r"(?<![\w.])\d\.\d{6}(?!\d)")


def without_diacritics(text: str) -> str:
    """The text in plain ASCII letters: 'Đã hết hạn' becomes 'Da het han'; what has no such letter becomes '?'."""
    flat = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d"))
    letters = (c for c in flat if not unicodedata.combining(c))
    return "".join(_QUOTES.get(c, c if c.isascii() else "?") for c in letters)


_QUOTES = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "·": "-", "≥": ">=", "≤": "<="}


def sms_length(text: str) -> int:
    """How many of an SMS's 160 places a text takes."""
    return sum(2 if c in GSM_DOUBLE else 1 for c in text)


def sms_fault(text: str) -> str | None:
    """Why a text cannot go out as one SMS; None when it can."""
    strange = sorted({c for c in text if not (" " <= c <= "~" or c == "\n") or c == "`"})
    if strange:
        return f"the SMS has letters that one SMS cannot carry: {' '.join(map(repr, strange[:5]))}"
    length = sms_length(text)
    if not text.strip():
        return "the SMS is empty"
    return None if length <= SMS_LENGTH else f"the SMS takes {length} places of {SMS_LENGTH}"


def never_sent(text: str) -> str | None:
    """What in a text must never leave the system (users.md §B), in words; None for nothing.

    Names cannot be told by their form: messages are made of counts, units and codes only.
    """
    if _SECRET.search(text):
        return "a key or a query string"
    if _PERSON.search(text):
        return "a number like a person's id or phone"
    if _DOSSIER.search(text) and _PROCEDURE.search(text):
        return "a dossier's code with its procedure"
    return None
