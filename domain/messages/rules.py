"""The rules of messages as one checked document of the province: slots, quiet hours, ceilings, routes, escalation.

What a province does not name is as in `default.toml`. An unknown name is refused, never ignored.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any

import msgspec

from domain.errors import InvalidInput
from domain.message import POSTS
from domain.messages.wording import TEXTS

ON = ("every_day", "week", "month")
Few = Annotated[int, msgspec.Meta(ge=0, le=250)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=240)]
NEXT, AT_ONCE, ANY_HOUR, BRIEF = "next", "at_once", "any_hour", "brief"
WORDS = (NEXT, AT_ONCE, ANY_HOUR, BRIEF)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_LIST = ("routes", "inhibitions")


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Times of day between which, over midnight, nothing is sent; days off are quiet whole."""

    from_: str
    to: str


class Chairman(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on what nobody took stands in the chairman's brief: so old each, or so many of any age."""

    after_working_days: Annotated[int, msgspec.Meta(ge=1, le=250)]
    dossiers: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an alert reaches that nobody acknowledged for so many working days."""

    post: str
    after_working_days: Annotated[int, msgspec.Meta(ge=1, le=250)]


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chain, lowest first, and the kinds that climb it."""

    kinds: tuple[str, ...]
    steps: tuple[Step, ...]


class Inhibition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """While an alert of kind `by` holds for a unit, those of kinds `mutes` below that unit are not sent."""

    by: str
    mutes: tuple[str, ...]


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which posts are told of a kind, and when: `at` holds clock times of slots or one of `WORDS`."""

    kind: str
    to: tuple[str, ...]
    at: tuple[str, ...]
    on: str = "every_day"
    after_working_days: Few = 0


class MessageRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the rules. Clock times are 'HH:MM' in the province's zone."""

    name: str
    version: str
    slots: tuple[str, ...]
    slot_if_due_today: str
    brief: str
    guard_minutes: Few
    at_once_minutes: Minutes
    reminder_working_days: Few
    acknowledged_working_days: Annotated[int, msgspec.Meta(ge=1, le=250)]
    digest: bool
    quiet: Quiet
    chairman: Chairman
    ceilings: dict[str, Annotated[int, msgspec.Meta(ge=1, le=100)]]
    escalation: Escalation
    inhibitions: tuple[Inhibition, ...]
    routes: tuple[Route, ...]
    valid_from: str | None = None
    valid_to: str | None = None

    @property
    def day_slots(self) -> tuple[str, ...]:
        """All regular slots of a working day in order, the conditional one included."""
        return tuple(sorted({*self.slots, self.slot_if_due_today} - {""}))


def decode_rules(document: Mapping[str, Any]) -> MessageRules:
    """A plain document laid over the defaults, checked; InvalidInput names every field that is wrong, and why."""
    plain = {**default_document(), **document}
    for table in ("quiet", "chairman", "escalation", "ceilings"):
        if isinstance(document.get(table), Mapping):
            plain[table] = {**default_document()[table], **document[table]}
    try:
        found = msgspec.convert(plain, MessageRules)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"message_rules cannot be used: {_said(error)}") from error
    problems = problems_of(found)
    if problems:
        raise InvalidInput("message_rules cannot be used: " + "; ".join(problems))
    return found


@lru_cache(maxsize=1)
def default_document() -> dict[str, Any]:
    """The defaults as they stand in the product. The only place here that reads a file."""
    return tomllib.loads((files("domain") / "messages" / "default.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def default_rules() -> MessageRules:
    """The defaults, decoded."""
    return decode_rules({})


def problems_of(rules: MessageRules) -> tuple[str, ...]:
    """Everything wrong with decoded rules, field by field, with what to write instead."""
    found = [*_clock_problems(rules), *_route_problems(rules), *_chain_problems(rules)]
    for n, inhibition in enumerate(rules.inhibitions):
        found += _kind_problems(f"inhibitions[{n}].by", (inhibition.by,))
        found += _kind_problems(f"inhibitions[{n}].mutes", inhibition.mutes)
        if inhibition.by in inhibition.mutes:
            found.append(f"inhibitions[{n}].mutes: {inhibition.by} would mute itself; leave it out")
    found += _post_problems("ceilings", rules.ceilings)
    return tuple(found)


def _clock_problems(rules: MessageRules) -> list[str]:
    named = {
        **{f"slots[{n}]": slot for n, slot in enumerate(rules.slots)},
        "slot_if_due_today": rules.slot_if_due_today,
        "brief": rules.brief,
        "quiet.from": rules.quiet.from_,
        "quiet.to": rules.quiet.to,
    }
    may_lack = {"slot_if_due_today", "brief"}
    found = [
        f"{name}: '{value[:20]}' is not a time of day such as 07:15"
        for name, value in named.items()
        if not _CLOCK.fullmatch(value) and not (name in may_lack and not value)
    ]
    if found:
        return found
    if not rules.slots:
        found.append("slots: name at least one, such as 07:15")
    if rules.quiet.to >= rules.quiet.from_:
        found.append("quiet: it lasts over midnight, so `to` (07:00) is earlier in the day than `from` (17:00)")
    for slot in rules.day_slots:
        if not rules.quiet.to <= slot < rules.quiet.from_:
            found.append(f"slots: {slot} lies in the quiet hours {rules.quiet.from_} to {rules.quiet.to}")
    if len({*rules.slots, rules.slot_if_due_today}) < len(rules.slots) + 1:
        found.append("slots: a slot stands twice")
    return found


def _route_problems(rules: MessageRules) -> list[str]:
    found: list[str] = []
    known = {*rules.day_slots, *WORDS}
    for n, route in enumerate(rules.routes):
        where = f"routes[{n}] ({route.kind})"
        found += _kind_problems(f"routes[{n}].kind", (route.kind,))
        if not route.to:
            found.append(f"{where}.to: name at least one post")
        found += _post_problems(f"{where}.to", route.to)
        if route.on not in ON:
            found.append(f"{where}.on: '{route.on[:20]}' is none of {', '.join(ON)}")
        wrong = [at for at in route.at if at not in known]
        if wrong or not route.at:
            found.append(
                f"{where}.at: {', '.join(wrong) or 'nothing'} is no slot; known are {', '.join(sorted(known))}"
            )
        if len(route.at) > 1 and set(route.at) & set(WORDS):
            found.append(f"{where}.at: {', '.join(WORDS)} stand alone; make a second route of the others")
        if BRIEF in route.at and not rules.brief:
            found.append(f"{where}.at: there is no brief; name its time in `brief`")
        if "chairman" in route.to and BRIEF not in route.at:
            found.append(f"{where}.to: the chairman is told inside the brief only; use at = ['brief']")
    return found


def _chain_problems(rules: MessageRules) -> list[str]:
    chain = rules.escalation
    found = _kind_problems("escalation.kinds", chain.kinds)
    posts = [step.post for step in chain.steps]
    days = [step.after_working_days for step in chain.steps]
    found += _post_problems("escalation.steps", posts)
    if len(set(posts)) < len(posts):
        found.append("escalation.steps: a post stands twice")
    if days != sorted(set(days)):
        found.append("escalation.steps: each step comes later than the one before it")
    for post in ("chairman", "it", "officer"):
        if post in posts:
            found.append(
                f"escalation.steps: {post} is no step (the chairman reads the brief, the officer is first)"
            )
    return found


def _post_problems(where: str, posts: Iterable[str]) -> list[str]:
    return [f"{where}: '{p[:20]}' is no post; known are {', '.join(POSTS)}" for p in posts if p not in POSTS]


def _kind_problems(where: str, kinds: tuple[str, ...]) -> list[str]:
    return [f"{where}: '{k[:20]}' is no kind; known are {', '.join(TEXTS)}" for k in kinds if k not in TEXTS]


def _said(error: msgspec.ValidationError) -> str:
    """msgspec's message with the field in front, without its dollar sign."""
    text, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".").removeprefix("[...]")
    return f"{field}: {text}" if field else text
