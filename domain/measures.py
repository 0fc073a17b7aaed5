"""The names of all measures that a dossier or a petition is booked under, in one fixed order.

The order is the order of columns in every cell table and of values in every change record: new measures are
appended, never inserted (a change of order is a new fold fingerprint).
"""

FAMILIES: tuple[str, ...] = ("766", "766-shift", "orig", "06a", "06a-stopped-open")
"""The rule families, a closed list, all always booked; an indicator set names one (decisions 10)."""

ATTRIBUTES: tuple[str, ...] = (
    "online",
    "payable",
    "paid_online",
    "result_due",
    "result",
    "digitised",
    "reused",
    "store",
    "citizen_data",
    "synced",
)
"""What a dossier may have, booked by acceptance, by end, and as a level (decisions 11)."""


def suffix(family: str) -> str:
    """A family's name as it stands in column names: '06a-stopped-open' → '06a_stopped_open'."""
    return family.replace("-", "_")


def _measures() -> tuple[str, ...]:
    names = ["entered", "left", "entered_stopped_open", "left_stopped_open", "accepted", "undated", "left_undated"]
    for family in FAMILIES:
        names += [f"{m}_{suffix(family)}" for m in ("left_ok", "left_good", "late_open", "late_unhappy")]
    names += ["left_early_06a", "left_early_06a_stopped_open", "open_unhappy", "open_unhappy_stopped_open"]
    for name in ATTRIBUTES:
        names += [f"acc_{name}", f"end_{name}", f"entered_{name}", f"left_{name}"]
    names += ["pet_received", "pet_left", "pet_left_ok", "pet_late_open", "pet_unhappy"]
    names += ["acc_fee_synced"]
    return tuple(names)


MEASURES: tuple[str, ...] = _measures()
INDEX: dict[str, int] = {name: n for n, name in enumerate(MEASURES)}

PROCEDURE_MEASURES: tuple[str, ...] = (
    "accepted",
    "acc_online",
    "acc_payable",
    "acc_paid_online",
    "acc_citizen_data",
    "acc_synced",
    "acc_fee_synced",
)
"""What the distinct counts of procedures need (table `procedure_days`)."""
