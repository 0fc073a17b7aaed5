"""The ways to a person: one message on one channel, taken or not, and why not."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx

from api.alerts import delivery_settings, gateway, mail
from api.alerts.delivery_settings import Delivery
from api.alerts.outcomes import PERMANENT, UNANSWERED, is_permanent, outcome
from api.alerts.recipients import RecipientStore
from api.alerts.sent import SentStore
from domain.errors import Gs766Error
from domain.instants import Millis
from domain.message import Message, sms_fault
from domain.messages.forbidden import forbidden

__all__ = ["PERMANENT", "UNANSWERED", "Channels", "is_permanent", "outcome"]
log = logging.getLogger(__name__)


def _wall() -> Millis:
    return time.time_ns() // 1_000_000


class Channels:
    """Sends a message on a channel of its account; addresses are looked up here and told to nobody. Blocks up to
    the channel's timeout; may be called from several threads."""

    def __init__(
        self,
        recipients: RecipientStore,
        sent: SentStore,
        delivery: Callable[[], Delivery],
        client: httpx.Client,
        now: Callable[[], Millis] = _wall,
    ) -> None:
        # Its INFO lines hold the whole URL, in which some gateways want their secret.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._recipients, self._sent, self._delivery = recipients, sent, delivery
        self._client, self._now = client, now

    @classmethod
    def open(cls, private: Path, settings: Path | None) -> Self:
        """The channels of an installation; the settings are read for every message, so that a mended file helps
        what still waits."""
        limits = httpx.Limits(max_connections=16)
        client = httpx.Client(limits=limits, trust_env=False)
        return cls(RecipientStore(private), SentStore(private), lambda: delivery_settings.load(settings), client)

    def close(self) -> None:
        """Closes connections."""
        self._client.close()

    def send(self, message: Message, channel: str) -> str | None:
        """None when the far side took it, else the reason in plain words, without address or secret; a reason that
        `is_permanent` is not to be tried again, one that is `unanswered` may have arrived."""
        now = self._now()
        try:
            reason = self._sending(message, channel, now)
        except Gs766Error as error:
            reason = str(error)
        self._sent.record(message, channel, reason or "", now)
        if reason is not None:
            log.warning("%s of %s to %s: %s", channel, message.key, message.account, reason)
        return reason

    def _sending(self, message: Message, channel: str, now: Millis) -> str | None:
        held = f"{message.subject}\n{message.text}\n{message.sms}\n" + "\n".join(message.params.values())
        wrong = forbidden(held)
        if wrong:
            return f"{PERMANENT}the text holds {', '.join(wrong)}: it must never be sent"
        found = self._recipients.address(message.account, channel, now)
        if found is None:
            return f"{PERMANENT}account {message.account} has no channel {channel}"
        kind, address = found
        delivery = self._delivery()
        if not delivery.serves(kind):
            return f"{kind} is not set up: the delivery settings have no [{kind}]"
        message, link = self._linked(message, delivery, now)
        if kind == "email":
            assert delivery.email is not None
            return mail.send_mail(delivery, delivery.email, message, address, link)
        if kind == "apprise":
            return mail.send_url(message, address, link)
        return gateway.post(self._client, delivery, channel, message, address, link)

    def _linked(self, message: Message, delivery: Delivery, now: Millis) -> tuple[Message, str]:
        """The message with its plain link made a signed one, and that link; '' where the board's address is not
        known. In an SMS the signed link stands only where it fits."""
        plain = re.compile(r"(https?://[^\s()]+?)" + re.escape(message.path) + r"(?![\w/.-])")
        found = plain.search(message.text) if message.path else None
        board = delivery.links.board.rstrip("/") or (found[1] if found else "")
        path = self._sent.path(self._sent.remember(message, now))
        if not board:
            return message, ""
        link = board + path
        if not message.path:
            return message, link
        sms = plain.sub(link, message.sms)
        kept = message.sms if sms_fault(sms) else sms
        return replace(message, text=plain.sub(link, message.text), sms=kept), link
