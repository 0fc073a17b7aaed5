"""What a statement is and whether a reader may send it: a lexer that follows ClickHouse's own.

An unclosed string or comment reaches to the end: the engine refuses it, and looking further would be slow.
chDB runs as ClickHouse-local, where the function `file()` reads any path and `INTO OUTFILE` writes one,
readonly or not. The engine's `readonly=1` stops the rest; this guard stops those before they are seen.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from sinks.embedded.errors import ACCESS_DENIED, NOT_IMPLEMENTED, SYNTAX_ERROR, EngineError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<heredoc>\$(?P<tag>[A-Za-z0-9_]*)\$.*?\$(?P=tag)\$)
  | (?P<string>'(?:[^'\\]|\\.|'')*+(?:'|\Z))
  | (?P<quoted>`(?:[^`\\]|\\.|``)*+(?:`|\Z)|"(?:[^"\\]|\\.|"")*+(?:"|\Z))
  | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
  | (?P<number>[0-9][0-9A-Za-z_]*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
READ_STATEMENTS = frozenset({"SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"})
ROW_STATEMENTS = READ_STATEMENTS | {"KILL", "CHECK", "BACKUP", "RESTORE"}
# What chDB can stream; the others answer with a few rows at most.
STREAMED = frozenset({"SELECT", "WITH", "FROM"})
READER_QUERY_SIZE = 262_144
_HEREDOC = re.compile(r"\$[A-Za-z0-9_]*\$")
# Table functions that touch nothing but the engine's own tables and arithmetic.
SAFE_TABLE_FUNCTIONS = frozenset(
    "generaterandom generateseries generate_series merge mergetreeindex null numbers numbers_mt primes"
    " values view zeros zeros_mt".split()
)
# Functions that read files or call services, and may be named without a call: arrayMap(file, …), APPLY(file).
_DENIED_WORDS = re.compile(r"file|ai(?:redact|similarity|filter|classify|embed|extract|generate|translate)", re.I)


@dataclass(frozen=True, slots=True)
class Token:
    """One lexeme: `kind` is word, quoted, string, heredoc, number or other; `end` its end offset."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def tokens(sql: str, limit: int | None = None) -> list[Token]:
    """Lexemes without space and comments; stops after the head of an INSERT's inline data."""
    found: list[Token] = []
    for m in _TOKEN.finditer(sql):
        kind = m.lastgroup or "other"
        if kind == "tag":
            kind = "heredoc"
        if kind != "space":
            found.append(Token(kind, m[0], m.start(), m.end()))
            if limit is not None and len(found) >= limit:
                break
    return found


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows come from the client in blocks."""

    target: str
    columns: str
    settings: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement ready for the engine: `text` without a trailing `;`, `verb` its first word."""

    text: str
    verb: str
    insert: Insert | None = None

    @property
    def returns_rows(self) -> bool:
        return self.verb in ROW_STATEMENTS


def parse(sql: str, *, keep_format: bool) -> Statement:
    """Classifies one statement.

    `keep_format=False` (native protocol) drops a trailing FORMAT clause, as a server does, since rows travel
    in blocks. Raises for several statements in one, and for client-side files, which no server serves.
    """
    toks = tokens(sql)
    first = next((t for t in toks if t.text != "("), None)
    if first is None:
        raise EngineError(SYNTAX_ERROR, "Empty query")
    verb = first.upper
    if verb == "INSERT":
        return _parse_insert(sql, toks)
    if verb == "WITH" and any(a.upper == "INSERT" and b.upper == "INTO" for a, b in pairwise(toks)):
        return _plain_insert(sql, toks)
    while toks and toks[-1].text == ";":
        sql = sql[: toks.pop().start]
    if any(t.text == ";" for t in toks):
        raise EngineError(SYNTAX_ERROR, "Multi-statements are not allowed")
    if any(t.upper == "OUTFILE" for t in toks):
        raise EngineError(NOT_IMPLEMENTED, "INTO OUTFILE is a client's feature: this server writes no files")
    if not keep_format and len(toks) > 2 and toks[-2].upper == "FORMAT" and verb in READ_STATEMENTS:
        sql = sql[: toks[-2].start]
    # A comment at the end would swallow what is appended to the statement.
    return Statement(sql.rstrip() if not toks else sql[: toks[-1].end].rstrip(), verb)


def _parse_insert(sql: str, toks: list[Token]) -> Statement:
    depth = 0
    columns = settings = -1
    start = 2 if len(toks) > 2 and toks[1].upper == "INTO" else 1
    if len(toks) > start and toks[start].upper == "TABLE":
        start += 1
    for i, t in enumerate(toks):
        if t.text == "(":
            if depth == 0 and columns < 0 and toks[start].upper != "FUNCTION":
                columns = i
            depth += 1
        elif t.text == ")":
            depth -= 1
        elif depth == 0 and i > start:
            if t.upper in ("SELECT", "WITH", "FROM", "WATCH"):
                return _plain_insert(sql, toks)
            if t.upper == "SETTINGS":
                settings = i
            elif t.upper in ("VALUES", "FORMAT"):
                rest = toks[i + 1 :] if t.upper == "VALUES" else toks[i + 2 :]
                native = t.upper == "VALUES" or [x.upper for x in toks[i + 1 : i + 2]] == ["NATIVE"]
                if any(r.text != ";" for r in rest) or not native:
                    return Statement(sql, "INSERT")
                return _block_insert(sql, toks, start, columns, settings, i)
    return _plain_insert(sql, toks)


def _plain_insert(sql: str, toks: list[Token]) -> Statement:
    if any(t.upper == "INFILE" for t in toks):
        raise EngineError(NOT_IMPLEMENTED, "FROM INFILE is a client's feature: this server reads no such files")
    while toks and toks[-1].text == ";":
        sql = sql[: toks.pop().start]
    if any(t.text == ";" for t in toks):
        raise EngineError(SYNTAX_ERROR, "Multi-statements are not allowed")
    return Statement(sql, "INSERT")


def _block_insert(sql: str, toks: list[Token], start: int, columns: int, settings: int, end: int) -> Statement:
    stop = columns if columns >= 0 else settings if settings >= 0 else end
    target = sql[toks[start].start : toks[stop].start].strip()
    after = settings if settings >= 0 else end
    names = sql[toks[columns].start : toks[after].start].strip() if columns >= 0 else ""
    clause = sql[toks[settings].start : toks[end].start].strip() if settings >= 0 else ""
    return Statement(sql, "INSERT", Insert(target, names, clause))


def guard_reader(sql: str, params: dict[str, str], sources: frozenset[str]) -> None:
    """Raises ACCESS_DENIED for whatever could write, or read outside the store.

    `sources` are the engine's table functions in lower case, without the safe ones. Only the first layer:
    the reader's engine session also runs with `readonly=1`.
    """
    if len(sql) > READER_QUERY_SIZE:
        raise EngineError(SYNTAX_ERROR, f"reader: a query may have {READER_QUERY_SIZE} characters")
    if _HEREDOC.search(sql):  # nobody needs them, and unclosed ones are slow to look for
        raise EngineError(ACCESS_DENIED, "reader: texts in $dollars$ are not allowed")
    toks = tokens(sql)
    first = next((t for t in toks if t.text != "("), None)
    if first is None or (first.upper not in READ_STATEMENTS and first.upper != "USE"):
        word = first.text if first else ""
        raise EngineError(ACCESS_DENIED, f"reader: only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS; not {word}")
    for token, after in zip(toks, [*toks[1:], None], strict=True):
        name = _name(token)
        if not name:
            continue
        if _DENIED_WORDS.fullmatch(name):
            raise EngineError(ACCESS_DENIED, f"reader: {name} is not allowed, under any name or quoting")
        if after is not None and after.text == "(" and name.lower() in sources:
            raise EngineError(ACCESS_DENIED, f"reader: table function {name} is not allowed")
    if params and any(t.upper == "IDENTIFIER" for t in toks):
        raise EngineError(ACCESS_DENIED, "reader: parameters of type Identifier are not allowed")


def _name(token: Token) -> str:
    if token.kind == "word":
        return token.text
    if token.kind != "quoted":
        return ""
    if "\\" in token.text:
        raise EngineError(ACCESS_DENIED, "reader: escapes in quoted names are not allowed")
    return token.text[1:-1]


def guard_type(kind: str) -> None:
    """Raises SYNTAX_ERROR for a column type that would end, or be more than, one type: it goes into a CREATE."""
    depth = 0
    found = tokens(kind)
    for at, token in enumerate(found):
        depth += (token.text == "(") - (token.text == ")")
        inside = depth > 0 or (depth == 0 and at == len(found) - 1) or (at == 0 and token.kind == "word")
        if not inside or (token.kind == "other" and token.text not in "(),=-") or token.kind == "heredoc":
            raise EngineError(SYNTAX_ERROR, f"{kind} is no type of a column")
    if depth or not found or not (found[0].kind == "word"):
        raise EngineError(SYNTAX_ERROR, f"{kind} is no type of a column")


def without_settings(text: str) -> tuple[str, dict[str, str]]:
    """A statement without the SETTINGS clause at its end, and that clause; ({}, unchanged) if there is none.

    A FORMAT may follow. Only plain values are taken: numbers, texts and words.
    """
    toks = tokens(text)
    tail = toks[-2].start if len(toks) > 2 and toks[-2].upper == "FORMAT" else len(text)
    body = [t for t in toks if t.end <= tail]
    at = next((i for i in range(len(body) - 1, 0, -1) if body[i].upper == "SETTINGS"), 0)
    found: dict[str, str] = {}
    rest = body[at + 1 :]
    while at and rest:
        shape = [t.text if t.text == "=" else t.kind for t in rest[:3]]
        if shape[:2] != ["word", "="] or shape[2:] not in (["word"], ["number"], ["string"]):
            return text, {}
        found[rest[0].text] = unquote(rest[2].text)
        if len(rest) > 3 and (rest[3].text != "," or len(rest) == 4):
            return text, {}
        rest = rest[4:]
    if not found:
        return text, {}
    return text[: body[at].start] + text[tail:], found


def split_format(statement: Statement) -> tuple[str, str]:
    """(text without a FORMAT clause at its end, that format or nothing)."""
    toks = tokens(statement.text)
    if len(toks) > 2 and toks[-2].upper == "FORMAT" and statement.returns_rows:
        return statement.text[: toks[-2].start].rstrip(), toks[-1].text
    return statement.text, ""


def names_in(listed: str) -> list[str]:
    """The names of `(a, `b c`, n.d)`, unquoted."""
    names = [""]
    for token in tokens(listed)[1:-1]:
        if token.text == ",":
            names.append("")
        elif token.kind == "quoted":
            names[-1] += re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        else:
            names[-1] += token.text
    return names


@lru_cache(maxsize=1024)
def quote_name(name: str) -> str:
    """A name as a back-quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


_ESCAPED = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)|''", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def unquote(text: str) -> str:
    """What an SQL string literal stands for; other texts as they are."""
    if len(text) < 2 or text[0] != "'" or text[-1] != "'":
        return text

    def meant(found: re.Match[str]) -> str:
        escaped = found[1]
        if escaped is None:
            return "'"
        return chr(int(escaped[1:], 16)) if len(escaped) == 3 else _MEANT.get(escaped, escaped)

    return _ESCAPED.sub(meant, text[1:-1])


def quote(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0") + "'"
