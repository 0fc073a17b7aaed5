"""The two dashboards as Grafana's JSON: `province` (a month), `overdue` (now); run as a module it writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.grafana import queries

DATASOURCE = {"type": "grafana-clickhouse-datasource", "uid": "gs766-store"}
FOLDER_UID, FOLDER_TITLE = "gs766", "Giám sát 766"
JSON_FOLDER = Path(__file__).parent / "json"
_SCHEMA = 39
_TABLE, _SERIES = 1, 0
"""The data source's codes of result formats."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its place is x, y, w, h on Grafana's grid of 24 columns; `fields` sets titles and units."""

    title: str
    kind: str
    sql: str
    place: tuple[int, int, int, int]
    fields: Mapping[str, tuple[str, str]]
    only: str = ""
    """For `stat`: the one column that is shown."""


_UNIT = {"unit": ("Đơn vị", "string"), "name": ("Tên", "string")}
_COUNTS = {
    "received": ("Tiếp nhận trong kỳ", "none"),
    "done": ("Đã giải quyết", "none"),
    "done_ok": ("Đúng hạn", "none"),
    "done_late": ("Trễ hạn", "none"),
    "open": ("Đang giải quyết", "none"),
    "open_late": ("Quá hạn còn mở", "none"),
}
_SHARES = {
    "on_time_rate": ("Giải quyết đúng hạn", "percentunit"),
    "online_share": ("Nộp trực tuyến", "percentunit"),
    "payment_share": ("Thanh toán trực tuyến", "percentunit"),
}


def province() -> dict[str, Any]:
    """The chosen month: on time, online, payment, trend, units."""
    of_month, shared = queries.province(), queries.shares()
    panels = (
        Panel("Tiếp nhận (cả kỳ trước chuyển sang)", "stat", of_month, (0, 0, 4, 5), _COUNTS, "received"),
        Panel("Đã giải quyết", "stat", of_month, (4, 0, 4, 5), _COUNTS, "done"),
        Panel("Quá hạn còn mở", "stat", of_month, (8, 0, 4, 5), _COUNTS, "open_late"),
        Panel("Giải quyết đúng hạn (theo Cổng)", "stat", of_month, (12, 0, 4, 5), _SHARES, "on_time_rate"),
        Panel("Nộp trực tuyến", "stat", shared, (16, 0, 4, 5), _SHARES, "online_share"),
        Panel("Thanh toán trực tuyến", "stat", shared, (20, 0, 4, 5), _SHARES, "payment_share"),
        Panel(
            "Diễn biến theo ngày",
            "timeseries",
            queries.trend(),
            (0, 5, 24, 9),
            {
                "accepted": ("Tiếp nhận", "none"),
                "finished": ("Kết thúc", "none"),
                "open_late": _COUNTS["open_late"],
            },
        ),
        Panel("Theo đơn vị", "table", queries.by_unit(), (0, 14, 24, 14), _UNIT | _COUNTS),
    )
    month = {
        "name": "month",
        "label": "Tháng",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"rawSql": queries.months(), "format": _TABLE, "queryType": "table", "editorType": "sql"},
        "definition": queries.months(),
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "sort": 0,
    }
    return _dashboard("gs766-province", "Toàn tỉnh theo tháng", panels, (month,))


def overdue() -> dict[str, Any]:
    """Now: what is overdue by age, what is due today."""
    ages = {name: (f"{name} ngày", "none") for name, _ in queries.AGES}
    late = {"overdue": ("Quá hạn", "none"), **ages, "no_apology": ("Chưa xin lỗi", "none")}
    listed = {
        "dossier_code": ("Mã hồ sơ", "string"),
        "unit": _UNIT["unit"],
        "procedure": ("Thủ tục", "string"),
        "due_at": ("Hẹn trả", "dateTimeAsIso"),
        "late_from": ("Trễ từ", "dateTimeAsIso"),
        "apology": ("Mẫu 04", "bool_yes_no"),
    }
    panels = (
        Panel("Quá hạn theo đơn vị và số ngày", "table", queries.overdue_by_unit(), (0, 0, 16, 14), _UNIT | late),
        Panel(
            "Đến hạn hôm nay, còn mở",
            "table",
            queries.due_today(),
            (16, 0, 8, 14),
            _UNIT | {"due_today": ("Hẹn hôm nay", "none")},
        ),
        Panel("Trễ lâu nhất", "table", queries.oldest(), (0, 14, 24, 12), listed),
    )
    return _dashboard("gs766-overdue", "Quá hạn và đến hạn", panels, ())


def dashboards() -> tuple[dict[str, Any], ...]:
    """All dashboards."""
    return province(), overdue()


def write(folder: Path = JSON_FOLDER) -> None:
    """Writes one file a dashboard, as Grafana's provider reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for found in dashboards():
        name = found["uid"].removeprefix("gs766-")
        (folder / f"{name}.json").write_text(text(found), encoding="utf-8")


def text(dashboard: dict[str, Any]) -> str:
    """A dashboard as a file's text."""
    return json.dumps(dashboard, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _dashboard(
    uid: str, title: str, panels: tuple[Panel, ...], variables: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "tags": ["gs766"],
        "editable": False,
        "schemaVersion": _SCHEMA,
        "timezone": "Asia/Ho_Chi_Minh",
        "time": {"from": "now/M", "to": "now"},
        "refresh": "1m",
        "templating": {"list": list(variables)},
        "annotations": {"list": []},
        "panels": [_panel(n, panel) for n, panel in enumerate(panels, 1)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    x, y, w, h = panel.place
    series = panel.kind == "timeseries"
    target = {
        "refId": "A",
        "datasource": DATASOURCE,
        "editorType": "sql",
        "queryType": "timeseries" if series else "table",
        "format": _SERIES if series else _TABLE,
        "rawSql": panel.sql.strip(),
    }
    overrides = [
        {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "displayName", "value": label}, {"id": "unit", "value": unit}],
        }
        for column, (label, unit) in panel.fields.items()
        if not panel.only or column == panel.only
    ]
    shown: dict[str, Any] = {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "datasource": DATASOURCE,
        "targets": [target],
        "fieldConfig": {"defaults": {"noValue": "không phát sinh"}, "overrides": overrides},
    }
    if panel.only:
        shown["options"] = {
            "reduceOptions": {
                "calcs": ["lastNotNull"],
                "fields": f"/^{panel.fields[panel.only][0]}$/",
                "values": False,
            }
        }
    return shown


if __name__ == "__main__":
    write()
