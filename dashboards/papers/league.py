"""The league table as a document."""

from api.papers.league import League, Standing, Table
from api.papers.questions import Heading
from dashboards.papers import document as d
from dashboards.papers.words import DASH, PAPERS, points, source_line, span, standing_line, whole

_BY = {"portal": "điểm theo Cổng", "rebased": "điểm quy đổi phần áp dụng"}


def document(head: Heading, body: League) -> d.Document:
    """Departments and communes apart, each among peers of its size."""
    blocks: list[d.Block] = [
        d.Title(PAPERS["league"].upper()),
        d.Text(f"{head.unit_name}, kỳ {head.period} ({span(head)})", "strong"),
        d.Text(
            f"{standing_line(head)} Xếp theo {_BY[body.ranked_by]}, trong từng nhóm cùng quy mô; bằng điểm (hai "
            f"chữ số thập phân) thì cùng hạng: 1-2-2-4. Dưới {body.fewest} hồ sơ, hoặc thiếu nhóm chỉ số mà "
            "đơn vị cùng loại có: không xếp hạng.",
            "small",
        ),
    ]
    if body.missing:
        blocks.append(
            d.Text(
                f"Không đơn vị nào có số liệu nhóm {', '.join(body.missing)}; nhóm này không dùng để loại.",
                "small",
            )
        )
    for table in body.tables:
        blocks += [d.Title(_title(table), 2), _table(body, table)]
    if not body.tables:
        blocks.append(d.Text("Không có đơn vị nào trực thuộc."))
    return d.Document(
        f"{PAPERS['league']}: {head.unit_name}, {head.period}", blocks, source_line(head), landscape=True
    )


def _title(table: Table) -> str:
    bounds = f"từ {whole(table.lower)}" + ("" if table.upper is None else f" đến dưới {whole(table.upper)}")
    return f"{table.title}, quy mô {bounds} hồ sơ một tháng"


def _table(body: League, table: Table) -> d.Table:
    letters = tuple(f"{code} (/{points(most, 0)})" for code, _, most in body.groups)
    columns = ("Hạng", "Đơn vị", "Theo Cổng", "Quy đổi", "Xếp loại", *letters, "Hồ sơ", "Trễ")
    align = (
        "center",
        "left",
        "right",
        "right",
        "left",
        *("right",) * len(letters),
        "right",
        "right",
    )
    widths = (1.2, 5, 1.6, 1.5, 2, *(1.4,) * len(letters), 1.5, 1.3)
    return d.Table(columns, tuple(_row(r) for r in table.rows), align, widths)


def _row(r: Standing) -> tuple[str, ...]:
    name = r.name if r.reason is None else f"{r.name} – không xếp hạng: {r.reason}"
    return (
        DASH if r.rank is None else str(r.rank),
        name,
        points(r.total_portal),
        points(r.total_rebased),
        r.band,
        *(points(p) for p in r.groups),
        whole(r.received),
        whole(r.late),
    )
