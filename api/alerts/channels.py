"""The ways to a person: one message on one channel, taken or not, and why not."""

from domain.message import Message


class Channels:
    """Sends a message on a channel of its account; addresses are looked up here and told to nobody."""

    def send(self, message: Message, channel: str) -> str | None:
        """None when the far side took it, else the reason in plain words, without address or secret; a reason that
        `is_permanent` is not to be tried again."""
        del message
        return f"there is no channel {channel}"


def is_permanent(reason: str) -> bool:
    """Whether trying again cannot help (an unknown address, a refused text): record it and show it, once."""
    return reason.startswith(PERMANENT)


PERMANENT = "permanent: "
"""How a reason begins where trying again cannot help."""
