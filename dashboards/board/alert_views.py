"""The list of alerts and one alert with its chain as HTML; pure functions of what was read."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from urllib.parse import quote, urlencode

from api.alerts.acting import OUTCOMES, REASONS
from dashboards.board.alert_model import (
    ALERTS_PATH,
    LEVELS,
    STATES,
    ActRow,
    AlertList,
    AlertPage,
    AlertRow,
    Filter,
)
from dashboards.board.alert_words import ACTS, KNEW, OURS, POSTS, SUBJECTS, said, told
from dashboards.board.alert_words import LEVELS as LEVEL_WORDS
from dashboards.board.alert_words import STATES as STATE_WORDS
from dashboards.board.html import dossier_path, esc, level, link, panel, unit_path
from dashboards.board.words import Lang, day, moment, number
from domain.alerts import KINDS
from domain.instants import Millis, Zone


def alert_path(alert: str) -> str:
    """The page of an alert."""
    return f"{ALERTS_PATH}/{quote(alert, safe='')}"


def filter_form(asked: Filter, lang: Lang) -> str:
    """A plain form: it works without a script and its address can be kept."""
    kinds = {"": said("all", lang)} | {
        k: f"{k} {v.title_en if lang == 'en' else v.title_vi}" for k, v in KINDS.items()
    }
    levels = {"": said("all", lang)} | {name: told(LEVEL_WORDS, name, lang) for name in LEVELS}
    states = {name: told(STATE_WORDS, name, lang) for name in STATES}
    language = '<input type="hidden" name="lang" value="en">' if lang == "en" else ""
    checked = " checked" if asked.disputed else ""
    return (
        f'<form class="filter" method="get" action="{ALERTS_PATH}">{language}'
        f'<label>{said("unit", lang)}<input name="unit" value="{esc(asked.unit)}" maxlength="128"></label>'
        f"{_select('kind', kinds, asked.kind, lang)}{_select('level', levels, asked.level, lang)}"
        f"{_select('state', states, asked.state, lang)}"
        f'<label class="check"><input type="checkbox" name="disputed" value="1"{checked}>{said("disputed", lang)}'
        f"</label><button>{said('show', lang)}</button></form>"
    )


def _select(name: str, options: Mapping[str, str], chosen: str, lang: Lang) -> str:
    inside = "".join(
        f'<option value="{esc(code)}"{" selected" if code == chosen else ""}>{esc(text)}</option>'
        for code, text in options.items()
    )
    return f'<label>{said(name, lang)}<select name="{name}">{inside}</select></label>'


def alert_list(found: AlertList, asked: Filter, zone: Zone, lang: Lang) -> str:
    """The rows, each leading to its alert; how many match; where it goes on."""
    count = f'<b data-number="alerts">{number(found.total, lang)}</b>'
    aside = f'<span class="quiet">{count} · {moment(found.at, zone)}</span>'
    if not found.rows:
        return panel(said("list", lang), f'<p class="quiet">{said("none", lang)}</p>', aside)
    keys = ("kind", "subject", "unit", "from", "due", "handled")
    columns = "".join(f"<th>{said(key, lang)}</th>" for key in keys)
    body = "".join(_row(row, keys, zone, lang) for row in found.rows)
    further = ""
    if found.next:
        kept = {
            name: value for name, value in asdict(asked).items() if value and name not in ("cursor", "disputed")
        }
        kept |= {"disputed": "1"} if asked.disputed else {}
        href = link(f"{ALERTS_PATH}?{urlencode(kept | {'cursor': found.next})}", lang)
        further = f'<p><a class="further" href="{href}">{said("next", lang)}</a></p>'
    return panel(said("list", lang), _table(columns, body) + further, aside)


def vacant_posts(found: AlertList, zone: Zone, lang: Lang) -> str:
    """The posts that cannot be told, and who is told in their place; '' where there is none."""
    if not found.vacant:
        return ""
    keys = ("post", "unit", "why", "instead", "alerts", "from")
    columns = "".join(f"<th>{said(key, lang)}</th>" for key in keys)
    rows = []
    for one in found.vacant:
        told_now = told(POSTS, one.instead, lang) if one.instead else f"<b>{said('nobody_told', lang)}</b>"
        cells = (
            told(POSTS, one.post, lang),
            f'<a href="{link(unit_path(one.unit), lang)}">{esc(one.unit_name)}</a>',
            said("mute" if one.mute else "nobody", lang),
            told_now,
            number(one.alerts, lang),
            moment(one.since, zone),
        )
        inside = "".join(
            f'<td data-label="{said(key, lang)}">{cell}</td>' for key, cell in zip(keys, cells, strict=True)
        )
        rows.append(f"<tr>{inside}</tr>")
    return panel(said("vacant", lang), _table(columns, "".join(rows)), "")


def _table(columns: str, body: str) -> str:
    head = f"<thead><tr>{columns}</tr></thead>"
    return f'<div class="scroll"><table class="list">{head}<tbody>{body}</tbody></table></div>'


def _row(row: AlertRow, keys: Iterable[str], zone: Zone, lang: Lang) -> str:
    title = row.title_en if lang == "en" else row.title
    href = link(alert_path(row.id), lang)
    cells = (
        f'<a href="{href}">{level(row.level)}{esc(title)}</a> <small>{esc(row.kind)}</small>',
        _subject(row, lang),
        f'<a href="{link(unit_path(row.unit), lang)}">{esc(row.unit_name)}</a>',
        moment(row.start, zone),
        moment(row.due, zone),
        handled(row, zone, lang),
    )
    inside = "".join(
        f'<td data-label="{said(key, lang)}">{cell}</td>' for key, cell in zip(keys, cells, strict=True)
    )
    return f'<tr data-alert="{esc(row.id)}">{inside}</tr>'


def _subject(row: AlertRow, lang: Lang) -> str:
    if row.subject_kind == "dossier":
        return f'<a href="{link(dossier_path(row.subject), lang)}">{esc(row.subject)}</a>'
    return f"{told(SUBJECTS, row.subject_kind, lang)} {esc(row.subject)}"


def handled(row: AlertRow, zone: Zone, lang: Lang) -> str:
    """Who took it, what was promised, what is disputed."""
    parts = []
    if row.state == "cleared":
        parts.append(f"{said('cleared_at', lang)} {moment(row.until, zone)}")
    parts.append(f"{level('green')}{said('taken', lang)}" if row.taken else said("not_taken", lang))
    if row.promised is not None:
        broken = f"{level('red')}<b class='red'>{said('broken', lang)}</b> · " if row.promise_broken else ""
        parts.append(f"{broken}{said('promised', lang)} {_end(row.promised, zone)}")
    if row.open_disputes:
        parts.append(f"{level('violet')}{said('open_dispute', lang)}")
    if row.inhibited:
        parts.append(f"{level('grey')}{said('inhibited', lang)}")
    return "<br>".join(parts)


def alert_head(page: AlertPage, zone: Zone, lang: Lang) -> str:
    """What it is about, since when, and how it stands."""
    row = page.row
    facts = (
        ("subject", _subject(row, lang)),
        ("unit", f'<a href="{link(unit_path(row.unit), lang)}">{esc(row.unit_name)}</a>'),
        ("state", esc(told(STATE_WORDS, row.state, lang))),
        ("from", moment(row.start, zone)),
        ("due", moment(row.due, zone)),
        ("handled", handled(row, zone, lang)),
    )
    listed = "".join(f"<div><dt>{said(key, lang)}</dt><dd>{value}</dd></div>" for key, value in facts)
    title = row.title_en if lang == "en" else row.title
    back = link(f"{ALERTS_PATH}?{urlencode({'unit': row.unit})}", lang)
    return (
        f'<div class="head"><h1>{level(row.level)}{esc(title)} <small>{esc(row.kind)}</small></h1>'
        f'<a class="further" href="{back}">{said("open_list", lang)}</a></div><dl class="facts">{listed}</dl>'
    )


def chain(page: AlertPage, zone: Zone, lang: Lang) -> str:
    """Who was told, knew, did and said what, and where each stands in the log."""
    if not page.acts:
        return panel(said("chain", lang), f'<p class="quiet">{said("no_chain", lang)}</p>')
    keys = ("when", "act", "who", "channel", "said", "place")
    columns = "".join(f"<th>{said(key, lang)}</th>" for key in keys)
    body = "".join(_act(act, keys, zone, lang) for act in page.acts)
    return panel(said("chain", lang), _table(columns, body))


def _act(act: ActRow, keys: Iterable[str], zone: Zone, lang: Lang) -> str:
    words = [told(OUTCOMES, act.outcome, lang)] if act.outcome else []
    words += [told({**OURS, **REASONS}, act.reason, lang)] if act.reason else []
    words += [act.note] if act.note else []
    words += [f"→ {_end(act.until, zone)}"] if act.until is not None else []
    mark = level("green") if act.act in KNEW else level("grey")
    cells = (
        moment(act.at, zone),
        f"{mark}<b>{esc(told(ACTS, act.act, lang))}</b>",
        esc(act.actor),
        esc(act.channel),
        "<br>".join(esc(word) for word in words),
        f"<code>{esc(act.place)}</code>",
    )
    inside = "".join(
        f'<td data-label="{said(key, lang)}">{cell}</td>' for key, cell in zip(keys, cells, strict=True)
    )
    return f'<tr data-act="{esc(act.act)}">{inside}</tr>'


def disputes(page: AlertPage, zone: Zone, lang: Lang) -> str:
    """The disputes of an alert and how each ended; '' for none."""
    if not page.tickets:
        return ""
    rows = "".join(
        f'<li data-ticket="{esc(t.id)}">{moment(t.at, zone)} {said("by", lang)} {esc(t.by)}: '
        f"<b>{_outcome(t.outcome, lang)}</b></li>"
        for t in page.tickets
    )
    return panel(said("disputes", lang), f'<ul class="tickets">{rows}</ul>')


def _end(at: Millis, zone: Zone) -> str:
    """An end that people chose as a day, by that day: its midnight would read as the day after."""
    return day(at - 1, zone) if at == zone.midnight(zone.day(at)) else moment(at, zone)


def _outcome(outcome: str, lang: Lang) -> str:
    return esc(told(OUTCOMES, outcome, lang)) if outcome else level("violet") + said("waiting", lang)
