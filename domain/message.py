"""A message to one person, and who is to be told: what the notifier plans and the channels send.

Account ids and names of channels may stand in the log; addresses never do: they are looked up when sending.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.alerts import Level
from domain.instants import Millis

POSTS = ("officer", "head", "room", "chief", "chairman", "it")
"""The posts of a chain of escalation, the lowest first; `it` stands outside it."""
SMS_LENGTH = 160
"""Places of one SMS: septets of GSM 03.38."""
GSM_DOUBLE = frozenset("^{}\\[~]|€")
"""Letters of the extension table, which take two places."""
_PLAIN = GSM_DOUBLE | frozenset({*map(chr, range(0x20, 0x7F)), "\n"} - {"`"})
"""What an SMS without diacritics carries; the backtick stands in ASCII, but not in GSM 03.38."""


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
    """Where its link leads on the board, such as `/don-vi/H44.1`. What is sent leads there by way of a signed link
    (`/v/…`), so that opening it becomes an act."""
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


def sms_length(text: str) -> int:
    """How many of an SMS's 160 places (septets of GSM 03.38) a text takes; what no SMS carries counts as one."""
    return sum(2 if c in GSM_DOUBLE else 1 for c in text)


def sms_fault(text: str) -> str | None:
    """Why a text cannot go out as one SMS without diacritics; None when it can."""
    strange = sorted({c for c in text if c not in _PLAIN})
    if strange:
        return f"the SMS has letters that one SMS cannot carry: {' '.join(map(repr, strange[:5]))}"
    if not text.strip():
        return "the SMS is empty"
    places = sms_length(text)
    if places <= SMS_LENGTH:
        return None
    doubled = sorted({c for c in text if c in GSM_DOUBLE})
    why = f" ({' '.join(doubled)} take two each)" if doubled else ""
    return f"the SMS takes {places} places{why}, {SMS_LENGTH} fit"
