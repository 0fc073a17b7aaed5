"""The pages of a unit and of a dossier as HTML; pure functions of what was read."""

from api.figures.words import RULES
from dashboards.board.html import dossier_path, esc, level, link, panel, unit_path
from dashboards.board.model import DossierPage, EventRow, OverdueRow, UnitPage, Verdict
from dashboards.board.words import (
    EVENTS,
    FINDINGS,
    STATES,
    STATUSES,
    Lang,
    day,
    duration,
    moment,
    named,
    number,
    plain,
    word,
)
from domain.instants import MS_DAY, Zone

LATE_RECORD_MS = MS_DAY
"""An event recorded later than this after it is said to have happened is marked."""
SENTENCE_RULES = ("766", "06a", "orig")


def unit_head(page: UnitPage, zone: Zone, lang: Lang) -> str:
    """The unit's name and its counts."""
    due = "—" if page.due_today is None else number(page.due_today, lang)
    return (
        f"<h1>{esc(page.name)} <small>{esc(page.code)}</small></h1>"
        f'<div class="counts"><span>{level("red" if page.total else "grey")}{word("overdue", lang)} '
        f'<b data-number="overdue">{number(page.total, lang)}</b></span>'
        f"<span>{level('amber' if page.due_today else 'grey')}{word('due_today_short', lang)} <b>{due}</b></span>"
        f'<span class="quiet">{moment(page.at, zone)}</span></div>'
    )


def overdue_list(page: UnitPage, zone: Zone, lang: Lang) -> str:
    """The unit's overdue dossiers, each row opening its dossier."""
    aside = ""
    if page.total > len(page.overdue):
        shown = f"{number(len(page.overdue), lang)}/{number(page.total, lang)}"
        aside = f'<span class="quiet">{word("showing", lang)} {shown}</span>'
    if not page.overdue:
        return panel(word("overdue_list", lang), f'<p class="quiet">{word("none_overdue", lang)}</p>', aside)
    keys = ("dossier_code", "procedure", "accepted", "due", "late_by", "apology")
    columns = "".join(f"<th>{word(key, lang)}</th>" for key in keys)
    body = "".join(_overdue_row(row, zone, lang) for row in page.overdue)
    table = _table(columns, body)
    return panel(word("overdue_list", lang), table, aside)


def _table(columns: str, body: str) -> str:
    head = f"<thead><tr>{columns}</tr></thead>"
    return f'<div class="scroll"><table class="list">{head}<tbody>{body}</tbody></table></div>'


def _overdue_row(row: OverdueRow, zone: Zone, lang: Lang) -> str:
    original = ""
    if row.due_at_original is not None and row.due_at_original != row.due_at:
        original = f"<small>{word('due_original', lang)} {moment(row.due_at_original, zone)}</small>"
    apology = word("sent", lang) if row.apology else f"{level('red')}{word('not_sent', lang)}"
    href = link(dossier_path(row.code), lang)
    cells = (
        f'<a href="{href}">{esc(row.code)}</a>',
        esc(row.procedure),
        moment(row.accepted_at, zone),
        f"{moment(row.due_at, zone)}{original}",
        f'<b class="red">{late_by(row.late_by_working_days, row.late_by_ms, lang)}</b>',
        apology,
    )
    labels = ("dossier_code", "procedure", "accepted", "due", "late_by", "apology")
    inside = "".join(
        f'<td data-label="{word(key, lang)}">{cell}</td>' for key, cell in zip(labels, cells, strict=True)
    )
    return f'<tr data-dossier="{esc(row.code)}">{inside}</tr>'


def late_by(working_days: float | None, ms: int | None, lang: Lang) -> str:
    """How late, in working days where they were counted, else in elapsed time."""
    if working_days is not None:
        return f"{plain(round(working_days, 2), lang)} {word('working_days', lang)}"
    return "—" if ms is None else duration(ms, lang)


def sentence(page: DossierPage, lang: Lang) -> str:
    """The verdicts in words: by the portal, by form II.06a, by the original due date."""
    by_rule = {verdict.rule: verdict for verdict in page.verdicts}
    return "".join(_said(by_rule[rule], lang) for rule in SENTENCE_RULES if rule in by_rule)


def _said(v: Verdict, lang: Lang) -> str:
    state = named(STATES, v.state, lang)
    whole = v.en if lang == "en" else v.vi
    # The state stands out where the sentence begins with it, as the sentences of the figures do.
    rest = whole.removeprefix(state) if whole.startswith(state) else f" {whole}"
    said = f'{level(_level(v))}<b class="{_level(v)}">{esc(state)}</b>{esc(rest)}'
    return f'<span data-rule="{esc(v.rule)}">{said}</span>'


def _level(verdict: Verdict) -> str:
    if verdict.state in ("undated", "not_accepted"):
        return "grey"
    return "red" if verdict.late else "green"


def dossier_head(page: DossierPage, zone: Zone, lang: Lang) -> str:
    """Code, sentence, and the dossier's own dates."""
    moved = page.due_at_original is not None and page.due_at_original != page.due_at
    due = moment(page.due_at, zone)
    if moved:
        due += f" ({word('due_original', lang)} {moment(page.due_at_original, zone)})"
    facts = (
        ("unit", f'<a href="{link(unit_path(page.unit), lang)}">{esc(page.unit_name)}</a>'),
        ("procedure", esc(page.procedure)),
        ("status", esc(named(STATUSES, page.status, lang))),
        ("channel", esc(named(STATUSES, page.channel, lang))),
        ("accepted", moment(page.accepted_at, zone)),
        ("due", due),
        ("finished", moment(page.finished_at, zone)),
        ("returned", moment(page.returned_at, zone)),
        ("apology", moment(page.apology_at, zone)),
    )
    listed = "".join(f"<div><dt>{word(key, lang)}</dt><dd>{value}</dd></div>" for key, value in facts)
    found = ""
    if page.findings:
        named_findings = ", ".join(esc(named(FINDINGS, f, lang)) for f in page.findings)
        found = f'<p class="found">{level("violet")}{word("findings", lang)}: {named_findings}</p>'
    return (
        f"<h1>{word('dossier', lang)} {esc(page.code)}</h1>"
        f'<div class="sentence">{sentence(page, lang)}</div>{found}<dl class="facts">{listed}</dl>'
    )


def verdicts(page: DossierPage, zone: Zone, lang: Lang) -> str:
    """Each rule's verdict and what decided it."""
    columns = "".join(f"<th>{word(key, lang)}</th>" for key in ("rule", "verdict", "because"))
    body = "".join(
        f'<tr data-rule="{esc(v.rule)}"><th>{esc(named(RULES, v.rule, lang))}<small>{esc(v.rule)}</small></th>'
        f'<td>{level(_level(v))}<b class="{_level(v)}">{esc(named(STATES, v.state, lang))}</b></td>'
        f"<td>{_because(v, zone, lang)}</td></tr>"
        for v in page.verdicts
    )
    table = _table(columns, body)
    return panel(word("verdicts", lang), table)


def _because(v: Verdict, zone: Zone, lang: Lang) -> str:
    """The comparison itself: the end, what is credited, and the due instant."""
    if v.due_at is None or v.end_at is None:
        return "—"
    parts = []
    if v.reason in ("after_due", "before_due", "after_due_day", "by_due_day", "paused"):
        credit = f" − {duration(v.credit_ms, lang)} {word('credit', lang)}" if v.credit_ms else ""
        said = day if v.rule.startswith("06a") else moment
        parts.append(f"{said(v.end_at, zone)}{credit} {'>' if v.late else '≤'} {said(v.due_at, zone)}")
    if v.supplements:
        parts.append(f"{v.supplements} {word('supplements', lang)}")
    return " · ".join(parts) or "—"


def timeline(page: DossierPage, zone: Zone, lang: Lang) -> str:
    """Every event with its three times and its place in the log."""
    keys = ("occurred", "recorded", "known", "event", "source", "coordinates")
    columns = "".join(f"<th>{word(key, lang)}</th>" for key in keys)
    body = "".join(_event_row(event, zone, lang) for event in page.events)
    table = _table(columns, body)
    return panel(word("timeline", lang), table)


def _event_row(event: EventRow, zone: Zone, lang: Lang) -> str:
    mark = ""
    if event.occurred_at is not None and event.recorded_at is not None:
        lag = event.recorded_at - event.occurred_at
        if lag > LATE_RECORD_MS:
            mark = f"<small>{level('violet')}{word('late_record', lang)} {duration(lag, lang)}</small>"
    place = f"{event.partition}/{event.offset}/{event.index}"
    cells = (
        moment(event.occurred_at, zone),
        f"{moment(event.recorded_at, zone)}{mark}",
        moment(event.known_at, zone),
        f"<b>{esc(named(EVENTS, event.type, lang))}</b>",
        esc(event.source),
        f'<code title="{esc(event.id)}">{place}</code>',
    )
    labels = ("occurred", "recorded", "known", "event", "source", "coordinates")
    inside = "".join(
        f'<td data-label="{word(key, lang)}">{cell}</td>' for key, cell in zip(labels, cells, strict=True)
    )
    return f'<tr data-place="{place}">{inside}</tr>'
