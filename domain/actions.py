"""What people can do about the index: actions, each by the quantities that one of it moves.

An action names quantities of `indicator_sets.QUANTITIES`, never indicators, so that its worth follows from
whatever a set counts. `when` tells what it can still change: `now` is done to what is in hand already; `ahead`
only to what is still to come, because what is late once stays late in its period.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from domain.expressions import Expression, Largest, Name
from domain.indicator_sets import Indicator, IndicatorSet

When = Literal["now", "ahead"]
NUMERATOR = "numerator:"
"""Begins the code of the action of last resort: one more in the numerator of the indicator named behind it."""


class Action(msgspec.Struct, frozen=True):
    """One kind of action; `moves` is what a single one changes, by quantity. It concerns subjects that the action
    `besides` does not: who is late is not satisfied, so a bad rating alone is mended only at the others."""

    code: str
    name: str
    name_en: str
    when: When
    moves: Mapping[str, int]
    note: str = ""
    besides: str = ""


class Effect(msgspec.Struct, frozen=True):
    """What one action changes of an indicator: −1, 0 or 1 each, since a subject is counted once."""

    numerator: int
    denominator: int


def _attribute(name: str) -> dict[str, int]:
    return {f"{basis}:{name}": 1 for basis in ("acc", "end", "hand")}


_LATE_DOSSIER = {"open_late": -1, "done_ok": 1, "done_late": -1, "satisfied": 1}
_BASES = ("received", "answered", "hand")
_LATE_PETITION = {f"pet:{basis}_{what}": 1 for basis in _BASES for what in ("in_time", "content")}
_NEW_SERVICE = "Dịch vụ mới chưa có hồ sơ làm giảm tỷ lệ dịch vụ có phát sinh hồ sơ; phần giảm đó chưa tính."

ACTIONS: tuple[Action, ...] = (
    Action("late_dossier", "Một hồ sơ không để trễ hạn", "one dossier kept on time", "ahead", _LATE_DOSSIER),
    Action(
        "unhappy_dossier",
        "Một hồ sơ không bị đánh giá không hài lòng",
        "one dossier without a bad rating",
        "ahead",
        {"satisfied": 1},
        besides="late_dossier",
    ),
    Action("late_petition", "Một PAKN không để trễ hạn", "one petition kept on time", "ahead", _LATE_PETITION),
    Action(
        "unhappy_petition",
        "Một PAKN không bị phản ánh lại",
        "one petition neither disliked nor raised again",
        "ahead",
        {f"pet:{basis}_content": 1 for basis in _BASES},
        besides="late_petition",
    ),
    Action(
        "digitised_dossier",
        "Số hóa thành phần, kết quả một hồ sơ",
        "one dossier digitised",
        "now",
        _attribute("digitised"),
    ),
    Action(
        "electronic_result",
        "Cấp kết quả điện tử một hồ sơ",
        "one electronic result",
        "now",
        _attribute("result"),
    ),
    Action(
        "reused_data", "Tái sử dụng dữ liệu ở một hồ sơ", "one dossier reusing data", "now", _attribute("reused")
    ),
    Action(
        "shared_to_store",
        "Kết nối Kho dữ liệu ở một hồ sơ",
        "one dossier shared with the store",
        "now",
        _attribute("store"),
    ),
    Action(
        "citizen_data",
        "Khai thác dữ liệu dân cư ở một hồ sơ",
        "one dossier using population data",
        "now",
        _attribute("citizen_data"),
    ),
    Action(
        "synced_dossier",
        "Đồng bộ một hồ sơ lên Cổng",
        "one dossier synced to the portal",
        "now",
        _attribute("synced"),
    ),
    Action(
        "online_payment",
        "Một hồ sơ thanh toán trực tuyến",
        "one online payment",
        "now",
        _attribute("paid_online"),
        "Chỉ hồ sơ chưa thanh toán mới chuyển được sang trực tuyến.",
    ),
    Action(
        "online_filing",
        "Một hồ sơ nộp trực tuyến thay vì trực tiếp",
        "one dossier filed online",
        "ahead",
        {"accepted_online": 1, **_attribute("online")},
    ),
    Action(
        "procedure_online",
        "Một TTHC cung cấp trực tuyến",
        "one procedure offered online",
        "now",
        {"procedures:online": 1},
        _NEW_SERVICE,
    ),
    Action(
        "service_with_dossier",
        "Một dịch vụ công trực tuyến có hồ sơ đầu tiên",
        "one online service with its first online dossier",
        "now",
        {"procedures:with_online_dossier": 1},
    ),
    Action(
        "fee_synced",
        "Một TTHC có phí tích hợp thanh toán",
        "one fee procedure integrated",
        "now",
        {"procedures:fee_synced": 1},
    ),
    Action(
        "procedure_paid_online",
        "Một TTHC có giao dịch trực tuyến đầu tiên",
        "one fee procedure with its first online payment",
        "now",
        {"procedures:paid_online": 1},
    ),
    Action(
        "procedure_citizen_data",
        "Một TTHC khai thác dữ liệu dân cư",
        "one procedure using population data",
        "now",
        {"procedures:citizen_data": 1},
    ),
    Action(
        "announced_on_time",
        "Một TTHC công bố đúng hạn",
        "one procedure announced on time",
        "ahead",
        {"fact:announced_on_time": 1},
    ),
    Action(
        "publicised_on_time",
        "Một TTHC công khai đúng hạn",
        "one procedure publicised on time",
        "ahead",
        {"fact:publicised_on_time": 1},
    ),
    Action(
        "full_content",
        "Một TTHC công khai đủ nội dung",
        "one procedure publicised in full",
        "now",
        {"fact:procedures_full": 1},
    ),
    Action(
        "commune_certifying",
        "Một xã chứng thực bản sao điện tử",
        "one commune certifying electronic copies",
        "now",
        {"fact:communes_certifying": 1},
    ),
)


def effects(indicator_set: IndicatorSet, action: Action) -> dict[str, Effect]:
    """What one of an action changes under a set, by indicator; only where it changes anything."""
    found: dict[str, Effect] = {}
    for indicator in indicator_set.indicators:
        figure = indicator_set.figure(indicator)
        up, down = _shift(figure.numerator, action.moves), _shift(figure.denominator, action.moves)
        if up or down:
            found[indicator.code] = Effect(_once(up), _once(down))
    return found


def actions_of(indicator_set: IndicatorSet) -> tuple[tuple[Action, dict[str, Effect]], ...]:
    """The actions that mean something under a set; an indicator that none of them moves gets its own."""
    known = [(action, effects(indicator_set, action)) for action in ACTIONS]
    found = [(action, moved) for action, moved in known if any(e.numerator > 0 for e in moved.values())]
    reached = {code for _, moved in found for code, e in moved.items() if e.numerator > 0}
    rest = [i for i in indicator_set.indicators if i.code not in reached]
    return (*found, *((_last_resort(i), {i.code: Effect(1, 0)}) for i in rest))


def _last_resort(indicator: Indicator) -> Action:
    name = f"Thêm một đơn vị ở tử số: {indicator.name}"
    english = f"one more in the numerator of {indicator.name_en or indicator.code}"
    return Action(f"{NUMERATOR}{indicator.code}", name, english, "ahead", {})


def _shift(expression: Expression, moves: Mapping[str, int]) -> int:
    """The change of a figure; of max(…) that of the argument which moves most: 'up to', never less."""
    if isinstance(expression, Name):
        return moves.get(expression.name, 0)
    if isinstance(expression, Largest):
        return max((_shift(part, moves) for part in expression.of), key=abs, default=0)
    return sum(sign * _shift(term, moves) for sign, term in expression.terms)


def _once(change: int) -> int:
    return max(-1, min(1, change))
