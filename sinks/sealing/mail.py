"""The root of each closed day by e-mail (or whatever else Apprise reaches): a copy in somebody's mailbox."""

import logging

from domain.seals import Signed
from sinks.sealing.config import SealConfig

log = logging.getLogger("gs766.sealer")


def mail_root(config: SealConfig, signed: Signed) -> None:
    """Sends a checkpoint that closes a day. A failure is logged: the outside copy has it all the same."""
    checkpoint = signed.checkpoint()
    if not config.mail or not checkpoint.closes:
        return
    import apprise

    days = sorted({close.day for close in checkpoint.closes})
    text = (
        f"Giám Sát 766: mốc niêm phong {checkpoint.number} ngày {', '.join(days)}\n"
        f"SHA-256: {signed.hash}\n\n{signed.body}\n{signed.signature}\n"
    )
    sender = apprise.Apprise()
    sender.add(config.mail)
    if not sender.notify(title=f"Mốc niêm phong {checkpoint.number}: {signed.hash[:16]}", body=text):
        log.warning("the root of %s could not be mailed", ", ".join(days))
