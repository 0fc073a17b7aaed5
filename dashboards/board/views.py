"""The overview's fragments as HTML: strip, score, groups, three numbers, units. Pure functions of `Live`."""

from dashboards.board.html import esc, level, link, panel, unit_path
from dashboards.board.model import Indicator, Live, Score
from dashboards.board.words import Lang, band, duration, number, percent, plain, time_of_day, word
from domain.instants import Zone

BAND_LEVELS = {"Xuất sắc": "green", "Tốt": "green", "Khá": "green", "Trung bình": "amber", "Yếu": "red"}
CLOCKS = {"log": "by_clock"}
WALL_ROWS = 7
LOST_ROWS = 6


def strip(live: Live, zone: Zone, lang: Lang) -> str:
    """Freshness, first on every screen: stale is never shown as fresh."""
    demo = f'<span class="demo">{level("violet")}{word("demo", lang)}</span>' if live.demo else ""
    day = f"{zone.local(live.at):%d/%m/%Y}"
    return f'{_freshness(live, zone, lang)}<span class="grow"></span>{demo}<span class="day">{day}</span>'


def _freshness(live: Live, zone: Zone, lang: Lang) -> str:
    fresh = live.freshness
    if fresh.up_to is None:
        return f'<b class="alarm">{level("red")}{word("no_data", lang)}</b>'
    units = f"{number(fresh.units_with_data, lang)}/{number(fresh.units, lang)} {word('units_with_data', lang)}"
    if fresh.stale_ms is not None:
        old = duration(fresh.stale_ms, lang).upper()
        since = f"{zone.local(fresh.up_to):%H:%M %d/%m}"
        return f'<b class="alarm">{level("red")}{word("stale", lang)} {old}</b> <span>{since} · {units}</span>'
    clock = "" if live.clock == "wall" else f" ({word(CLOCKS.get(live.clock, 'fixed_clock'), lang)})"
    at = f"{word('fresh', lang)} <b>{time_of_day(fresh.up_to, zone)}</b>"
    return f'<span class="fresh">{at}{clock} · {units}</span>'


def failure(reason: str, lang: Lang) -> str:
    """The strip while the figures cannot be read."""
    return f'<b class="alarm">{level("red")}{word("no_answer", lang)}</b> <span>{esc(reason)}</span>'


def old(live: Live, zone: Zone, lang: Lang) -> str:
    """Of which time the figures are that stay on the screen while no newer ones can be read."""
    return f"<span>{word('old', lang)} {zone.local(live.at):%H:%M %d/%m}</span>"


def score(found: Score, lang: Lang) -> str:
    """The two totals and the band."""
    name = BAND_LEVELS.get(found.band, "grey")
    return (
        f"<h2>{word('portal_score', lang)}</h2>"
        f'<div class="total"><span class="big">{number(found.total_portal, lang, 2)}</span>'
        f'<span class="of">/100</span></div>'
        f'<div class="band">{level(name)}<b>{esc(band(found.band, lang)).upper()}</b></div>'
        f'<div class="rebased">{word("rebased", lang)} <b>{number(found.total_rebased, lang, 2)}</b></div>'
        f'<div class="quiet">{word("period", lang)} {esc(found.period)}</div>'
    )


def groups(found: Score, lang: Lang) -> str:
    """Six bars in percent of each group's maximum; what did not arise is hatched."""
    rows = []
    for group in found.groups:
        share = 0 if group.points is None else 100 * group.points / group.max
        hatched = 100 * group.not_arisen / group.max
        name = group.name_en if lang == "en" else group.name
        note = word("not_arisen", lang)
        hatch = f'<i class="hatch" style="width:{hatched:.2f}%" title="{note}"></i>' if hatched else ""
        # The words stand only where they fit: the note to the right of the figure says it otherwise.
        figure = f"{plain_points(group.points, lang)}<small>/{plain(group.max, lang)}</small>"
        aside = f"<em>{level('grey')}{plain(group.not_arisen, lang)} {note}</em>" if hatched else ""
        rows.append(
            f'<div class="bar"><span class="name"><b>{group.code}</b> {esc(name)}{aside}</span>'
            f'<span class="figure">{figure}</span>'
            f'<span class="track"><i class="fill" style="width:{share:.2f}%"></i>{hatch}</span></div>'
        )
    return panel(word("groups", lang), f'<div class="bars">{"".join(rows)}</div>')


def plain_points(points: float | None, lang: Lang) -> str:
    """Points to the second decimal, '—' where there are none."""
    return number(points, lang, 2)


def numbers(live: Live, lang: Lang) -> str:
    """What can be saved, what is lost, and what is owed."""
    n = live.numbers
    of = "" if n.due_today is None else f"{word('of', lang)} {number(n.due_today, lang)}: "
    days = f"{word('longest', lang)} {number(n.longest_days, lang)} {word('days', lang)}"
    longest = "" if n.longest_days is None else days
    rows = (
        ("due-today-open", "due_today_open", n.due_today_open, f"{of}{word('savable', lang)}", "amber"),
        ("overdue", "overdue", n.overdue, longest, "red"),
        ("no-apology", "no_apology", n.overdue_without_apology, word("form_04", lang), "red"),
    )
    return "".join(
        f'<div class="number" data-number="{key}"><span class="label">{level(colour if value else "grey")}'
        f'{word(label, lang)}<small>{note}</small></span><b class="value {colour if value else ""}">'
        f"{number(value, lang)}</b></div>"
        for key, label, value, note, colour in rows
    )


def units(live: Live, lang: Lang, limit: int | None = None) -> str:
    """Units by what is overdue, each row opening its unit."""
    listed = live.units[:limit]
    if not listed:
        return panel(word("urge", lang), f'<p class="quiet">{word("nobody", lang)}</p>')
    most = max(1, *(row.overdue for row in listed))
    head = (
        f'<div class="row header"><span>{word("unit", lang)}</span><span></span>'
        f"<span>{word('overdue_short', lang)}</span><span>{word('due_today_short', lang)}</span></div>"
    )
    rows = "".join(
        f'<a class="row" href="{link(unit_path(row.code), lang)}" data-unit="{esc(row.code)}">'
        f"<span>{esc(row.name)}{_code(row.code, row.name)}</span>"
        f'<span class="track"><i class="fill red" style="width:{100 * row.overdue / most:.1f}%"></i></span>'
        f'<b class="{"red" if row.overdue else "zero"}">{number(row.overdue, lang)}</b>'
        f'<b class="{"amber" if row.due_today else "zero"}">{number(row.due_today, lang)}</b></a>'
        for row in listed
    )
    return panel(word("urge", lang), f'<div class="rows">{head}{rows}</div>')


def _code(code: str, name: str) -> str:
    return "" if code == name else f" <small>{esc(code)}</small>"


def lost_points(found: Score, lang: Lang, limit: int = LOST_ROWS) -> str:
    """The applying indicators that lose most points."""
    losing = sorted(
        ((i.max - i.points, i) for i in found.indicators if i.applies and i.points is not None),
        key=lambda pair: -pair[0],
    )
    rows = "".join(
        f'<div class="loss"><span>{esc(_name(i, lang))}<small>{percent(i.rate, lang)}</small></span>'
        f"<b>−{number(lost, lang, 2)}</b></div>"
        for lost, i in losing[:limit]
        if lost >= 0.005
    )
    return panel(word("lost_points", lang), f'<div class="losses">{rows or "—"}</div>')


def _name(indicator: Indicator, lang: Lang) -> str:
    return indicator.name_en if lang == "en" else indicator.name


def why(found: Score, lang: Lang) -> str:
    """Numerator, denominator, rate and points of every indicator, and from which versions and places."""
    columns = "".join(
        f"<th>{word(key, lang)}</th>" for key in ("indicator", "numerator", "denominator", "rate", "points", "max")
    )
    body = ""
    for group in found.groups:
        name = group.name_en if lang == "en" else group.name
        body += (
            f'<tr class="group"><th>{group.code} · {esc(name)}</th><td></td><td></td><td></td>'
            f"<td>{number(group.points, lang, 2)}</td><td>{plain(group.max, lang)}</td></tr>"
        )
        body += "".join(_why_row(i, lang) for i in found.indicators if i.group == group.code)
    facts = (
        f"{word('period', lang)} {esc(found.period)} · {word('set', lang)} {esc(found.set)} · "
        f"{word('generation', lang)} {esc(found.generation or '—')} · "
        f"{word('position', lang)} {esc(found.complete_to or '—')}"
    )
    return (
        f'<p class="note">{word("sum_note", lang)}</p><div class="scroll"><table class="why">'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="quiet facts">{facts}</p>'
    )


def _why_row(i: Indicator, lang: Lang) -> str:
    if i.applies:
        points = number(i.points, lang, 2)
    else:
        points = f"{level('grey')}{word('not_arisen', lang)}"
    kind = "" if i.applies else "absent"
    return (
        f'<tr data-indicator="{esc(i.code)}" class="{kind}"><th>{esc(_name(i, lang))}</th>'
        f"<td>{plain(i.numerator, lang)}</td><td>{plain(i.denominator, lang)}</td>"
        f"<td>{percent(i.rate, lang)}</td><td>{points}</td><td>{plain(i.max, lang)}</td></tr>"
    )
