"""What the embedded store takes a statement for, and what it never lets a reader send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.embedded.errors import EngineError, engine_error
from sinks.embedded.sql import Insert, guard_reader, parse, quote, tokens

SOURCES = frozenset({"url", "file", "s3", "remote"})


def refused(text: str) -> bool:
    try:
        guard_reader(text, {}, SOURCES)
    except EngineError:
        return True
    return False


def test_comments_and_strings_are_not_words() -> None:
    text = "SELECT 'it''s \\' file(' /* file( */, `a file` -- file(\n # file\n, 1"
    assert not refused(text)
    dollars = text + ", $x$ file( $x$"
    assert [t.text for t in tokens(dollars) if t.kind == "word"] == ["SELECT"]
    assert refused(dollars)


@pytest.mark.parametrize("noise", ["/*", "'", "`", "'' ", "\\'", "$a$", '"', "--", "((", "1a"])
def test_no_long_noise_keeps_the_guard_busy(noise: str) -> None:
    """Quadratic scanning would run into the suite's timeout."""
    text = "SELECT " + noise * 40_000
    refused(text)
    assert refused(text + "\n;file('x')") or noise in ("/*", "'", "`", '"', "'' ", "\\'")


@given(
    st.sampled_from(["file", "`file`", '"file"', "File"]),
    st.sampled_from([" ", "\n", "/**/", " -- x\n", ""]),
    st.sampled_from(["SELECT {}{}('x')", "SELECT 1, arrayMap(x -> {}{}(x), [1])", "SELECT * APPLY({}{})"]),
)
def test_no_spelling_of_file_reaches_the_engine(name: str, space: str, frame: str) -> None:
    assert refused(frame.format(name, space))


@pytest.mark.parametrize("text", ["SELECT 1; SELECT 2", "SELECT 1;; DROP TABLE x"])
def test_two_statements_are_refused(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        parse(text, keep_format=False)
    assert caught.value.code == 62


def test_a_trailing_format_is_dropped_only_where_blocks_travel() -> None:
    assert parse("SELECT 1 FORMAT JSON;", keep_format=False).text == "SELECT 1"
    assert parse("SELECT 1 FORMAT JSON;", keep_format=True).text == "SELECT 1 FORMAT JSON"


@pytest.mark.parametrize(
    ("text", "insert"),
    [
        ("INSERT INTO t VALUES", Insert("t", "", "")),
        ("insert into db.`t x` (a, `b c`) values ;", Insert("db.`t x`", "(a, `b c`)", "")),
        (
            "INSERT INTO TABLE t (a) SETTINGS max_threads = 1 FORMAT Native",
            Insert("t", "(a)", "SETTINGS max_threads = 1"),
        ),
        ("INSERT INTO t VALUES (1)", None),
        ("INSERT INTO t SELECT 1", None),
        ("INSERT INTO t (a) WITH 1 AS x SELECT x", None),
        ('INSERT INTO t FORMAT JSONEachRow {"a": 1}', None),
    ],
)
def test_an_insert_is_in_blocks_only_when_nothing_follows_values(text: str, insert: Insert | None) -> None:
    assert parse(text, keep_format=False).insert == insert


@given(st.text())
def test_a_quoted_text_is_one_string(text: str) -> None:
    assert [t.kind for t in tokens(quote(text))] == ["string"]


def test_an_engines_error_keeps_its_first_code_and_loses_wrapping() -> None:
    text = (
        "Streaming query failed: Code: 164. DB::Exception: Code: 164. DB::Exception: No (version 26.9). (READONLY)"
    )
    error = engine_error(RuntimeError(text))
    assert (error.code, error.message) == (164, "No. (READONLY)")
