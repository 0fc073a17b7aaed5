"""The guides stay whole: every setting, command, part, alert kind, finding and picture that exists is in them."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from domain.alerts import KINDS
from ops.cli import app
from ops.parts import PARTS
from ops.settings import NOT_IN_FILES, SECTIONS, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OPERATING = (DOCS / "operating.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "huong-dan.md").read_text(encoding="utf-8")


def settings() -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(Settings):
        if field.name not in NOT_IN_FILES:
            yield field.name, field.default
    for section, kind in SECTIONS.items():
        for field in dataclasses.fields(kind):
            yield f"{section}.{field.name}", field.default


def commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield f"{before}{name}"


def test_every_setting_stands_in_the_table_with_its_variable_and_its_default() -> None:
    lines = [line.split("|") for line in OPERATING.splitlines()]
    rows = {cells[1]: cells for cells in lines if len(cells) == 7}
    for name, default in settings():
        variable = "GS766_" + name.upper().replace(".", "_")
        cells = rows.get(f" `{name}` ")
        assert cells, f"{name} is not in the table of settings"
        assert f"`{variable}`" in cells[2]
        shown = "–" if default == "" else str(default).lower() if isinstance(default, bool) else str(default)
        assert cells[4].strip().strip("`") == shown, name


def test_no_setting_stands_in_the_table_that_does_not_exist() -> None:
    named = set(re.findall(r"^\| `([a-z_.]+)` \| `GS766_", OPERATING, re.MULTILINE))
    assert named == {name for name, _ in settings()}


def test_every_command_is_listed() -> None:
    missing = [name for name in commands(typer.main.get_command(app)) if f"`{name}`" not in OPERATING]
    assert not missing


def test_every_part_is_explained() -> None:
    assert all(f"| `{part.name}` |" in OPERATING for part in PARTS)


def test_officials_find_every_kind_of_alert_under_its_title() -> None:
    assert all(f"| {kind.code} | {kind.title_vi} |" in GUIDE for kind in KINDS.values())


def test_officials_find_every_finding_in_their_words() -> None:
    source = (ROOT / "domain" / "dossier.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'_note\(state, "([a-z_]+)"', source))
    assert kinds
    assert not {kind for kind in kinds if f"`{kind}`" not in GUIDE}


def test_links_between_guides_and_to_pictures_lead_somewhere() -> None:
    for path in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (DOCS / target).exists(), f"{path.name}: {target}"
