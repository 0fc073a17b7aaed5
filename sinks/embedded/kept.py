"""Whole answers about where the store stands, kept until their table is written to.

Everybody asks the same few rows all the time (how far the store is, which generation answers) and planning such a
statement costs the engine as much as a scorecard's part. All writes pass through this process, so that it knows
exactly when an answer is over: what is kept is never older than the last INSERT that was answered.
"""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

from sinks.embedded import sql

TABLES = frozenset({"positions", "generations", "faults"})
"""The tables whose answers are kept. No view may fill them: an INSERT is known by the table that it names."""
_ANSWERS = 256
_BYTES = 1 << 16
# What may stand before a bracket, and behind the table: nothing that depends on anything but the table's rows.
_CALLS = frozenset({"tounixtimestamp64milli", "max", "min", "in", "and", "or", "not"})
_CLAUSES = frozenset({"WHERE", "ORDER", "LIMIT"})
_MORE_THAN_A_TABLE = frozenset({"JOIN", "UNION", "EXCEPT", "INTERSECT", "WITH", "SETTINGS", "SAMPLE"})
_OF_THE_CLOCK = ("CURRENT_", "LOCALTIME", "NOW", "TODAY")


@lru_cache(1024)
def kept_table(text: str) -> str:
    """The one table that a plain SELECT reads and whose answers are kept; else nothing."""
    toks = sql.tokens(text)
    words = Counter(t.upper for t in toks)
    if not toks or toks[0].upper != "SELECT" or words["SELECT"] != 1 or words["FROM"] != 1:
        return ""
    if _MORE_THAN_A_TABLE & words.keys() or any(w.startswith(_OF_THE_CLOCK) for w in words):
        return ""
    for token, after in pairwise(toks):
        if after.text == "(" and token.kind != "other" and token.text.lower() not in _CALLS:
            return ""
        if token.upper == "IN" and after.text != "(":
            return ""
    read = toks[next(n for n, t in enumerate(toks) if t.upper == "FROM") + 1 :]
    behind = [t.text.upper() for t in read[1:3] if t.upper != "FINAL"][:1]
    if not read or read[0].kind != "word" or not _CLAUSES.issuperset(behind):
        return ""
    return read[0].text if read[0].text in TABLES else ""


def named_table(target: str) -> str:
    """The bare name of an INSERT's target, whatever database stands before it."""
    toks = sql.tokens(target)
    return toks[-1].text.strip('`"') if toks else ""


class Kept:
    """Answers by table and by what was asked; safe to use from all clients' threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, dict[Hashable, tuple[bytes, ...]]] = {table: {} for table in TABLES}
        self._writing: Counter[str] = Counter()
        self._epoch = 0

    def answer(
        self, table: str, key: Hashable, ask: Callable[[], Iterator[bytes]]
    ) -> Generator[bytes, None, None]:
        """The blocks that `ask` gives, or gave since the table was last written to.

        While it is being written to, every client asks by itself, so that none sees new rows and then old ones.
        """
        with self._lock:
            found, epoch = self._answers[table].get(key), self._epoch
        if found is not None:
            yield from found
            return
        blocks: list[bytes] = []
        for block in ask():
            blocks.append(block)
            yield block
        if sum(map(len, blocks)) <= _BYTES:
            self._keep(table, key, epoch, tuple(blocks))

    def _keep(self, table: str, key: Hashable, epoch: int, blocks: tuple[bytes, ...]) -> None:
        with self._lock:
            if epoch != self._epoch or self._writing[table]:
                return
            answers = self._answers[table]
            if len(answers) >= _ANSWERS:
                answers.clear()
            answers[key] = blocks

    @contextmanager
    def writing(self, target: str | None = None) -> Iterator[None]:
        """For the time in which an INSERT's target, or anything at all (None), is written to."""
        named = TABLES if target is None else TABLES & {named_table(target)}
        self._forget(named, 1)
        try:
            yield
        finally:
            self._forget(named, -1)

    def _forget(self, tables: frozenset[str], begun: int) -> None:
        if tables:
            with self._lock:
                self._epoch += 1
                for table in tables:
                    self._answers[table].clear()
                    self._writing[table] += begun
