"""The errors of the product: a short tree, each documented by what the catcher does with it."""


class Gs766Error(Exception):
    """Root of all errors that speak to a person; the message says what was wrong, where, and what to do."""


class InvalidEvent(Gs766Error):
    """An event that can never be accepted: dead-letter or answer it, never retry.

    `reason` is a plain sentence, `field` the dotted name of the field at fault ('' for the whole event).
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class NewerEvent(Gs766Error):
    """An event of a `dataversion` that this code does not know: stop that partition, upgrade, go on."""


class InvalidInput(Gs766Error):
    """What a person typed or sent cannot be used (a period, an instant, a mapping): exit 2 or 422."""


class NotKnownYet(InvalidInput):
    """The question is about an instant before the log began: answered by an error, never by zeros."""


class Refused(Gs766Error):
    """A safety check failed (a replaced log, a hole, a wrong topic setting): stop, red, a person decides."""


class Unavailable(Gs766Error):
    """A part of the stack does not answer now: retry later (503, exit 4)."""
