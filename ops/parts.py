"""The parts of a stack, declared in one table: what each needs, and how the supervisor treats it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.errors import InvalidInput
from ops.settings import Settings


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the stack, run as `gs766 part NAME`.

    It is *ready* when it prints a line `ready`, optionally with `key=value` words; a part that runs `once` is
    ready when it has ended with exit 0. A `vital` part that cannot start ends the start of the whole stack.
    """

    name: str
    does: str
    needs: tuple[str, ...] = ()
    once: bool = False
    vital: bool = False


PARTS: tuple[Part, ...] = (
    Part("broker", "the local Kafka, which holds the two logs", vital=True),
    Part("store", "the embedded ClickHouse, which answers questions", vital=True),
    Part("migrate", "makes topics and tables what this release needs", ("broker", "store"), once=True, vital=True),
    Part("writer", "copies the logs and the derived rows into the store", ("migrate",)),
    Part("worker", "folds the log into derived rows", ("migrate",)),
    Part("api", "answers over HTTP and shows the board", ("migrate",), vital=True),
    Part("sealer", "seals both logs with signed checkpoints", ("migrate",)),
    Part("notifier", "judges alerts at now and tells people", ("api",)),
)
DEMO = Part("demo", "streams a simulated province", ("api", "writer", "worker"))
WATCH = Part("watch", "imports files that are put into a folder", ("migrate",))
_ALL = (*PARTS, DEMO, WATCH)


def chosen_parts(
    settings: Settings, only: Iterable[str] = (), without: Iterable[str] = (), demo: bool = False
) -> tuple[Part, ...]:
    """The parts that a start runs, in the order of the table; needs that are not among them are taken as met.

    A configured Kafka or ClickHouse replaces the local one. InvalidInput for a name that is no part.
    """
    table = (*PARTS, *((DEMO,) if demo else ()), *((WATCH,) if settings.watch else ()))
    names = [part.name for part in table]
    only, without = set(only), set(without)
    for name in sorted(only | without):
        if name not in names:
            raise InvalidInput(f"'{name}' is not a part: the parts are {', '.join(names)}")
    if settings.kafka.bootstrap:
        without.add("broker")
    if settings.clickhouse.host:
        without.add("store")
    kept = tuple(p for p in table if (not only or p.name in only) and p.name not in without)
    if not kept:
        raise InvalidInput("nothing is left to start")
    return kept


def unmet(part: Part, table: Iterable[Part], met: Iterable[str]) -> tuple[str, ...]:
    """What a part still waits for; what the table does not run counts as met, with what it needs in turn.

    A left-out part passes its own needs on: without `migrate`, the writer waits for broker and store.
    """
    running = {p.name for p in table}
    met = set(met)
    waiting: list[str] = []
    for name in _reach(part.needs, running):
        if name in running and name not in met:
            waiting.append(name)
    return tuple(dict.fromkeys(waiting))


def dependents(name: str, table: Iterable[Part]) -> tuple[str, ...]:
    """The parts that need this one, directly or through others: they are stopped before it."""
    by_name: Mapping[str, Part] = {p.name: p for p in _ALL}
    found: list[str] = []
    for part in table:
        queue, seen = list(part.needs), set[str]()
        while queue:
            need = queue.pop()
            if need not in seen:
                seen.add(need)
                queue.extend(by_name[need].needs)
        if name in seen:
            found.append(part.name)
    return tuple(found)


def _reach(needs: Iterable[str], running: set[str]) -> list[str]:
    by_name = {p.name: p for p in _ALL}
    reached: list[str] = []
    for need in needs:
        if need in running:
            reached.append(need)
        else:
            reached += _reach(by_name[need].needs, running)
    return reached
