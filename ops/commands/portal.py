"""`reconcile --portal`: the published figures beside ours, as a person reads them."""

from typing import Any

from domain.errors import InvalidInput
from ops.client import Client
from ops.commands.lists import COLUMNS as DOSSIER_COLUMNS
from ops.commands.shell import print_facts, print_json, print_rows, print_table, say
from ops.settings import Settings

CODES = {"holds": 0, "fails": 1, "cannot_tell": 3}
PAGE = 1_000


def compare(
    settings: Settings,
    unit: str | None,
    period: str | None,
    as_of: str | None,
    known_at: str | None,
    indicator_set: str | None,
    cause: str | None,
    *,
    show: int,
    as_json: bool,
) -> int:
    """Prints the comparison, or the dossiers behind one cause; gives the exit code."""
    if period is None:
        raise InvalidInput("which period? gs766 reconcile --portal --period 2026-08")
    client = Client(settings)
    query: dict[str, Any] = {"unit": unit or settings.root, "period": period, "as_of": as_of, "known_at": known_at}
    query["set"] = indicator_set or settings.indicator_set or None
    if cause is not None:
        found = client.get("/v1/reconciliation/dossiers", **query, cause=cause, limit=max(1, min(show, PAGE)))
        if as_json:
            print_json(found)
        else:
            print_rows(found["dossiers"], DOSSIER_COLUMNS)
        return 0
    found = client.get("/v1/reconciliation", **query)
    if as_json:
        print_json(found)
    else:
        _print(found, show)
    return CODES[found["verdict"]]


def _print(found: dict[str, Any], show: int) -> None:
    head = ("unit", "period", "set", "receipt", "verdict")
    print_facts({name: found[name] for name in head})
    if found["reason"]:
        say(found["reason"])
        return
    causes = [
        (c["code"], c["name"], c["basis"], "yes" if c["applied"] else "no", c["dossiers"], c["rule"] or _silent(c))
        for c in found["causes"]
    ]
    print_table(("cause", "name", "basis", "applied", "dossiers", "rule"), causes)
    used = [c["code"] for c in found["causes"] if c["applied"]]
    told = [d for d in found["differences"] if d["comparable"]]
    # What is not explained stands first.
    told.sort(key=lambda d: bool(d["explained"]))
    rows = [
        (
            d["metric"],
            d["kind"],
            d["ours"],
            d["portal"],
            d["difference"],
            *(d["causes"].get(c) for c in used),
            d["remainder"],
        )
        for d in told[:show]
    ]
    print_table(("metric", "kind", "ours", "portal", "difference", *used, "remainder"), rows)
    if len(told) > show:
        print(f"… and {len(told) - show} more (--show)")
    for d in found["differences"]:
        if not d["comparable"]:
            print(f"not compared: {d['metric']} {d['kind']}: {d['reason']}")


def _silent(cause: dict[str, Any]) -> str:
    return "" if cause["told"] else "the log does not tell"
