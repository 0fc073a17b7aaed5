"""A notifier of messages over plain files, to be killed: a log of acts, and what each account was told.

Everything of the product is in it but Kafka, ClickHouse and the network: acts are lines of a file, a message that
is taken is a line of another. Each start reads the log back and goes on. It is killed from within, at a write that
the caller chooses: from outside, a busy machine lets it end before the signal comes.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from api.messaging.sending import Sender
from domain.instants import parse_rfc3339
from domain.message import Message
from domain.messages.ledger import act_of
from domain.messages.planning import plan
from domain.messages.rules import decode_rules
from domain.messages.values import Alert, Province
from tests.support.messages import CALENDAR, ZONE, alert, at, who

NOW = at("2026-11-10T07:15")
UNITS, EACH = 100, 100
PEOPLE = tuple(
    who(f"officer-{n}", "officer", f"H44.{n}", *(("email",) if n % 10 else ("email", "sms"))) for n in range(UNITS)
)
KINDS = ("A01", "A02", "A04", "A05")


def alerts() -> tuple[Alert, ...]:
    """Ten thousand alerts of a hundred units."""
    return tuple(
        alert(KINDS[n % 4], "2026-11-10T00:00", f"{u}-{n}", unit=f"H44.{u}", due="2026-11-10T00:00")
        for u in range(UNITS)
        for n in range(EACH)
    )


class Files:
    """The alert log and the far side; every write is whole before it returns. With the `last` one, of whichever
    thread, the process is killed while the others go on."""

    def __init__(self, folder: Path, last: int) -> None:
        self._log, self._told = folder / "acts", folder / "told"
        self._left, self._mutex = last, threading.Lock()

    def write(self, pairs: Sequence[tuple[str, bytes]]) -> None:
        self._append(self._log, b"".join(raw + b"\n" for _, raw in pairs))

    def _append(self, path: Path, raw: bytes) -> None:
        with self._mutex:  # a kill amid another thread's write would leave half a line
            _append(path, raw)
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def read(self) -> list[dict[str, object]]:
        lines = self._log.read_bytes().split(b"\n")[:-1] if self._log.exists() else []
        return [json.loads(line) for line in lines]

    def send(self, message: Message, channel: str) -> str | None:
        told = [message.account, channel, message.key, message.retried, list(message.alerts)]
        self._append(self._told, json.dumps(told).encode() + b"\n")
        return None


def _append(path: Path, raw: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, raw)
    os.close(fd)


def main(folder: Path, last: int) -> None:
    """Reads back, plans, sends until nothing is left. `last`: the write that it is killed at, 0 for none."""
    files, found = Files(folder, last), alerts()
    sender = Sender(ZONE, files, files.write, threads=4)
    for event in files.read():
        kind, subject, when, data = (event[name] for name in ("type", "subject", "time", "data"))
        assert isinstance(data, dict)
        act = act_of(str(subject), str(kind).removeprefix("alert."), parse_rfc3339(str(when)), data)
        sender.take([act])
    above = {f"H44.{n}": (f"H44.{n}", "H44") for n in range(UNITS)}
    province = Province(decode_rules({}), CALENDAR, PEOPLE, above, {})
    sender.carry_out(NOW, plan(NOW, found, sender.ledger, province), found)
    while sender.waiting:
        sender.pump(NOW, 1.0)
    sender.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
