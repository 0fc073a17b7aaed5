"""The audit page as HTML: the ten questions with their fields, and an answer; plain forms, no scripts."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from dashboards.board.audit_words import BUNDLED, BY_WORD, QUESTIONS, VERDICTS, Asking, said
from dashboards.board.desk import top
from dashboards.board.html import SHAPES, esc
from dashboards.board.words import Lang

PATH = "/kiem-tra"
BUNDLE_PATH = "/kiem-tra/goi"
CHECK_PATH = "/kiem-tra-goi"
TAKE = "evidence"
SHOWN = 50
MOST_JSON = 300_000
STATES = ("", "open_late", "open_not_due", "undated", "finished_late", "finished_on_time")
_STYLE = """
.audit form { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: end; margin-top: 6px; }
.audit label { display: grid; gap: 2px; font-size: 14px; color: var(--quiet); }
.audit input, .audit select, .audit button { font: inherit; padding: 6px 9px; border-radius: 6px;
  border: 1px solid var(--line); background: var(--bg); color: var(--text); max-width: 100%; }
.audit button, .audit .take { background: #2c5d8a; border-color: #2c5d8a; color: #fff; cursor: pointer; }
.audit .take { display: inline-block; padding: 7px 12px; border-radius: 6px; margin: 10px 0; }
.audit .panel { margin-bottom: 12px; } .audit .verdict { font-size: 30px; font-weight: 700; }
.audit pre { overflow: auto; max-height: 60vh; font-size: 13px; } .audit .scroll { overflow-x: auto; }
.audit .check { display: inline-block; margin: 10px 0; text-decoration: underline; }
"""


def page(lang: Lang, style: str, fields: Mapping[str, str], answer: str = "", listed: Sequence[str] = ()) -> str:
    """The whole page; `answer` is what `answered` or `refused` gave, shown above the questions."""
    asked = fields.get("cau", "")
    forms = "".join(_form(q, lang, fields if q.word == asked else {}) for q in QUESTIONS)
    units = "".join(f'<option value="{esc(unit)}">' for unit in listed)
    begun = top(lang, PATH, said("title", lang), said("intro", lang), style + _STYLE)
    return f"""{begun}<a class="check" href="{CHECK_PATH}">{said("check", lang)}</a>
{answer}<datalist id="units">{units}</datalist>{forms}{_take(lang)}</main></body></html>"""


def _take(lang: Lang) -> str:
    """Bundles of what is no answer: a figure, an alert's chain."""
    inputs = "".join(
        f'<label>{said(name, lang)}<input name="{name}"{extra}></label>'
        for name, extra in (
            ("indicator", ' placeholder="PROCESSED_ON_TIME"'),
            ("unit", ' list="units"'),
            ("period", ' placeholder="2026-08"'),
            ("alert", ""),
        )
    )
    return (
        f'<section class="panel" data-question="{TAKE}"><h2>{said("take", lang)}</h2>'
        f'<p class="quiet">{said("take_text", lang)}</p><form method="get" action="{BUNDLE_PATH}">'
        f'<input type="hidden" name="cau" value="{TAKE}">{inputs}<button>{said("bundle", lang)}</button></form>'
        "</section>"
    )


def _form(q: Asking, lang: Lang, given: Mapping[str, str]) -> str:
    inputs = "".join(_field(name, lang, given) for name in q.fields)
    hidden = f'<input type="hidden" name="cau" value="{q.word}"><input type="hidden" name="lang" value="{lang}">'
    return (
        f'<section class="panel" data-question="{q.word}"><h2>{esc(q.title(lang))} <small>{q.word}</small></h2>'
        f'<p class="quiet">{said("fails_when", lang)}: {esc(q.fails(lang))}</p>'
        f'<form method="get" action="{PATH}">{hidden}{inputs}<button>{said("ask", lang)}</button></form></section>'
    )


def _field(name: str, lang: Lang, given: Mapping[str, str]) -> str:
    label, plain = said(name, lang), name.removesuffix("_or_none").removesuffix("_wanted")
    value = esc(given.get(plain, ""))
    if plain == "state":
        options = "".join(f"<option{' selected' if s == value else ''}>{s}</option>" for s in STATES)
        return f'<label>{label}<select name="state">{options}</select></label>'
    extra = {"unit": ' list="units"', "period": ' placeholder="2026-08"'}.get(plain, "")
    if plain in ("at", "until"):
        extra = ' placeholder="2026-08-31T17:00"'
    needed = " required" if name in ("code", "at", "unit", "period", "report_wanted") else ""
    return f'<label>{label}<input name="{plain}" value="{value}"{extra}{needed}></label>'


def answered(answer: Mapping[str, Any], fields: Mapping[str, str], lang: Lang) -> str:
    """An answer: the verdict first, what was checked, what does not hold, the rest, and its bundle."""
    colour, vi, en = VERDICTS[answer["verdict"]]
    q = BY_WORD[fields["cau"]]
    parts = [
        f'<h2>{esc(q.title(lang))}</h2><p class="verdict {colour}" id="verdict">{SHAPES[colour]} '
        f"{en if lang == 'en' else vi}</p>",
        f"<p>{esc(answer['reason'])}</p>" if answer.get("reason") else "",
    ]
    if takes_bundle(fields):
        named = {n: v for n, v in fields.items() if v and n != "lang"}
        href = esc(f"{BUNDLE_PATH}?{urlencode(named)}")
        parts.append(f'<a class="take" id="bundle" href="{href}">{said("bundle", lang)}</a>')
    parts.append(_facts(said("checked", lang), answer["checked"], lang))
    parts.append(_table("differences", answer["differences"], lang))
    for name, value in answer.items():
        if name not in ("differences", "checked") and _is_table(value):
            parts.append(_table(name, value, lang))
    whole = msgspec.json.format(msgspec.json.encode(answer), indent=1).decode()
    if len(whole) <= MOST_JSON:
        parts.append(f"<details><summary>{said('all', lang)}</summary><pre>{esc(whole)}</pre></details>")
    return f'<section class="panel" id="answer">{"".join(parts)}</section>'


def refused(message: str, lang: Lang) -> str:
    """Why there is no answer."""
    text = message or said("not_found", lang)
    return f'<section class="panel" id="answer"><p class="red">{SHAPES["red"]} {esc(text)}</p></section>'


def takes_bundle(fields: Mapping[str, str]) -> bool:
    """Whether the answer can be taken away: a scorecard or a list as shown is opened as a figure instead."""
    word_ = fields.get("cau", "")
    if word_ == TAKE:
        return bool(
            fields.get("alert") or (fields.get("indicator") and fields.get("unit") and fields.get("period"))
        )
    if word_ == "as-shown":
        return bool(fields.get("report") or fields.get("dossier"))
    return word_ in BUNDLED


def _facts(title: str, facts: Mapping[str, Any], lang: Lang) -> str:
    listed = "".join(f"<div><dt>{esc(said(n, lang))}</dt><dd>{esc(v)}</dd></div>" for n, v in facts.items())
    return f'<h2>{title}</h2><dl class="facts">{listed}</dl>' if listed else ""


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _table(name: str, rows: Sequence[Mapping[str, Any]], lang: Lang) -> str:
    if not rows:
        return ""
    columns = list(dict.fromkeys(key for row in rows[:SHOWN] for key in row))
    head = "".join(f"<th>{esc(said(c, lang))}</th>" for c in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td data-label="{esc(said(c, lang))}">{esc(_brief(row.get(c)))}</td>' for c in columns)
        + "</tr>"
        for row in rows[:SHOWN]
    )
    more = f'<p class="quiet">{len(rows) - SHOWN} {said("more", lang)}</p>' if len(rows) > SHOWN else ""
    return (
        f"<h2>{esc(said(name, lang))}</h2>"
        f'<div class="scroll"><table class="list"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f"{more}"
    )


def _brief(value: Any) -> str:
    """A cell: lists of events as coordinates, other structures as short JSON."""
    if value is None:
        return "—"
    if isinstance(value, list) and all(isinstance(v, Mapping) and "offset" in v for v in value):
        return "; ".join(
            f"{v.get('type') or v.get('act', '')} {v['partition']}:{v['offset']}:{v.get('index', '')}"
            for v in value
        )
    if isinstance(value, Mapping | list):
        text = msgspec.json.encode(value).decode()
        return text if len(text) < 300 else f"{text[:300]}…"
    return str(value)
