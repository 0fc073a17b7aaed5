"""A bundle of alerts as a finished message: a sentence a kind, the most urgent first; numbers, never dossiers."""

from collections.abc import Iterable, Mapping, Sequence

from domain.alerts import Level
from domain.instants import Millis
from domain.message import Message, Recipient
from domain.messages.forbidden import forbidden
from domain.messages.ledger import Ledger
from domain.messages.rules import Chairman
from domain.messages.slots import Moment
from domain.messages.values import Alert
from domain.messages.wording import DEFAULT_NUMBERS, Line, long_text, number, plain, short_text, subject_text

_URGENCY: tuple[Level, ...] = ("red", "violet", "amber", "grey", "green")
_NAMED_DAYS = 2
_NAMED_UNITS = 5
SILENT = "A13"
NAMELESS: Mapping[str, str] = {}


def message_of(
    key: str,
    to: Recipient,
    slot: Millis,
    alerts: Sequence[tuple[Alert, str]],
    more: Iterable[Line],
    moment: Moment,
    unit_name: str,
    data_to: Millis | None,
    *,
    retried: bool,
    numbers: Mapping[str, str] = DEFAULT_NUMBERS,
    names: Mapping[str, str] = NAMELESS,
) -> Message | str:
    """The message, or why its text may not be sent. `names` are those of units."""
    by_kind: dict[str, list[Alert]] = {}
    for alert, _ in alerts:
        by_kind.setdefault(alert.kind, []).append(alert)
    kinds = sorted(by_kind, key=lambda kind: (_urgency(by_kind[kind]), kind))
    numbers = {**numbers, "silent": _silent(by_kind.get(SILENT, ()), to.unit, names)}
    lines = (*(_line(kind, by_kind[kind], moment, numbers) for kind in kinds), *_reasons(alerts), *more)
    units = len({alert.unit for alert, _ in alerts})
    text = long_text(unit_name, lines, _moment_text(data_to, moment), units=units, repeated=retried)
    sms = short_text(unit_name, lines, repeated=retried)
    subject = subject_text(unit_name, lines)
    wrong = forbidden(f"{subject}\n{text}\n{sms}")
    if wrong:
        return ", ".join(wrong)
    return Message(
        key=key,
        account=to.account,
        unit=to.unit,
        slot=slot,
        kinds=tuple(kinds),
        alerts=tuple(sorted(alert.id for alert, _ in alerts)),
        level=_URGENCY[min(_urgency(listed) for listed in by_kind.values())],
        subject=subject,
        text=text,
        sms=sms,
        params=_params(unit_name, by_kind, kinds),
        path=f"/don-vi/{to.unit}",
        retried=retried,
    )


def chairman_line(ages: Sequence[float], rules: Chairman) -> tuple[Line, ...]:
    """The line of the chairman's brief from the working days for which each late alert lay untaken; () below both
    thresholds."""
    long = [age for age in ages if age >= rules.after_working_days]
    counted = len(ages) if len(ages) >= rules.dossiers else len(long)
    return (Line("chairman", {"n": number(counted)}),) if counted else ()


def unacknowledged_ages(moment: Moment, ledger: Ledger, alerts: Iterable[Alert]) -> list[float]:
    """Of what the chain's alerts speak of, told to people and taken by nobody: working days since the first
    notice. A dossier with several alerts counts once, by the oldest."""
    found: dict[str, float] = {}
    for alert in alerts:
        entry = ledger.entry(alert.id)
        if alert.kind in moment.rules.escalation.kinds and entry.first_told is not None:
            end = entry.quiet_end(moment.calendar, moment.rules)
            if end is None or end <= moment.now:
                age = moment.worked_days(max(entry.first_told, end or 0))
                found[alert.subject] = max(age, found.get(alert.subject, 0.0))
    return list(found.values())


def _urgency(alerts: Iterable[Alert]) -> int:
    return min(_URGENCY.index(alert.level) for alert in alerts)


def _line(kind: str, alerts: Sequence[Alert], moment: Moment, numbers: Mapping[str, str]) -> Line:
    zone = moment.calendar.zone
    dues = sorted({zone.day(alert.due_at) for alert in alerts if alert.due_at is not None})
    today = zone.local(moment.now).strftime("%d/%m")
    return Line(
        kind,
        {
            "n": number(len(alerts)),
            "due": _days_text(dues, moment),
            "soon": "NGAY MAI" if dues == [moment.day + 1] else f"ngay {_days_text(dues, moment).split(' ')[-1]}",
            "today": today,
            "by_day": number(sum(a.due_at is not None and zone.day(a.due_at) < moment.day for a in alerts)),
            "since": _since_text(min(alert.start for alert in alerts), moment),
            **numbers,
        },
    )


def _silent(alerts: Iterable[Alert], own: str, names: Mapping[str, str]) -> str:
    """Which units below one's own are silent; nothing where the whole system is, or oneself."""
    units = sorted({alert.unit for alert in alerts} - {own})
    named = [names.get(unit, unit) for unit in units[:_NAMED_UNITS]]
    more = f" và {number(len(units) - _NAMED_UNITS)} đơn vị khác" if len(units) > _NAMED_UNITS else ""
    return f" Đơn vị không có dữ liệu: {', '.join(named)}{more}." if units else ""


def _days_text(days: Sequence[int], moment: Moment) -> str:
    """'ngày 24/11/2026', two days joined, more as a span; 'không rõ' for none."""
    dates = [moment.calendar.zone.local(moment.at("12:00", day)).strftime("%d/%m/%Y") for day in days]
    if not dates:
        return "không rõ"
    if len(dates) > _NAMED_DAYS:
        return f"từ {dates[0]} đến {dates[-1]}"
    return "ngày " + " và ".join(dates)


def _since_text(at: Millis, moment: Moment) -> str:
    local = moment.calendar.zone.local(at)
    same = moment.calendar.zone.day(at) == moment.day
    return local.strftime("%H:%M") if same else local.strftime("%H:%M ngày %d/%m")


def _moment_text(at: Millis | None, moment: Moment) -> str:
    return moment.calendar.zone.local(moment.now if at is None else at).strftime("%H:%M ngày %d/%m/%Y")


def _reasons(alerts: Sequence[tuple[Alert, str]]) -> list[Line]:
    counts: dict[str, int] = {}
    for _, reason in alerts:
        counts[reason] = counts.get(reason, 0) + 1
    return [
        Line(reason, {"n": number(counts[reason])})
        for reason in ("promise_broken", "unacknowledged", "vacant", "digest", "outage")
        if reason in counts
    ]


def _params(unit_name: str, by_kind: dict[str, list[Alert]], kinds: Sequence[str]) -> dict[str, str]:
    """Numbers for templates: the unit, the sum, each kind's count under its code."""
    found = {"unit": unit_name, "total": number(sum(map(len, by_kind.values())))}
    return found | {kind: number(len(by_kind[kind])) for kind in kinds} | {"unit_plain": plain(unit_name)}
