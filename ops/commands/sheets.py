"""How an import of spreadsheets asks and answers on a terminal, in the words of the officials who export them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ops import exits
from ops.commands.shell import print_json, print_rows, say
from ops.settings import Settings
from producers.sheets.wording import CAN, REASONS, summary, vietnamese, whole

if TYPE_CHECKING:
    from producers.sheets.report import SheetReport


def run(
    settings: Settings,
    files: Sequence[Path],
    mapping: Path | None,
    *,
    status: Sequence[str],
    given: Mapping[str, Any],
    exported_at: str | None,
    wait: bool,
    dry_run: bool,
    rejected_dir: Path | None,
    as_json: bool,
) -> int:
    """The command `import xlsx`; its exit code."""
    from ops.sheet_importing import import_spreadsheets
    from producers.sheets.sheet_mapping import parse_words

    asks = sys.stdin.isatty() and sys.stderr.isatty() and not as_json
    report = import_spreadsheets(
        settings,
        files,
        mapping,
        given=given,
        status=parse_words(list(status)),
        exported_at=exported_at,
        ask=ask_states if asks else None,
        wait=wait,
        dry_run=dry_run,
        rejected_dir=rejected_dir,
    )
    if as_json:
        print_json(report.as_json())
    else:
        show(report)
    return exits.FAILS if report.core.all_rejected else exits.HOLDS


def ask_states(unknown: Mapping[str, int]) -> dict[str, str]:
    """Asks once for each word that nobody knows; an empty answer leaves it unknown."""
    from producers.sheets.sheet_mapping import STATUSES

    say(f"trạng thái chưa biết; trả lời bằng một trong: {', '.join(STATUSES)} (Enter: để sau)")
    answers = {}
    for word, count in list(unknown.items())[:30]:
        answer = ""
        while answer not in STATUSES:
            answer = typer.prompt(f"'{word}' ({count} dòng)", default="", show_default=False, err=True).strip()
            if not answer:
                break
            if answer not in STATUSES:
                say(f"không có trạng thái '{answer}'")
        if answer:
            answers[word] = answer
    return answers


def show(report: "SheetReport") -> None:
    """The report as a person reads it."""
    core = report.core
    print(summary(report.as_json()))
    for sheet in report.sheets:
        if sheet.skipped:
            print(f"\n{sheet.file} · {sheet.sheet}: bỏ qua ({sheet.skipped})")
            continue
        print(f"\n{sheet.file} · {sheet.sheet}: dòng tiêu đề {sheet.header_row}, {whole(sheet.rows)} dòng")
        print_rows([column_row(heading, meaning) for heading, meaning in sheet.columns])
    if core.reasons:
        print("\nTừ chối")
        print_rows([{"lý do": REASONS.get(r, r), "số dòng": n} for r, n in core.reasons.items()])
        print_rows(
            [{"tệp": e.file, "dòng": e.line, "lý do": REASONS.get(e.reason, e.reason), "cột": e.field}
             for e in core.examples]
        )  # fmt: skip
    if report.unknown_words:
        print("\nTrạng thái chưa biết (thêm: --status 'TỪ=processing', hoặc [status] trong tệp ánh xạ)")
        print_rows([{"từ": w, "số dòng": n} for w, n in report.unknown_words.items()])
    if report.verdicts:
        same, other = report.verdicts.get("same", 0), report.verdicts.get("differs", 0)
        print(f"\nKết luận hạn của hệ thống nguồn: giống {whole(same)}, khác {whole(other)}")
    if report.absent:
        absent = report.absent
        print(
            f"\nKhông còn trong tệp từ {absent['since'][:10]}: {whole(absent['count'])} hồ sơ, trong đó "
            f"{whole(absent['open'])} chưa xong (không coi là đã xong)"
        )
        if absent["codes"]:
            print("  " + ", ".join(absent["codes"]))
    print("\nTệp này tính được gì")
    print_rows([{"chỉ số": a.name, "": CAN[a.can], "thiếu": ", ".join(a.lacks)} for a in report.abilities])
    for line in core.warnings:
        say(vietnamese(line))
    for path in core.rejected_files:
        say(f"dòng bị từ chối: {path}")
    if core.dry_run:
        say("chạy thử: không ghi gì")


def column_row(heading: str, meaning: str) -> dict[str, str]:
    """A column and what it means; a personal one is struck through."""
    from producers.sheets.headings import MEANINGS

    if meaning == "personal":
        heading = "".join(c + "\u0336" for c in heading)
    return {"cột trong tệp": heading, "ý nghĩa": MEANINGS.get(meaning, "không dùng, không lưu")}
