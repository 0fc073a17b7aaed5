"""Rules of the table of parts: what is started, in which order, and what ends first."""

from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput
from ops.parts import DEMO, PARTS, chosen_parts, dependents, unmet
from ops.settings import load

BY_NAME = {part.name: part for part in (*PARTS, DEMO)}


def names(tmp_path: Path, environ: dict[str, str] | None = None, **how: Any) -> list[str]:
    return [p.name for p in chosen_parts(load(environ or {}, tmp_path), **how)]


def test_every_need_stands_earlier_in_the_table() -> None:
    seen: set[str] = set()
    for part in (*PARTS, DEMO):
        assert set(part.needs) <= seen
        seen.add(part.name)


def test_all_parts_run_by_default_and_the_demo_only_when_asked(tmp_path: Path) -> None:
    assert names(tmp_path) == [p.name for p in PARTS]
    assert names(tmp_path, demo=True)[-1] == "demo"


def test_a_configured_kafka_or_clickhouse_replaces_the_local_one(tmp_path: Path) -> None:
    environ = {"GS766_KAFKA_BOOTSTRAP": "k:1", "GS766_CLICKHOUSE_HOST": "c"}
    assert names(tmp_path, environ)[0] == "migrate"


def test_only_and_except_choose_parts(tmp_path: Path) -> None:
    assert names(tmp_path, only=["api", "store"]) == ["store", "api"]
    assert "worker" not in names(tmp_path, without=["worker"])


@pytest.mark.parametrize("how", [{"only": ["apy"]}, {"without": ["demo"]}, {"only": ["api"], "without": ["api"]}])
def test_a_name_that_is_no_part_or_no_part_left_is_an_error(tmp_path: Path, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        names(tmp_path, **how)


def test_a_part_waits_for_what_it_needs() -> None:
    assert unmet(BY_NAME["migrate"], PARTS, []) == ("broker", "store")
    assert unmet(BY_NAME["migrate"], PARTS, ["broker"]) == ("store",)
    assert unmet(BY_NAME["writer"], PARTS, ["migrate"]) == ()


def test_a_left_out_part_passes_its_own_needs_on() -> None:
    table = [BY_NAME[name] for name in ("broker", "store", "writer")]
    assert unmet(BY_NAME["writer"], table, ["store"]) == ("broker",)
    assert unmet(BY_NAME["writer"], [BY_NAME["writer"]], []) == ()


def test_what_others_need_ends_after_them() -> None:
    assert set(dependents("store", PARTS)) == {"migrate", "writer", "worker", "api", "sealer", "notifier"}
    assert dependents("notifier", PARTS) == ()
    table = [BY_NAME[name] for name in ("broker", "worker")]
    assert dependents("broker", table) == ("worker",)
