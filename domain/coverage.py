"""What the sources of dossiers cannot tell: a figure made of nothing but that is unknown, not zero.

A spreadsheet without a column of fees says nothing about payments. Such a source is described once, as an event
(`unit.source_described`), and the quantities that nobody told become None.
"""

from collections.abc import Iterable, Mapping

from domain.expressions import Number
from domain.measures import ATTRIBUTES

FACTS: dict[str, str] = {
    "due_at": "hạn trả",
    "ended_at": "ngày kết thúc",
    "channel": "hình thức nộp",
    "payable": "phí, lệ phí",
    "paid_online": "hình thức thanh toán",
    "result": "kết quả điện tử",
    "digitised": "số hóa thành phần",
    "reused": "tái sử dụng dữ liệu",
    "store": "kho dữ liệu quốc gia",
    "citizen_data": "dữ liệu dân cư",
    "synced": "đồng bộ lên Cổng",
    "ratings": "đánh giá của người dân",
    "petitions": "phản ánh, kiến nghị",
}
"""What a source may be unable to tell, as officials call it."""
_PROCEDURES = {
    "online": ("with_online_dossier",),
    "payable": ("fee_synced",),
    "paid_online": ("paid_online",),
    "citizen_data": ("citizen_data",),
    "synced": ("fee_synced",),
}
_JUDGED = ("done_ok", "done_late", "open_late", "satisfied")
Quantities = Mapping[str, Number | None]


def untold(found: Quantities, some: frozenset[str], all_of: frozenset[str]) -> frozenset[str]:
    """The quantities of a unit that nobody has told. `some` are the facts that at least one source of its
    dossiers cannot tell, `all_of` those that no source of them can.

    What has been counted at least once was told by somebody and stands.
    """
    names: set[str] = set()
    for x in ATTRIBUTES:
        fact = "channel" if x == "online" else x
        if fact in some and not any(found.get(f"{when}:{x}") for when in ("acc", "end", "hand")):
            names |= {f"{when}:{x}" for when in ("acc", "end", "hand")}
            names |= {f"procedures:{p}" for p in _PROCEDURES.get(x, ())}
            names |= {"accepted_online"} if x == "online" else set()
    if "petitions" in some and not found.get("pet:hand_all"):
        names |= {name for name in found if name.startswith("pet:")}
    if "ratings" in some and found.get("satisfied") == _on_time(found):
        names.add("satisfied")
    received = found.get("received")
    if "ended_at" in all_of or ("due_at" in some and received and _undated(found) == received):
        names |= {*_JUDGED, "done_early"} & {*found, "satisfied"}
    return frozenset(names)


def _on_time(found: Quantities) -> Number:
    return (found.get("done_ok") or 0) + (found.get("open") or 0) - (found.get("open_late") or 0)


def _undated(found: Quantities) -> Number:
    return (found.get("undated_open") or 0) + (found.get("undated_done") or 0)


def facts_of(described: Iterable[tuple[str, Iterable[str], Iterable[str]]]) -> dict[str, frozenset[str]]:
    """By unit ('' for all), what a source cannot tell: from (source, units, facts) in order of time, of which the
    last of each source counts for each of its units; sources of one unit add up."""
    latest: dict[tuple[str, str], frozenset[str]] = {}
    for source, units, facts in described:
        for unit in tuple(units) or ("",):
            latest[source, unit] = frozenset(facts)
    found: dict[str, frozenset[str]] = {}
    for (_, unit), facts in latest.items():
        found[unit] = found.get(unit, frozenset()) | facts
    return found
