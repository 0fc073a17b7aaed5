"""`alerts config` and `alerts simulate` at the command line: a file is checked without a stack."""

import json
import os
from pathlib import Path

import pytest

from api.alerts import acting
from ops.cli import main
from ops.commands import alert

GOOD = """
[message_rules]
name = "province"
version = "3"
[[message_rules.routes]]
kind = "A02"
to = ["officer"]
at = ["07:15"]
"""


def run(data: Path, *arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(data), "alerts", *arguments], {"PATH": os.environ["PATH"]})
    return ended.value.code or 0


def test_a_file_of_rules_is_checked_and_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert run(tmp_path, "config", str(path), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["rules"]["version"] == "3"
    assert shown["rules"]["slots"] == ["07:15", "13:30"], "defaults are filled in"
    assert run(tmp_path, "config", str(path)) == 0
    assert "checked, not published" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD.replace("07:15", "7:15"),
            "rules.toml: message_rules cannot be used: routes[0] (A02).at: 7:15 is no slot",
        ),
        (GOOD.replace("officer", "mayor"), "'mayor' is no post; known are officer"),
        ("[alert_rules]\ndue_soon_working_days = 3\n", "rules.toml: there is no table message_rules"),
    ],
)
@pytest.mark.parametrize("command", [["config"], ["simulate", "--week", "2026-W46", "--config"]])
def test_what_cannot_be_used_exits_2_with_file_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str, command: list[str]
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    assert run(tmp_path, *command, str(path)) == 2
    assert said in capsys.readouterr().err


def test_the_help_names_all_that_people_can_do_and_the_reasons_that_they_pick() -> None:
    assert set(alert.VERBS) == set(acting.VERBS)
    assert tuple(acting.REASONS) == alert.REASONS
