"""Which answers the embedded store keeps, and when they are over."""

from collections.abc import Iterator

import pytest

from sinks.embedded.kept import TABLES, Kept, kept_table, named_table
from sinks.migrations import MIGRATIONS


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT a, toUnixTimestamp64Milli(known_at) FROM positions FINAL",
        "SELECT offset FROM positions FINAL WHERE name = 'complete' AND generation IN (1, 2) ORDER BY partition",
        "\nSELECT generation, log_id FROM positions\n",
    ],
)
def test_a_plain_look_at_one_bookkeeping_table_is_kept(asked: str) -> None:
    assert kept_table(asked) == "positions"


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT now64(3), offset FROM positions FINAL",
        "SELECT CURRENT_TIMESTAMP, offset FROM positions",
        "SELECT `now`() FROM positions",
        "SELECT a FROM dossiers FINAL",
        "SELECT a FROM positions FINAL, generations",
        "SELECT a FROM positions AS p, dossiers",
        "SELECT a FROM positions JOIN dossiers USING (a)",
        "SELECT a FROM other.positions",
        "SELECT a FROM positions.x",
        "SELECT a FROM positions WHERE name IN names",
        "SELECT a FROM positions WHERE a = (SELECT 1)",
        "SELECT a FROM positions WHERE a = dictGet('d', 'x', 1)",
        "SELECT a FROM positions UNION ALL SELECT a FROM faults",
        "SELECT a FROM positions SETTINGS max_execution_time = 1",
        "SHOW TABLES FROM positions",
        "SELECT 1",
        "",
    ],
)
def test_what_depends_on_anything_else_is_asked_again(asked: str) -> None:
    assert kept_table(asked) == ""


@pytest.mark.parametrize("target", ["positions", "gs766.positions", "`gs766`.`positions`"])
def test_an_insert_is_known_by_the_table_it_names(target: str) -> None:
    assert named_table(target) == "positions"


def test_no_view_fills_a_table_whose_answers_are_kept() -> None:
    made = [s for m in MIGRATIONS for s in m.statements() if "MATERIALIZED VIEW" in s]
    assert made
    for statement in made:
        target = statement.split(" TO ", 1)[1].split()[0]
        assert target not in TABLES, statement


class Asked:
    """Answers with what it was last told, and counts how often."""

    def __init__(self) -> None:
        self.rows = b"old"
        self.times = 0

    def __call__(self) -> Iterator[bytes]:
        self.times += 1
        yield self.rows


def ask(kept: Kept, asked: Asked) -> bytes:
    return b"".join(kept.answer("positions", "q", asked))


def test_an_answer_lasts_until_its_table_is_written_to() -> None:
    kept, asked = Kept(), Asked()
    assert ask(kept, asked) == ask(kept, asked) == b"old"
    assert asked.times == 1
    with kept.writing("dossiers"):
        pass
    assert ask(kept, asked) == b"old"
    assert asked.times == 1
    with kept.writing("gs766.positions"):
        asked.rows = b"new"
    assert ask(kept, asked) == b"new"
    with kept.writing():
        asked.rows = b"newer"
    assert ask(kept, asked) == b"newer"


def test_while_a_table_is_written_to_everybody_asks() -> None:
    kept, asked = Kept(), Asked()
    with kept.writing("positions"):
        ask(kept, asked)
        ask(kept, asked)
    assert asked.times == 2
    ask(kept, asked)
    assert asked.times == 3


def test_what_was_asked_before_a_write_is_not_kept_after_it() -> None:
    kept, asked = Kept(), Asked()
    slow = kept.answer("positions", "q", asked)
    assert next(slow) == b"old"
    with kept.writing("positions"):
        asked.rows = b"new"
    assert list(slow) == []
    assert ask(kept, asked) == b"new"


def test_a_failed_write_ends_answers_as_well() -> None:
    kept, asked = Kept(), Asked()
    ask(kept, asked)
    with pytest.raises(OSError, match="full"), kept.writing("positions"):
        raise OSError("the disk is full")
    ask(kept, asked)
    assert asked.times == 2


def test_an_answer_that_was_broken_off_or_is_large_is_not_kept() -> None:
    kept, asked = Kept(), Asked()
    broken = kept.answer("positions", "q", asked)
    next(broken)
    broken.close()
    ask(kept, asked)
    assert asked.times == 2
    asked.rows = b"x" * 100_000
    with kept.writing("positions"):
        pass
    ask(kept, asked)
    ask(kept, asked)
    assert asked.times == 4
