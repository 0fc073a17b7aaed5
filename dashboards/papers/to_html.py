"""A document as one static HTML file: no script, no address of anything outside, readable without styles."""

from html import escape

from dashboards.papers.document import Block, Bullets, Document, Table, Text, Title

_STYLE = """
body{font:16px/1.5 Roboto,Arial,"DejaVu Sans",sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;padding:24px;
max-width:1000px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:28px 0 8px;border-bottom:2px solid #8a1c1c}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:15px}
th,td{border:1px solid #b5b5b5;padding:4px 8px;vertical-align:top}th{background:#f0eeea;text-align:left}
td.right,th.right{text-align:right;font-variant-numeric:tabular-nums}td.center,th.center{text-align:center}
tr.strong td{font-weight:bold;background:#faf8f4}.small{font-size:13px;color:#555}.strong{font-weight:bold}
footer{margin-top:32px;border-top:1px solid #b5b5b5;padding-top:8px;font-size:13px;color:#555}
body.compact{font-size:14px;line-height:1.35}body.compact table{font-size:13px}body.compact h2{margin-top:14px}
@media(max-width:700px){body{padding:12px}table{display:block;overflow-x:auto}}
@media print{body{padding:0;max-width:none;font-size:11pt}h2{break-after:avoid}tr{break-inside:avoid}}
""".strip()


def to_html(document: Document) -> bytes:
    """The file, UTF-8."""
    body = "\n".join(_block(b) for b in document.blocks)
    kind = ' class="compact"' if document.compact else ""
    page = f"""<!DOCTYPE html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(document.title)}</title>
<style>
{_STYLE}
</style>
</head>
<body{kind}>
<main>
{body}
</main>
<footer>{escape(document.footer)}</footer>
</body>
</html>
"""
    return page.encode()


def _block(block: Block) -> str:
    if isinstance(block, Title):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        kind = "" if block.style == "plain" else f' class="{block.style}"'
        return f"<p{kind}>{escape(block.text)}</p>"
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in block.items) + "</ul>"
    return _table(block)


def _table(table: Table) -> str:
    def cell(tag: str, n: int, text: str) -> str:
        side = table.align[n] if table.align else "left"
        scope = ' scope="col"' if tag == "th" else ""
        kind = "" if side == "left" else f' class="{side}"'
        return f"<{tag}{scope}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", n, text) for n, text in enumerate(table.columns))
    rows = []
    for at, row in enumerate(table.rows):
        strong = ' class="strong"' if at in table.strong else ""
        rows.append(f"<tr{strong}>" + "".join(cell("td", n, text) for n, text in enumerate(row)) + "</tr>")
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
