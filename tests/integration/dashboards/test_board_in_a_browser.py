"""The board as people see it: a real browser on a real server over a fake source."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from sinks.sealing.offline.verify_bundle import check_bundle
from tests.support.sealed_folder import SealedFolder
from tests.support.spreadsheets import write_xlsx
from tests.unit.sinks.test_bundle_kinds import COUNTED, a_figure

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SERVER = Path(__file__).parent / "board_server.py"
ROOT = Path(__file__).parents[3]
DOSSIER = "H44.100-261001-0001"
ALERT = "0123456789abcdef01234567"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: the pages cannot be looked at"
)


class Board:
    """The running server; `change` sets attributes of its source and counts as an event."""

    def __init__(self, address: str) -> None:
        self.address = address

    def change(self, **values: Any) -> dict[str, Any]:
        """Changes the source; returns how often it was asked and which dossiers were read."""
        body = json.dumps(values).encode()
        with urllib.request.urlopen(urllib.request.Request(self.address + "/fake", body), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([sys.executable, str(SERVER), str(port)], env=environ, cwd=ROOT)
    try:
        address = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(urllib.request.Request(_until_up(server, address)), timeout=10).close()
        yield Board(address)
    finally:
        server.terminate()
        server.wait(10)


def _until_up(server: "subprocess.Popen[bytes]", address: str) -> str:
    """Waits for the port; the server's own log is on stderr."""
    host, port = address.removeprefix("http://").split(":")
    for _ in range(300):
        assert server.poll() is None, "the board's server ended by itself"
        try:
            socket.create_connection((host, int(port)), timeout=0.1).close()
        except OSError:
            from threading import Event

            Event().wait(0.1)
            continue
        return address
    raise AssertionError("the board's server did not come up")


@pytest.fixture(scope="module")
def browser(board: Board) -> Iterator[Browser]:
    del board
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


Open = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, board: Board) -> Iterator[Open]:
    board.change(overdue=1284, failing=False, stale_ms=None)
    contexts = []

    def opened(
        path: str, width: int = 1600, height: int = 1000, cookies: tuple[tuple[str, str], ...] = ()
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.add_cookies([{"name": n, "value": v, "url": board.address} for n, v in cookies])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(board.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()


def value(page: Page, name: str) -> Any:
    return page.locator(f'[data-number="{name}"] .value')


def test_the_page_shows_the_figures_of_its_source_in_vietnamese(show: Open) -> None:
    page = show("/")
    expect(page.locator(".strip")).to_contain_text("Số liệu đến 07:09:58 · 163/163 đơn vị có dữ liệu")
    expect(page.locator(".score h2")).to_have_text("ĐIỂM THEO CỔNG")
    expect(page.locator(".score .big")).to_have_text("63,46")
    expect(page.locator(".score .band")).to_contain_text("TRUNG BÌNH")
    expect(page.locator(".score .rebased")).to_have_text("Quy đổi phần áp dụng 73,79")
    expect(value(page, "due-today-open")).to_have_text("118")
    expect(value(page, "overdue")).to_have_text("1.284")
    expect(value(page, "no-apology")).to_have_text("219")
    expect(page.locator(".units-panel")).to_contain_text("ĐƠN VỊ CẦN ĐÔN ĐỐC")
    assert page.locator(".groups-panel .bar").count() == 6
    expect(page.locator(".groups-panel .bar").first).to_contain_text("12 không phát sinh")


def test_a_change_appears_on_every_open_page_without_a_reload_and_is_computed_once(
    show: Open, board: Board
) -> None:
    pages = [show("/"), show("/"), show("/wall", 1920, 1080)]
    for page in pages:
        expect(value(page, "overdue")).to_have_text("1.284")
        page.evaluate("window.notReloaded = true")
    before = board.change(overdue=1285)["asked"]
    for page in pages:
        expect(value(page, "overdue")).to_have_text("1.285", timeout=30_000)
        assert page.evaluate("window.notReloaded")
    # One computation for three screens; the clock may have asked for one more meanwhile.
    assert board.change()["asked"] <= before + 2


def test_stale_figures_are_said_to_be_old_and_unreadable_ones_keep_their_time(show: Open, board: Board) -> None:
    page = show("/")
    board.change(stale_ms=7_200_000)
    expect(page.locator(".strip .alarm")).to_have_text("■SỐ LIỆU CŨ 2 GIỜ")
    board.change(stale_ms=None, failing=True)
    expect(page.locator(".strip .alarm")).to_have_text("■KHÔNG ĐỌC ĐƯỢC SỐ LIỆU")
    expect(page.locator(".strip")).to_contain_text("số cũ 07:10 24/11")
    board.change(failing=False)
    expect(page.locator(".strip .fresh")).to_be_visible()


def test_the_language_can_be_switched_to_english_and_back(show: Open) -> None:
    page = show("/")
    page.get_by_role("link", name="English").click()
    expect(page.locator(".score h2")).to_have_text("SCORE AS THE PORTAL COMPUTES")
    expect(value(page, "overdue")).to_have_text("1,284")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("link", name="Tiếng Việt").click()
    expect(page.locator(".score h2")).to_have_text("ĐIỂM THEO CỔNG")


def test_why_opens_numerator_and_denominator_of_every_indicator(show: Open) -> None:
    page = show("/")
    page.click("#why")
    row = page.locator('[data-indicator="PROCESSED_ON_TIME"]')
    expect(row).to_be_visible()
    assert row.locator("td").all_inner_texts()[:4] == ["144.658", "184.513", "78,40 %", "15,68"]
    expect(page.locator('[data-indicator="PUBLISH_ON_TIME"]')).to_contain_text("không phát sinh")


def test_a_row_opens_its_unit_and_a_dossier_its_timeline_and_reading_it_is_recorded(
    show: Open, board: Board
) -> None:
    page = show("/")
    page.click('[data-unit="H44.100"]')
    expect(page.locator("h1")).to_contain_text("Xã Mẫu A")
    page.click(f'[data-dossier="{DOSSIER}"] a')
    expect(page.locator(".sentence")).to_contain_text("ĐANG QUÁ HẠN 2 ngày 0 giờ làm việc theo Cổng (so giờ)")
    assert page.locator(".timeline tbody tr").count() == 5
    expect(page.locator('[data-place="2/40/0"]')).to_contain_text("Nộp hồ sơ")
    assert f"test {DOSSIER}" in board.change()["reads"]


def test_names_from_data_are_text_and_never_markup(show: Open) -> None:
    page = show("/")
    expect(page.locator('[data-unit="H44.103"]')).to_contain_text("Xã Mẫu <C>")


def test_what_does_not_exist_says_so(show: Open) -> None:
    page = show("/ho-so/nobody")
    expect(page.locator("h1")).to_have_text("Không tìm thấy")


@pytest.mark.parametrize(
    "path", ["/", "/wall", "/don-vi/H44.100", f"/ho-so/{DOSSIER}", f"/canh-bao/{ALERT}", "/khoa"]
)
def test_no_page_asks_an_address_beyond_loopback(browser: Browser, board: Board, path: str) -> None:
    context = browser.new_context()
    asked: list[str] = []
    refused: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(board.address + path)
    page.wait_for_selector(".panel, form")
    page.wait_for_load_state("networkidle")
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    context.close()
    assert hosts == {"127.0.0.1"}
    assert refused == []


@pytest.mark.parametrize("path", ["/", "/don-vi/H44.100", f"/ho-so/{DOSSIER}", f"/canh-bao/{ALERT}"])
def test_a_phone_scrolls_down_only(show: Open, path: str) -> None:
    page = show(path, 390, 844)
    page.wait_for_selector(".panel h2")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_what_is_to_be_done_comes_before_the_score(show: Open) -> None:
    page = show("/", 390, 844)
    expect(page.locator(".numbers .number").first).to_be_visible()
    tops = page.evaluate(
        "['.strip', '.numbers', '.score'].map(s => document.querySelector(s).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)


def test_the_wall_has_no_small_text_no_dossier_code_and_nothing_cut_off(show: Open) -> None:
    page = show("/wall", 1920, 1080)
    expect(value(page, "overdue")).to_be_visible()
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('.wall *')]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .filter(e => e.offsetParent && !e.classList.contains('shape'))
        .map(e => [parseFloat(getComputedStyle(e).fontSize), e.textContent])"""
    )
    assert sizes
    assert [text for size, text in sizes if size < 34] == []
    assert page.evaluate("[document.body.scrollWidth, document.querySelector('.wall').scrollHeight]") == [
        1920,
        1080,
    ]
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.wall .panel > *')]
        .filter(e => e.getBoundingClientRect().right > 1920 || e.getBoundingClientRect().bottom > 1080)
        .map(e => e.className)"""
    )
    assert cut == []
    assert page.locator(".wall .number").evaluate_all("all => all.every(e => e.scrollWidth <= e.clientWidth)")
    assert "-261" not in page.inner_text("body")


def test_without_a_right_the_page_asks_for_a_key_and_keeps_it_in_a_cookie(show: Open) -> None:
    page = show("/don-vi/H44.100?lang=en", cookies=(("outside", "1"),))
    page.fill("[name=key]", "gs766_wrong")
    page.click("button")
    expect(page.locator(".red")).to_be_visible()
    page.fill("[name=key]", "gs766_right")
    page.click("button")
    expect(page.locator("h1")).to_contain_text("Xã Mẫu A")
    assert "gs766" not in page.url
    cookie = next(c for c in page.context.cookies() if c.get("name") == "gs766_key")
    assert cookie.get("httpOnly")


def test_a_link_cannot_carry_a_key_nor_lead_to_another_site(show: Open) -> None:
    page = show("/don-vi/H44.100?key=gs766_right", cookies=(("outside", "1"),))
    expect(page.locator("[name=key]")).to_be_visible()
    page.goto(page.url.split("?")[0] + "?back=//example.invalid/")
    expect(page.locator("[name=back]")).to_have_value("/")


def test_an_excel_export_is_looked_into_asked_about_and_brought_in(
    show: Open, board: Board, tmp_path: Path
) -> None:
    head = ["Mã hồ sơ", "Đơn vị xử lý", "Ngày tiếp nhận", "Ngày hẹn trả", "Trạng thái", "CCCD", "Chủ hồ sơ"]
    rows: list[list[Any]] = [
        [
            f"X-{n:03d}",
            "H44.100",
            "04/08/2026 08:30",
            "31/08/2026",
            "Chờ dấu đỏ",
            "000000000000",
            "<b>Không lưu</b>",
        ]
        for n in range(5)
    ]
    rows.append(["", "H44.100", "04/08/2026", "31/08/2026", "Đang xử lý", "", ""])
    export = write_xlsx(tmp_path / "hồ sơ tháng 8.xlsx", {"Sheet1": [head, *rows]})
    assert "quyền nạp" in show("/nap-tep").locator(".panel").inner_text()

    page = show("/nap-tep", cookies=(("clerk", "yes"),))
    page.locator("input[type=file]").set_input_files(export)
    expect(page.locator("#note")).to_contain_text("Chạy thử, chưa ghi gì: đọc 6 · nhận 5 · từ chối 1")
    expect(page.locator("#refused")).to_contain_text("không có mã hồ sơ")
    expect(page.locator(".sheet-columns s")).to_have_text(["CCCD", "Chủ hồ sơ"])
    expect(page.locator("#abilities")).to_contain_text("để trống (không phải 0)")
    assert "000000000000" not in page.content()
    assert "Không lưu" not in page.content()
    expect(page.locator("#words")).to_contain_text("Chờ dấu đỏ")
    page.locator("#words .q-select").click()
    page.get_by_role("option", name="đang xử lý", exact=True).click()
    expect(page.locator("#bring")).to_be_disabled()
    page.locator("#again").click()
    expect(page.locator("#words")).to_have_count(0)
    expect(page.locator("#bring")).to_have_text("Nạp 5 hồ sơ")
    page.locator("#bring").click()
    expect(page.locator("#done")).to_contain_text("Đã nạp xong. đọc 6 · nhận 5 · từ chối 1")
    found = board.change()
    assert found["brought"] == ["key:test [('Chờ dấu đỏ', 'processing')] .xlsx"]
    assert found["kept"] == [], "the file is gone"

    page.locator("input[type=file]").set_input_files(
        {"name": "x.xlsx", "mimeType": "a/b", "buffer": b"no workbook"}
    )
    expect(page.locator("#note .red")).to_be_visible()


def test_an_auditor_asks_and_takes_the_bundle_away(show: Open) -> None:
    page = show("/kiem-tra")
    expect(page.locator("[data-question]")).to_have_count(11)  # The ten, and what is no answer.
    asked = page.locator('[data-question="moved-due"]')
    asked.locator('input[name="unit"]').fill("H44.100")
    asked.locator('input[name="period"]').fill("2026-11")
    asked.locator("button").click()
    expect(page.locator("#verdict")).to_have_text("■ KHÔNG ĐẠT")
    expect(page.locator("#answer")).to_contain_text("dossier.due_date_moved 2:40:1")
    expect(page.locator("#answer")).to_contain_text("H44.100-1 <b>")
    with page.expect_download() as taken:
        page.locator("#bundle").click()
    assert taken.value.suggested_filename == "goi-chung-cu.zip"
    assert "unit=H44.100" in taken.value.url
    page = show("/kiem-tra?cau=moved-due&unit=H44.9&period=2026-11&lang=en")
    expect(page.locator("#answer")).to_contain_text("there is no unit H44.9")
    figure = page.locator('[data-question="evidence"]')
    for name, text in (("indicator", "PROCESSED_ON_TIME"), ("unit", "H44"), ("period", "2026-11")):
        figure.locator(f'input[name="{name}"]').fill(text)
    with page.expect_download() as taken:
        figure.locator("button").click()
    assert "indicator=PROCESSED_ON_TIME" in taken.value.url
    page = show("/kiem-tra", cookies=(("outside", "1"),))
    expect(page.locator("input[name=key]")).to_have_count(1)


def test_findings_are_seen_beside_the_peers_and_closed_with_a_reason_by_who_may(show: Open) -> None:
    page = show("/dau-hieu")
    page.fill("[name=unit]", "H44.100")
    page.fill("[name=period]", "2026-11")
    page.locator("form button").click()
    expect(page.locator(".finding")).to_have_count(2)
    expect(page.locator('[data-kind="all_paid_online"]')).to_contain_text("85.2 %")
    late = page.locator('[data-finding="f1"]')
    expect(late).to_contain_text("H44.100-1 <b>")
    expect(late).to_contain_text("dossier.due_date_moved · 2026-11-20T08:00 · 2:40:1")
    expect(late).to_contain_text("cần xác minh")
    expect(page.locator("[name=reason]")).to_have_count(0)  # who may only look
    expect(late).to_contain_text("quyền act")
    page = show("/dau-hieu?unit=H44.100&period=2026-11&kind=all_paid_online", cookies=(("actor", "1"),))
    about = page.locator('[data-finding="f2"]')
    about.locator("select").select_option("explained")
    about.locator("[name=note]").fill("Thu qua tài khoản của Cổng")
    about.locator("button").click()
    expect(page.locator("#done")).to_be_visible()
    expect(page.locator('.closed[data-finding="f2"]')).to_contain_text("Có lý do chính đáng · test")
    expect(page.locator(".finding")).to_have_count(0)
    page = show("/dau-hieu?unit=H44.9&period=2026-11&lang=en")
    expect(page.locator("#refused")).to_contain_text("there is no unit H44.9")
    expect(page.locator("h1")).to_have_text("Findings to verify")
    page = show("/dau-hieu", cookies=(("outside", "1"),))
    expect(page.locator("input[name=key]")).to_have_count(1)


def test_a_bundle_is_checked_in_the_browser_without_any_request(show: Open, tmp_path: Path) -> None:
    sealed = SealedFolder(tmp_path)
    data = a_figure(sealed)
    page = show("/kiem-tra-goi")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    able = page.evaluate("canSign()")
    expect(page.locator("#able")).to_contain_text("Ed25519")

    def given(name: str, content: bytes) -> FilePayload:
        return {"name": name, "mimeType": "application/octet-stream", "buffer": content}

    page.set_input_files("#bundle", given("goi.zip", data))
    expect(page.locator("#verdict")).to_have_text("● ĐẠT" if able else "◇ KHÔNG CHỨNG MINH ĐƯỢC")
    expect(page.locator("#said")).to_contain_text("2/6, tính lại từ tất cả 6 hồ sơ")
    for name, made in COUNTED.items():  # figures of petitions, procedures, the portal: as the other verifier says
        other = made(SealedFolder(tmp_path / name))
        page.set_input_files("#bundle", given("goi.zip", other))
        expect(page.locator("#said")).to_contain_text(check_bundle(other).said[0])
        expect(page.locator("#verdict")).to_have_text("● ĐẠT" if able else "◇ KHÔNG CHỨNG MINH ĐƯỢC")
    page.set_input_files("#bundle", given("goi.zip", data))
    expect(page.locator("#said")).to_contain_text("6 hồ sơ")
    page.set_input_files("#outside", given("c.jsonl", sealed.config.checkpoints.read_bytes()))
    expect(page.locator("#said")).not_to_contain_text("Chưa đối chiếu")
    rng = random.Random(2)
    for at in rng.sample(range(len(data)), 25):
        changed = bytearray(data)
        changed[at] ^= rng.randrange(1, 256)
        page.evaluate("document.getElementById('answer').hidden = true")
        page.set_input_files("#bundle", given("goi.zip", bytes(changed)))
        expect(page.locator("#verdict")).to_have_text("■ KHÔNG ĐẠT")
        expect(page.locator("#answer")).to_be_visible()
    assert requests == []


def test_an_alert_is_found_taken_promised_disputed_and_answered_by_who_may(show: Open, board: Board) -> None:
    page = show("/canh-bao?unit=H44.100", cookies=(("actor", "1"),))
    expect(page.locator('[data-number="alerts"]')).to_have_text("1")
    row = page.locator(f'[data-alert="{ALERT}"]')
    expect(row).to_contain_text("Xã Mẫu <C>")
    expect(row).to_contain_text("chưa ai nhận")
    row.get_by_role("link", name="Quá hạn").click()
    expect(page.locator('[data-act="notified"]')).to_contain_text("Đã gửi")
    page.click("#do-ack")
    expect(page.locator('[data-act="acknowledged"]')).to_be_visible()
    expect(page.locator(".alert-head")).to_contain_text("đã nhận việc")
    page.click("#do-promise")
    expect(page.get_by_text("Chọn ngày trước")).to_be_visible()
    page.locator(".todo input[type=date]").fill("2026-11-27")
    page.click("#do-promise")
    expect(page.locator(".alert-head")).to_contain_text("hẹn xong 27/11/2026")
    page.click("#do-dispute")
    expect(page.locator(".received")).to_contain_text("Tin cuối cùng hệ thống nhận được")
    expect(page.locator('[data-ticket="t1"]')).to_contain_text("chờ trả lời")
    page.locator(".answers .q-select").click()
    page.get_by_text("Số liệu đúng với những gì đã nhận").click()
    page.locator(".answers input[maxlength]").fill("Đã đối chiếu với nguồn")
    page.click(".answers .resolve")
    expect(page.locator('[data-ticket="t1"]')).to_contain_text("Số liệu đúng với những gì đã nhận")
    expect(page.locator(".answers")).to_be_hidden()
    done = board.change()
    wanted = ["test ack ", "test promise ", "test dispute ", "test resolve stands"]
    assert [act for act in done["done"] if act in wanted] == wanted
    assert f"test {DOSSIER}" in done["reads"]
    english = show(f"/canh-bao/{ALERT}?lang=en")
    expect(english.locator(".todo")).to_contain_text("scope act")
    expect(english.locator("#do-ack")).to_have_count(0)
    expect(english.locator("h1")).to_contain_text("Overdue")


def test_the_link_of_a_message_asks_for_a_key_and_leads_to_the_list(show: Open, board: Board) -> None:
    page = show("/v/1-ABCDEFGHIJKL", cookies=(("outside", "1"),))
    assert "test opened" not in board.change()["done"]
    page.fill("[name=key]", "gs766_right")
    page.click("button")
    expect(page.locator(f'[data-alert="{ALERT}"]')).to_be_visible()
    assert page.url.endswith("/canh-bao?unit=H44.100&kind=A04")
    assert board.change()["done"].count("test opened") == 1
    page.goto(board.address + "/v/1-FORGEDFORGED")
    expect(page.locator("h1")).to_have_text("Liên kết không còn hiệu lực")
