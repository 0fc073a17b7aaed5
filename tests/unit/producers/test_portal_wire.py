"""The wire format of the national portal: every field, cleaned; every problem by a stable code."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_data import Snapshot
from domain.events import Event
from domain.instants import Zone, format_rfc3339, parse_rfc3339
from producers.edge import Edge
from producers.keys import IdentifierKeys
from producers.memory import Memory
from producers.portal_importing import import_portal
from producers.portal_wire import CODES, BadRecord, read_item
from producers.records import record_digest, record_event

ZONE = Zone("Asia/Ho_Chi_Minh")
AT = parse_rfc3339("2026-08-31T18:00:00+07:00")
RECORD: dict[str, Any] = {
    "MaHoSo": "H44.100-260803-0012",
    "MaTTHC": "1.001193.000.00.00.H44",
    "TenTTHC": "Đăng ký khai sinh",
    "MaLinhVuc": "HT",
    "TenLinhVuc": "Hộ tịch",
    "LoaiDoiTuong": "1",
    "TrichYeuHoSo": "Bí Mật",
    "NgayNopHoSo": "20260803081500",
    "NgayTiepNhan": "20260803091200",
    "NgayHenTra": "20260810170000",
    "TrangThaiHoSo": 9,
    "NgayKetThucXuLy": "20260807103000",
    "NgayTra": "20260808",
    "HinhThuc": "0",
    "DonViXuLy": "H44.100",
    "NoiNopHoSo": "H44",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "2",
    "TaiLieuNop": [
        {
            "MaThanhPhanHoSo": "TP1",
            "DuongDanTaiTepTin": "https://bi.mat/a",
            "DuocSoHoa": "1",
            "DuocTaiSuDung": "0",
            "DuocLayTuKhoDMQG": "1",
            "MaKetQuaThayThe": "",
        },
        {"MaThanhPhanHoSo": "TP2", "TenNguoi": "Bí Mật"},
    ],
    "DanhSachLePhi": [
        {"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "LP", "HinhThucThu": "1", "Gia": "8000", "LoaiPhiLePhi": "2"},
    ],
    "DanhSachHoSoBoSung": [
        {
            "NgayBoSung": "20260804080000",
            "NgayTiepNhanBoSung": "20260805080000",
            "NgayHenTraTruoc": "20260809170000",
            "NgayHenTraMoi": "20260810170000",
            "NoiDungBoSung": "Bí Mật",
        },
    ],
    "DanhSachGiayToKetQua": [
        {"TenGiayTo": "Giấy", "MaGiayToKetQua": "KQ", "DuongDanTepTinKetQua": "https://bi.mat/b"},
    ],
    "DSKetNoiCSDL": [{"MaCSDL": "CSDLQGDC"}],
    "ChuHoSo": "Bí Mật",
    "SoGiayToChuHoSo": "000000000000",
    "Email": "bi@mat",
}


def edge() -> Edge:
    return Edge(IdentifierKeys(None, ZONE, lambda: AT))


def test_whose_a_record_is_is_handed_on_only_where_it_was_decided() -> None:
    told = {**RECORD, "DinhDanhCHS": "000000000000"}
    plain = read_item(told, ZONE)
    assert "applicant" not in plain.data
    assert "DinhDanhCHS" in plain.dropped
    kept = read_item(told, ZONE, applicants=True)
    assert kept.data == {**plain.data, "applicant": "000000000000"}
    assert "DinhDanhCHS" not in kept.dropped
    assert record_digest(edge(), kept.data, AT) == record_digest(edge(), plain.data, AT)


def test_every_field_finds_its_place_and_nothing_personal_gets_in() -> None:
    item = read_item(RECORD, ZONE)
    event = record_event(edge(), "/p", item.code, item.data, record_digest(edge(), item.data, AT), AT, AT)
    data = event.event.data
    assert isinstance(data, Snapshot)
    assert (data.status, data.procedure, data.unit, data.receiving_unit) == (
        "finished",
        "1.001193",
        "H44.100",
        "H44",
    )
    assert (data.channel, data.applicant_kind, data.gateway) == ("counter", "citizen", "local_gateway")
    assert data.returned_at is not None
    assert format_rfc3339(round(data.returned_at.timestamp() * 1000)) == "2026-08-07T17:00:00.000Z"
    assert (data.vneid, data.population_data, data.amounts) == (True, True, (8000,))
    assert [c.digitised for c in data.components] == [True, False]
    assert (data.components[0].from_store, data.components[0].reused) == (True, False)
    assert data.components[0].hash is not None
    assert len(data.result_files) == len(data.supplements) == 1
    for secret in ("Mật", "mat/", "000000000000", "khai sinh"):
        assert secret.encode() not in event.encoded
    assert {"ChuHoSo", "SoGiayToChuHoSo", "Email", "TrichYeuHoSo", "TaiLieuNop.TenNguoi"} <= set(item.dropped)
    assert "DanhSachHoSoBoSung.NoiDungBoSung" in item.dropped


def test_a_step_is_an_event_of_its_own() -> None:
    step = {
        "MaHoSo": "D",
        "NguoiXuLy": "Bí Mật",
        "ChucDanh": "CV",
        "ThoiDiemXuLy": "20260804101112",
        "PhongBanXuLy": "PB1",
        "NoiDungXuLy": "Bí Mật",
        "TrangThai": "4",
        "NgayKetThucTheoQuyDinh": "20260805170000",
    }
    item = read_item(step, ZONE)
    assert (item.type, item.at) == ("dossier.step_completed", parse_rfc3339("2026-08-04T10:11:12+07:00"))
    assert item.data["office"] == "PB1"
    assert set(item.dropped) == {"ChucDanh", "NoiDungXuLy"}
    begun = read_item({"MaHoSo": "D", "NgayBatDau": "20260804080000"}, ZONE)
    assert begun.type == "dossier.step_started"


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"MaHoSo": ""}, "MISSING", "MaHoSo"),
        ({"MaHoSo": ["x"]}, "WRONG_TYPE", "MaHoSo"),
        ({"MaHoSo": "x" * 129}, "TOO_LONG", "MaHoSo"),
        ({"MaHoSo": "a\0b"}, "NOT_TEXT", "MaHoSo"),
        ({"TrangThaiHoSo": None}, "MISSING", "TrangThaiHoSo"),
        ({"TrangThaiHoSo": "11"}, "UNKNOWN_CODE", "TrangThaiHoSo"),
        ({"KenhThucHien": "4"}, "UNKNOWN_CODE", "KenhThucHien"),
        ({"NgayHenTra": "20260230000000"}, "BAD_TIME", "NgayHenTra"),
        ({"NgayHenTra": "30/02/2026"}, "BAD_TIME", "NgayHenTra"),
        ({"NgayNopHoSo": "", "NgayTiepNhan": ""}, "MISSING", "NgayTiepNhan"),
        ({"DanhSachLePhi": [{"Gia": "-5"}]}, "BAD_NUMBER", "DanhSachLePhi[0].Gia"),
        ({"DanhSachLePhi": {"Gia": "5"}}, "WRONG_TYPE", "DanhSachLePhi"),
        ({"TaiLieuNop": [{}, "x"]}, "WRONG_TYPE", "TaiLieuNop[1]"),
        ({"DanhSachHoSoBoSung": [{"NgayBoSung": "x"}]}, "BAD_TIME", "DanhSachHoSoBoSung[0].NgayBoSung"),
    ],
)
def test_every_problem_has_a_code_and_its_field(changed: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(BadRecord) as found:
        read_item({**RECORD, **changed}, ZONE)
    assert (found.value.code, found.value.field) == (code, field)
    assert code in CODES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(RECORD)), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(RECORD)), JSON, max_size=6), st.sampled_from((AT, 0)))
def test_no_value_of_any_field_makes_a_traceback(changed: dict[str, Any], at: int) -> None:
    from domain.errors import InvalidEvent

    try:
        item = read_item({**RECORD, **changed}, ZONE)
        record_event(
            edge(), "/p", item.code, item.data, record_digest(edge(), item.data, item.anchor), at or AT, None
        )
    except (BadRecord, InvalidEvent) as refused:
        code = getattr(refused, "code", "INVALID")
    else:
        code = "INVALID"
    assert code in CODES


class Kept:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, event: Event, encoded: bytes) -> None:
        del encoded
        self.events.append(event)

    def flush(self) -> None:
        pass


def test_files_of_records_in_any_form_and_order_give_the_same_events(tmp_path: Path) -> None:
    older = {**RECORD, "TrangThaiHoSo": 4, "NgayKetThucXuLy": "", "NgayTra": ""}
    step = {"MaHoSo": RECORD["MaHoSo"], "ThoiDiemXuLy": "20260804101112"}
    items = [older, RECORD, step, {**RECORD, "MaHoSo": "D-2"}, {"MaHoSo": "D-3"}, RECORD]
    found = set()
    for n, form in enumerate(("array", "lines", "wrapped", "shuffled")):
        listed = random.Random(n).sample(items, len(items)) if form == "shuffled" else items
        content = {
            "array": lambda: json.dumps(listed, indent=1),  # noqa: B023
            "wrapped": lambda: json.dumps({"total": 3, "data": listed}, indent=1),  # noqa: B023
        }.get(form, lambda: "\n".join(json.dumps(i) for i in listed))()  # noqa: B023
        path = tmp_path / "records.json"
        path.write_text(content)
        sink, memory = Kept(), Memory(None)
        report = import_portal([(path, AT)], sink, edge(), memory, ZONE, source="/p")
        assert (report.read, report.accepted, report.duplicates, report.rejected) == (6, 4, 1, 1), form
        assert report.reasons == {"MISSING": 1}
        found.add(tuple(sorted((e.subject, e.type, e.occurred_at, e.id) for e in sink.events)))
        again = import_portal([(path, AT + 1)], sink, edge(), memory, ZONE, source="/p")
        assert (again.read, again.events, again.duplicates, again.rejected) == (6, 0, 5, 1)
    assert len(found) == 1
