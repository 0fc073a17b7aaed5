"""Indicator sets: what the index counts, its maxima and thresholds, as versioned data with dates of validity.

Definitions change from year to year, and any past score can be asked under any set; so a set is data, read
from documents by `indicator_documents` and interpreted by `scoring`.
"""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from domain.errors import InvalidInput
from domain.expressions import Expression, parse_expression

Null = Literal["empty", "zero", "full"]
Basis = Literal["accepted", "completed", "in_hand"]
UnitKind = Literal["province", "department", "commune", "other"]
RuleFamily = Literal["766", "766-shift", "orig", "06a", "06a-stopped-open"]
Attribute = Literal[
    "payable",
    "paid_online",
    "result_due",
    "result",
    "digitised",
    "reused",
    "store",
    "citizen_data",
    "synced",
    "online",
]
Credit = Literal["always", "unless_due_was_shifted"]
PaymentWait = Literal["not_credited", "credited"]
Stopped = Literal["end", "open"]
Reopened = Literal["first_verdict_stays", "last_record"]
ProcedureCount = Literal[
    "all",
    "with_level",
    "online",
    "online_service",
    "with_online_dossier",
    "fee",
    "fee_synced",
    "paid_online",
    "citizen",
    "citizen_data",
]
DOSSIER_QUANTITIES = (
    "received",
    "carried",
    "accepted",
    "accepted_online",
    "accepted_per_portal",
    "done",
    "done_ok",
    "done_late",
    "open",
    "open_late",
    "satisfied",
    "undated_open",
    "undated_done",
)
PETITION_QUANTITIES = tuple(
    f"{basis}_{what}" for basis in ("received", "answered", "hand") for what in ("all", "in_time", "content")
)
"""Under `pet:`, of the petitions received, answered or in hand in the period: all, those answered or still open
within their time, and those of them that were neither disliked nor raised again."""
QUANTITIES: frozenset[str] = frozenset(
    [*DOSSIER_QUANTITIES]
    + [f"{when}:{x}" for when in ("acc", "end", "hand") for x in get_args(Attribute)]
    + [f"procedures:{x}" for x in get_args(ProcedureCount)]
    + [f"pet:{x}" for x in PETITION_QUANTITIES]
)
"""Every name that a figure may mention, beside `FACTS`."""

_ATTRIBUTE_PREFIX: dict[Basis, str] = {"accepted": "acc", "completed": "end", "in_hand": "hand"}
_ALL_OF: dict[Basis, str] = {"accepted": "accepted", "completed": "done", "in_hand": "received"}
_PETITIONS_OF: dict[Basis, str] = {"accepted": "received", "completed": "answered", "in_hand": "hand"}
_PETITION_WORD = re.compile(r"\bpet:(all|in_time|content)\b")
FACTS = frozenset(
    f"fact:{name}"
    for name in (
        "announced announced_on_time to_publicise publicised_on_time procedures_public procedures_full "
        "national_report_accepted last_year_accepted_share communes communes_certifying"
    ).split()
)
"""What documents tell, and what the system counts beside dossiers. `observed:NAME` is what an observation said of
exactly that unit and period."""


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A grade: totals from `at_least` points up to the next better band."""

    code: str
    name: str
    at_least: float


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of indicators; `metric` is the name under which portals publish its total ('' if none)."""

    code: str
    name: str
    name_en: str = ""
    metric: str = ""


class Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the index: rate = numerator / denominator, full marks (`max`) from `full_marks_at` on.

    `unit_kinds` are those it applies to (none named: all); units whose kind is in `inherited_by` take the
    province's figures. `denominator_when_empty` replaces a denominator that is 0 or unknown, where known.
    """

    code: str
    group: str
    name: str
    max: float
    numerator: str
    denominator: str
    name_en: str = ""
    full_marks_at: float = 1.0
    when_empty: Null = "empty"
    when_unknown: Null = "empty"
    denominator_when_empty: str = ""
    basis: Basis | None = None
    unit_kinds: tuple[UnitKind, ...] = ()
    inherited_by: tuple[UnitKind, ...] = ()
    note: str = ""


class Figure(msgspec.Struct, frozen=True):
    """An indicator's formulas, ready to be evaluated."""

    numerator: Expression
    denominator: Expression
    fallback: Expression | None = None


class IndicatorSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole version of the index. Dates of validity are both included; None is open. A draft never holds by its
    dates, only where it is named. `required_parts` are those that a publicised procedure must have."""

    name: str
    bands: tuple[Band, ...]
    groups: tuple[Group, ...]
    indicators: tuple[Indicator, ...]
    version: str = "1"
    title: str = ""
    title_en: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    draft: bool = False
    rules: RuleFamily = "766"
    attribute_basis: Basis = "in_hand"
    petition_basis: Basis = "in_hand"
    supplement_credit: Credit = "always"
    payment_wait: PaymentWait = "not_credited"
    stopped: Stopped = "end"
    reopened: Reopened = "first_verdict_stays"
    required_parts: tuple[str, ...] = ()
    ranked_from: int = 30
    peer_sizes: tuple[int, ...] = (500, 1500)
    total: float = 100

    @property
    def family(self) -> RuleFamily:
        """The rule family that the set's rules and settings come to."""
        if self.rules == "766" and self.supplement_credit == "unless_due_was_shifted":
            return "766-shift"
        if self.rules == "06a" and self.stopped == "open":
            return "06a-stopped-open"
        return self.rules

    def indicator(self, code: str) -> Indicator | None:
        """The indicator of that code, or None."""
        return next((i for i in self.indicators if i.code == code), None)

    def members(self, group: str) -> tuple[Indicator, ...]:
        """The indicators of a group, in the set's order."""
        return tuple(i for i in self.indicators if i.group == group)

    def figure(self, indicator: Indicator) -> Figure:
        """The indicator's formulas with `attr:` and `pet:all` read on this set's bases."""
        return _figure(
            (indicator.numerator, indicator.denominator, indicator.denominator_when_empty),
            indicator.basis or self.attribute_basis,
            self.petition_basis,
        )


def choose_set(sets: Iterable[IndicatorSet], day: date, name: str | None = None) -> IndicatorSet:
    """The set of that name (`2026`, or exactly `2026/1` with its version), or the one valid on a day (of
    several, the one that began last).

    Where two share a name or a beginning, the later in `sets` counts: list them in order of publication.
    """
    listed = tuple(sets)
    if name is not None:
        for found in reversed(listed):
            if name in (found.name, f"{found.name}/{found.version}"):
                return found
        known = ", ".join(dict.fromkeys(s.name for s in listed))
        raise InvalidInput(f"there is no indicator set '{name}': choose one of {known}")
    valid = [s for s in listed if not s.draft and (s.valid_from or date.min) <= day <= (s.valid_to or date.max)]
    if not valid:
        raise InvalidInput(f"no indicator set is valid on {day.isoformat()}: name one with --set")
    return max(reversed(valid), key=lambda s: s.valid_from or date.min)


@lru_cache(maxsize=2_000)
def _figure(texts: tuple[str, str, str], basis: Basis, petitions: Basis) -> Figure:
    def read(text: str) -> Expression:
        words = text.replace("attr:all", _ALL_OF[basis]).replace("attr:", _ATTRIBUTE_PREFIX[basis] + ":")
        return parse_expression(_PETITION_WORD.sub(rf"pet:{_PETITIONS_OF[petitions]}_\1", words))

    numerator, denominator, fallback = texts
    return Figure(read(numerator), read(denominator), read(fallback) if fallback else None)
