"""How an auditor's answer is shown: facts, tables, and the verdict as the last line."""

from collections.abc import Mapping
from typing import Any

from ops import exits
from ops.commands.shell import is_table, print_facts, print_rows

WORDS = {
    "holds": "ĐẠT (holds)",
    "fails": "KHÔNG ĐẠT (does not hold)",
    "cannot_tell": "KHÔNG CHỨNG MINH ĐƯỢC (cannot tell)",
}
CODES = {"holds": exits.HOLDS, "fails": exits.FAILS, "cannot_tell": exits.CANNOT_TELL}
SHOWN = 20
"""So many rows of a table are shown; --json has all."""
_LAST = ("verdict", "reason", "differences", "checked", "question")


def show(answer: Mapping[str, Any]) -> None:
    """An answer for a person; the verdict stands last."""
    rest = {name: value for name, value in answer.items() if name not in _LAST}
    print_facts({name: value for name, value in rest.items() if not is_table(value) and value not in (None, [])})
    print_facts(answer["checked"])
    for name, rows in (("differences", answer["differences"]), *rest.items()):
        if is_table(rows):
            print_rows([_flat(row) for row in rows[:SHOWN]], title=name)
            if len(rows) > SHOWN:
                print(f"{name}: {len(rows) - SHOWN} more, see --json")
    if answer["reason"]:
        print(answer["reason"])
    print(WORDS[answer["verdict"]])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose lists of events read as coordinates: the JSON has everything."""
    return {name: _brief(value) if is_table(value) else value for name, value in row.items()}


def _brief(events: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{e['type']} {e['partition']}:{e['offset']}:{e['index']} known {e['known_at']}"
        if "offset" in e
        else str(e)
        for e in events
    )
