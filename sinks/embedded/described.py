"""What the engine said of columns, kept until a statement may have changed a table: to ask costs as much as a
small answer, and a client that looks twice a second asks of nothing new each time."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

Columns = list[tuple[str, str]]
"""(name, type) of each."""

_KEPT = 4096
# Of these digits every whole number is a UInt64, so that no type depends on which one it is: instants, mostly.
_LONG_NUMBER = re.compile(r"(?<![\w.])[0-9]{11,18}(?![\w.])")


def shape(text: str) -> str:
    """A statement without what cannot change its columns: two of one shape have the same names and types."""
    return _LONG_NUMBER.sub("#", text)


class Described:
    """Columns by what they were asked of; safe to use from all clients' threads."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, Columns] = OrderedDict()
        self._epoch = 0
        self._lock = threading.Lock()

    def columns(self, key: Hashable, ask: Callable[[], Columns]) -> Columns:
        """What `ask` says, or said before under this key; not kept when a table may have changed meanwhile."""
        with self._lock:
            found, epoch = self._found.get(key), self._epoch
            if found is not None:
                self._found.move_to_end(key)
                return found
        columns = ask()
        with self._lock:
            if epoch == self._epoch:
                self._found[key] = columns
                if len(self._found) > _KEPT:
                    self._found.popitem(last=False)
        return columns

    def forget(self) -> None:
        """Called before and after every statement that may change a table."""
        with self._lock:
            self._epoch += 1
            self._found.clear()
