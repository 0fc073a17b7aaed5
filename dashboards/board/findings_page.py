"""`/dau-hieu` as HTML: what is to be verified in a unit, with its events, beside the peers; and closing it with a
reason. Plain forms, no scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.board.desk import top
from dashboards.board.html import SHAPES, dossier_path, esc, link, unit_path
from dashboards.board.words import Lang
from domain.patterns import KINDS, OF_UNITS

PATH = "/dau-hieu"
CLOSE_PATH = "/dau-hieu/dong"
REASONS: Mapping[str, tuple[str, str]] = {
    "verified": ("Đã xác minh: đúng như dấu hiệu", "Verified: it is as it looks"),
    "explained": ("Có lý do chính đáng", "Explained"),
    "source_error": ("Nguồn gửi sai dữ liệu", "The source sent wrong data"),
    "duplicate": ("Đã xử lý ở dấu hiệu khác", "Dealt with under another finding"),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Dấu hiệu cần xác minh", "Findings to verify"),
    "intro": (
        "Dấu hiệu không phải kết luận về ai: mỗi dấu hiệu đều có cách giải thích vô can. Ngưỡng do tỉnh công bố.",
        "A finding is no verdict about anybody: each has innocent explanations. Thresholds are published data.",
    ),
    "unit": ("Đơn vị", "Unit"),
    "period": ("Kỳ", "Period"),
    "kind": ("Loại", "Kind"),
    "all": ("Tất cả", "All"),
    "ask": ("Xem", "Show"),
    "open": ("cần xác minh", "to be verified"),
    "closed": ("Đã đóng", "Closed"),
    "none": ("Không có dấu hiệu nào chưa đóng", "No finding is open"),
    "nothing": ("Kỳ này không có hồ sơ nào để xem", "There is no dossier to look into"),
    "peers": ("Cạnh các đơn vị cùng cấp", "Beside its peers"),
    "per_thousand": ("Trên 1.000 hồ sơ", "Per 1,000 dossiers"),
    "median": ("Trung vị cùng cấp", "Median of peers"),
    "most": ("Cao nhất cùng cấp", "Most of peers"),
    "number": ("Số dấu hiệu", "Findings"),
    "since": ("Từ", "Since"),
    "events": ("Sự kiện làm chứng", "Events that show it"),
    "reason": ("Lý do đóng", "Reason"),
    "note": ("Ghi chú (không ghi dữ liệu cá nhân)", "Note (no personal data)"),
    "close": ("Đóng", "Close"),
    "may_not": ("Đóng dấu hiệu cần khóa có quyền act.", "Closing needs a key with the scope act."),
    "more": ("dấu hiệu nữa không liệt kê", "more are not listed"),
    "done": ("Đã đóng; đã ghi vào nhật ký.", "Closed, and recorded."),
    "online": ("thanh toán trực tuyến", "paid online"),
}
SHOWN = 100
_STYLE = """
.audit form { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: end; margin-top: 6px; }
.audit label { display: grid; gap: 2px; font-size: 14px; color: var(--quiet); }
.audit input, .audit select, .audit button { font: inherit; padding: 6px 9px; border-radius: 6px;
  border: 1px solid var(--line); background: var(--bg); color: var(--text); max-width: 100%; }
.audit button { background: #2c5d8a; border-color: #2c5d8a; color: #fff; cursor: pointer; }
.audit .panel { margin-bottom: 12px; } .audit .scroll { overflow-x: auto; }
.audit ul { margin: 6px 0; padding-left: 20px; font-size: 14px; }
"""


def said(key: str, lang: Lang) -> str:
    """A word of the page."""
    return _WORDS[key][1 if lang == "en" else 0]


def kind_title(kind: str, lang: Lang) -> str:
    """A kind's name."""
    found = KINDS[kind]
    return found.title_en if lang == "en" else found.title_vi


def page(
    lang: Lang, style: str, fields: Mapping[str, str], listed: Sequence[str], body: str = "", done: bool = False
) -> str:
    """The whole page; `body` is what `shown` or `refused` gave."""
    units = "".join(f'<option value="{esc(unit)}">' for unit in listed)
    kinds = "".join(
        f'<option value="{k}"{" selected" if fields.get("kind") == k else ""}>{esc(kind_title(k, lang))}</option>'
        for k in KINDS
    )
    begun = top(lang, PATH, said("title", lang), said("intro", lang), style + _STYLE)
    told = f'<p class="green" id="done">{SHAPES["green"]} {said("done", lang)}</p>' if done else ""
    return f"""{begun}\
<section class="panel"><form method="get" action="{PATH}"><input type="hidden" name="lang" value="{lang}">
<label>{said("unit", lang)}<input name="unit" list="units" required value="{esc(fields.get("unit", ""))}"></label>
<label>{said("period", lang)}<input name="period" required placeholder="2026-08"
 value="{esc(fields.get("period", ""))}"></label>
<label>{said("kind", lang)}<select name="kind"><option value="">{said("all", lang)}</option>{kinds}</select>
</label>
<button>{said("ask", lang)}</button></form></section>
{told}{body}<datalist id="units">{units}</datalist></main></body></html>"""


def shown(answer: Mapping[str, Any], fields: Mapping[str, str], lang: Lang, may_close: bool) -> str:
    """The findings of a unit: the distribution, the open ones with their evidence, the closed ones."""
    rows = answer["differences"]
    parts = [_beside(answer["by_kind"], lang)]
    if not rows:
        empty = "none" if answer["checked"].get("dossiers") else "nothing"
        parts.append(f'<section class="panel" id="none">{SHAPES["green"]} {said(empty, lang)}</section>')
    parts += [_finding(row, fields, lang, may_close) for row in rows[:SHOWN]]
    left = answer.get("left_out", 0) + max(0, len(rows) - SHOWN)
    parts.append(f'<p class="quiet">{left} {said("more", lang)}</p>' if left else "")
    parts += [_closed(row, lang) for row in answer["closed"][:SHOWN]]
    return "".join(parts)


def _beside(by_kind: Sequence[Mapping[str, Any]], lang: Lang) -> str:
    """Each kind's share beside the peers', or a unit's online payments beside theirs."""
    if not by_kind:
        return ""
    heads = ("kind", "number", "per_thousand", "median", "most")
    head = "".join(f"<th>{said(name, lang)}</th>" for name in heads)
    body = ""
    for row in by_kind:
        unit = " %" if "percent" in row else ""
        own = row.get("percent", row.get("per_thousand"))
        cells = [kind_title(row["kind"], lang), row["findings"]]
        cells += [f"{v}{unit}" if v is not None else "—" for v in (own, row["peers_median"], row["peers_most"])]
        body += f'<tr data-kind="{row["kind"]}">' + "".join(f"<td>{esc(c)}</td>" for c in cells) + "</tr>"
    table = f'<table class="list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    title = f"<h2>{said('peers', lang)}</h2>"
    return f'<section class="panel" id="peers">{title}<div class="scroll">{table}</div></section>'


def _about(row: Mapping[str, Any], lang: Lang) -> str:
    code = row["dossier_code"]
    path = unit_path(row["unit"]) if code is None else dossier_path(code)
    return f'<a href="{link(path, lang)}">{esc(row["unit"] if code is None else code)}</a>'


def _events(row: Mapping[str, Any], lang: Lang) -> str:
    listed = "".join(
        f"<li>{esc(e['type'])} · {esc(e['occurred_at'] or '—')} · "
        f"<span class=quiet>{e['partition']}:{e['offset']}:{e['index']}</span></li>"
        for e in row["events"]
    )
    return f"<p class=quiet>{said('events', lang)}</p><ul>{listed}</ul>"


def _finding(row: Mapping[str, Any], fields: Mapping[str, str], lang: Lang, may_close: bool) -> str:
    head = (
        f"<h2>{SHAPES['violet']} {esc(kind_title(row['kind'], lang))}</h2>"
        f"<p>{_about(row, lang)} · {esc(row['unit'])} · {said('since', lang)} {esc(row['since'])} · "
        f"<b>{said('open', lang)}</b></p>"
    )
    closing = _form(row, fields, lang) if may_close else f"<p class=quiet>{said('may_not', lang)}</p>"
    section = f'<section class="panel finding" data-finding="{esc(row["id"])}">'
    return f"{section}{head}{_events(row, lang)}{closing}</section>"


def _form(row: Mapping[str, Any], fields: Mapping[str, str], lang: Lang) -> str:
    options = "".join(f'<option value="{c}">{v[1 if lang == "en" else 0]}</option>' for c, v in REASONS.items())
    of_unit = row["kind"] in OF_UNITS
    hidden = {
        "finding": row["id"],
        "finding_kind": row["kind"],
        "dossier": row["dossier_code"] or "",
        "lang": lang,
    }
    hidden |= {"about": row["unit"] if of_unit else "", "unit": fields["unit"], "period": fields["period"]}
    hidden |= {"kind": fields.get("kind", "")}
    inputs = "".join(f'<input type="hidden" name="{n}" value="{esc(v)}">' for n, v in hidden.items())
    return (
        f'<form method="post" action="{CLOSE_PATH}">{inputs}'
        f'<label>{said("reason", lang)}<select name="reason" required><option value=""></option>{options}</select>'
        f'</label><label>{said("note", lang)}<input name="note" maxlength="1000"></label>'
        f"<button>{said('close', lang)}</button></form>"
    )


def _closed(row: Mapping[str, Any], lang: Lang) -> str:
    by = row["closed"]
    reason = REASONS.get(by["reason"], (by["reason"], by["reason"]))[1 if lang == "en" else 0]
    return (
        f'<section class="panel closed" data-finding="{esc(row["id"])}"><p>{SHAPES["grey"]} '
        f"{esc(kind_title(row['kind'], lang))} · {_about(row, lang)} · {said('closed', lang)}: {esc(reason)} · "
        f"{esc(by['actor'])} · {esc(by['at'])}</p></section>"
    )


def refused(message: str) -> str:
    """Why there is nothing to show."""
    return f'<section class="panel" id="refused"><p class="red">{SHAPES["red"]} {esc(message)}</p></section>'
