"""One message by Apprise: e-mail over SMTP, and whatever else it reaches.

Its traps: it logs addresses and URLs with their secrets (its logger is cut off here, and its words are never
repeated); it answers true or false only (the code of the server's reply is taken from what it captures); an e-mail
without a valid target goes to the sender (the target is checked when it is kept); text becomes HTML unless both
formats say text; one object waits between two messages (each message has its own).
"""

import logging
import re
from typing import Any

from api.alerts.delivery_settings import Delivery, Mail
from api.alerts.outcomes import PERMANENT, UNANSWERED
from domain.message import Message

_SMTP_CODE = re.compile(r"\((\d{3}), b['\"]")
_HTTP_CODE = re.compile(r"error=(\d{3})\b")
_LATER_SMTP = frozenset({530, 534, 535, 538, 554})
"""Refusals that we mend (a wrong password) or that pass (a policy, a list of spammers)."""
_SILENCE = re.compile(r"timed out|timeout|unexpectedly closed|reset by peer|Broken pipe", re.IGNORECASE)
_NEVER_SENT = re.compile(r"refused\b.*Errno|Errno.*refused|Name or service|unreachable|getaddrinfo", re.IGNORECASE)
TOTAL_SECONDS = 60
RESENT = "(gửi lại) "
"""Before the subject of what may have arrived already."""


def quiet() -> Any:
    """The library, with its log cut off from ours: it names addresses."""
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    # What the library captures for its answer passes this level first: without it no reply's code comes.
    logger.setLevel(logging.DEBUG)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return apprise


def send_mail(delivery: Delivery, mail: Mail, message: Message, address: str, link: str) -> str | None:
    """An e-mail in plain text; None when the server took it, else why not (`outcomes`)."""
    apprise = quiet()
    found = {
        "schema": "mailto" if mail.security == "none" else "mailtos",
        "host": mail.host,
        "smtp_host": mail.host,
        "port": mail.port or None,
        "secure_mode": "insecure" if mail.security == "none" else mail.security,
        "user": mail.user or None,
        "password": delivery.secret(mail.password_file) or None,
        "from_addr": f"{mail.sender_name} <{mail.sender}>",
        "targets": [address],
        "format": "text",
        "cto": mail.timeout_seconds,
        "rto": mail.timeout_seconds,
        "headers": {"X-GS766-Key": message.key, "Auto-Submitted": "auto-generated"},
    }
    return _send(apprise, found, message, link, "the mail server", mail.timeout_seconds)


def send_url(message: Message, url: str, link: str) -> str | None:
    """The same text to an `apprise:` address."""
    return _send(quiet(), url, message, link, f"{url.partition('://')[0]}", 10.0)


def _send(apprise: Any, target: Any, message: Message, link: str, who: str, timeout: float) -> str | None:
    asset = apprise.AppriseAsset(app_id="Giam Sat 766", app_desc="Giám Sát 766", app_url="", async_mode=False)
    plugin = apprise.Apprise.instantiate(target, asset=asset, suppress_exceptions=True)
    if plugin is None:
        return f"{who} cannot be used as it is set: see the delivery settings"
    plugin.socket_connect_timeout = timeout
    plugin.socket_read_timeout = timeout
    sender = apprise.Apprise(asset=asset)
    sender.add(plugin)
    text = message.text if not link or link in message.text else f"{message.text}\n\n{link}"
    result = sender.notify(
        title=f"{RESENT}{message.subject}" if message.retried else message.subject,
        body=text,
        body_format="text",
        timeout=TOTAL_SECONDS,
        log_level=logging.DEBUG,
    )
    if result:
        return None
    late = getattr(result, "status", None) == apprise.AppriseResultStatus.TIMEOUT
    return judged(who, "timed out" if late else "\n".join(entry.message for entry in result.logs()))


def judged(who: str, said: str) -> str:
    """Why a message was not taken, from what the library captured; the reply's code and nothing else of it."""
    smtp = _SMTP_CODE.search(said)
    if smtp:
        code = int(smtp[1])
        refused = code >= 500 and code not in _LATER_SMTP
        return f"{PERMANENT if refused else ''}{who} answered {code}"
    http = _HTTP_CODE.search(said)
    if http:
        refused = http[1] in ("400", "410", "413", "422")
        return f"{PERMANENT if refused else ''}{who} answered HTTP {http[1]}"
    if _NEVER_SENT.search(said):
        return f"{who} cannot be reached"
    if _SILENCE.search(said):
        return f"{UNANSWERED}{who} did not answer"
    return f"{who} did not take it"
