"""The little language in which an indicator set writes its figures: `done_ok + open - open_late`.

Names, +, -, parentheses and max(…) only, so that a published document can say what is counted and can never
run anything. An unknown quantity makes the whole figure unknown (None), because unknown is not zero; only
`max` passes over unknown arguments: it means "the larger of the reports that exist".
"""

import re
from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

from domain.errors import InvalidInput

Number = int | float
_TOKEN = re.compile(r"\s*(?:(?P<name>[a-z][a-z0-9_]*(?::[a-z0-9_]+)?)|(?P<sign>[-+(),]))")
_SIGNS = {"+": 1, "-": -1}
_DEEPEST = 50


class Name(msgspec.Struct, frozen=True):
    """A quantity, looked up when the figure is evaluated."""

    name: str


class Sum(msgspec.Struct, frozen=True):
    """Terms with their signs (+1 or -1); unknown as soon as one term is."""

    terms: tuple[tuple[int, "Expression"], ...]


class Largest(msgspec.Struct, frozen=True):
    """The largest known argument; unknown when none is known."""

    of: tuple["Expression", ...]


Expression = Name | Sum | Largest


def parse_expression(text: str) -> Expression:
    """The figure that a text describes; InvalidInput shows the place where it cannot be read."""
    parser = _Parser(text)
    found = parser.sum(0)
    if parser.here:
        parser.fail()
    return found


def evaluate(expression: Expression, quantities: Mapping[str, Number | None]) -> Number | None:
    """The figure's value from quantities by name; None where something it needs is absent or None."""
    if isinstance(expression, Name):
        return quantities.get(expression.name)
    if isinstance(expression, Largest):
        known = [v for v in (evaluate(e, quantities) for e in expression.of) if v is not None]
        return max(known, default=None)
    total: Number = 0
    for sign, term in expression.terms:
        value = evaluate(term, quantities)
        if value is None:
            return None
        total += sign * value
    return total


def names(expression: Expression) -> Iterator[str]:
    """Every quantity that the figure mentions, repeated as often as it does."""
    if isinstance(expression, Name):
        yield expression.name
    elif isinstance(expression, Largest):
        for part in expression.of:
            yield from names(part)
    else:
        for _, part in expression.terms:
            yield from names(part)


class _Parser:
    """Recursive descent over the tokens of one text; `here` is the token to be read ('' at the end)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.here = ""
        self.is_name = False
        self.step()

    def step(self) -> str:
        """Moves on by one token and gives the one left behind."""
        left = self.here
        match = _TOKEN.match(self.text, self.at)
        if match:
            self.here, self.is_name, self.at = match[match.lastgroup or 0], bool(match["name"]), match.end()
        elif self.text[self.at :].strip():
            self.fail()
        else:
            self.here, self.is_name = "", False
        return left

    def sum(self, depth: int) -> Expression:
        """A signed run of atoms."""
        terms = [(self.sign() if self.here in _SIGNS else 1, self.atom(depth))]
        while self.here in _SIGNS:
            terms.append((self.sign(), self.atom(depth)))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Sum(tuple(terms))

    def sign(self) -> int:
        return _SIGNS[self.step()]

    def atom(self, depth: int) -> Expression:
        """A name, max(…) or a sum in parentheses."""
        if depth > _DEEPEST:
            self.fail()
        if self.here == "(":
            self.step()
            inside = self.sum(depth + 1)
            self.expect(")")
            return inside
        if not self.is_name:
            self.fail()
        name = self.step()
        if name != "max" or self.here != "(":
            return Name(name)
        self.step()
        parts = [self.sum(depth + 1)]
        while self.here == ",":
            self.step()
            parts.append(self.sum(depth + 1))
        self.expect(")")
        return Largest(tuple(parts))

    def expect(self, sign: str) -> None:
        if self.here != sign:
            self.fail()
        self.step()

    def fail(self) -> NoReturn:
        found = f"'{self.here}'" if self.here else "the end"
        raise InvalidInput(
            f"'{self.text}' cannot be read at character {self.at}, near {found}: "
            "use names of quantities, +, -, parentheses and max(…)"
        )
