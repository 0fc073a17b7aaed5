"""Mappings that cannot work are refused in words: which file, which key, what to do."""

from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.instants import zone
from producers.mapping_file import load_mapping, parse_mapping
from producers.sheets.sheet_mapping import load_sheet_mapping

ZONE = zone("Asia/Ho_Chi_Minh")


def content(**changes: Any) -> dict[str, Any]:
    rule = {"type": "accepted", "time": "t", "data": {"unit": "u"}} | changes.pop("rule", {})
    return {"source": "/s", "rows": {"subject": "code"}, "event": [rule]} | changes


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sorce": "x"}, "mapping: sorce: is not a word of the mapping language; did you mean 'source'"),
        ({"source": ""}, "mapping: source: is missing"),
        ({"event": []}, "add at least one"),
        ({"rows": {}}, "rows.subject: is missing"),
        ({"zone": "Asia/Hanoi"}, "'Asia/Hanoi' is not a time zone"),
        ({"csv": {"encoding": "utf-9"}}, "csv.encoding: 'utf-9' is not an encoding"),
        ({"csv": {"delimiter": ";;"}}, "csv.delimiter: must be one character"),
        ({"times": {"formats": ["d/m/y"]}}, "times: 'd/m/y' is not a time format"),
        ({"rule": {"type": "acepted"}}, "event 1.type: 'acepted' is not an event type; did you mean 'accepted'"),
        ({"rule": {"type": "alert.raised"}}, "is not an event type"),
        ({"rule": {"type": {"column": "a"}}}, "event 1.type: needs a 'map'"),
        ({"rule": {"type": {"column": "a", "map": {"x": "ignore"}}}}, "maps everything to 'ignore'"),
        ({"rule": {"per": "month"}}, "event 1.per: must be one of row, case, first, last"),
        ({"rule": {"per": "case"}}, "write 'case.t'"),
        ({"rule": {"unless": ["finished"]}}, "event 1.unless: works only with per = 'case'"),
        ({"rule": {"data": {"untit": "u"}}}, "has the field 'untit'; did you mean 'unit'"),
        ({"rule": {"data": {"unit": {"map": "x", "column": "u"}}}}, r"there is no \[maps.x\]"),
        ({"rule": {"data": {"unit": {}}}}, "needs either 'column'"),
        ({"rule": {"data": {"unit": {"column": "u", "value": "x"}}}}, "needs either 'column'"),
        ({"rule": {"data": {"unit": {"column": "u", "extract": "("}}}}, "not a regular expression"),
        ({"rule": {"when": {"column": "u"}}}, "event 1.when: needs 'column' and one of"),
        ({"rule": {"when": {"column": "u", "matches": "["}}}, "not a regular expression"),
        ({"rule": {"data": 5}}, "event 1.data: must be a table"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_mapping(content(**changed), ZONE)


def test_a_file_that_is_missing_or_no_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_mapping(tmp_path / "m.toml", ZONE)
    (tmp_path / "m.toml").write_text("source = ")
    with pytest.raises(InvalidInput, match="is not TOML"):
        load_mapping(tmp_path / "m.toml", ZONE)


def test_every_example_mapping_can_be_used() -> None:
    examples = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.toml"))
    assert examples
    for path in examples:
        load_mapping(path, ZONE)


def test_every_mapping_printed_in_the_documentation_can_be_used(tmp_path: Path) -> None:
    import tomllib

    text = (Path(__file__).resolve().parents[3] / "docs" / "mappings.md").read_text("utf-8")
    whole = [b.partition("```")[0] for b in text.split("```toml\n")[1:] if "source =" in b.partition("```")[0]]
    assert len(whole) >= 3
    for block in whole:
        if "[columns]" in block:
            (tmp_path / "sheet.toml").write_text(block, "utf-8")
            load_sheet_mapping(tmp_path / "sheet.toml")
        else:
            parse_mapping(tomllib.loads(block), ZONE)
