"""Imports point one way: domain ← eventlog ← {producers, stream, sinks} ← api ← dashboards ← ops."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "eventlog": frozenset({"domain"}),
    "producers": frozenset({"domain", "eventlog"}),
    "stream": frozenset({"domain", "eventlog"}),
    "sinks": frozenset({"domain", "eventlog"}),
    "api": frozenset({"domain", "eventlog", "producers", "stream", "sinks"}),
    "dashboards": frozenset({"domain", "eventlog", "producers", "stream", "sinks", "api"}),
    "ops": frozenset({"domain", "eventlog", "producers", "stream", "sinks", "api", "dashboards"}),
}
PURE_HELPERS = frozenset({"msgspec", "holidays"})
IMPURE_STANDARD = frozenset(
    {
        "asyncio",
        "logging",
        "os",
        "pathlib",
        "random",
        "socket",
        "sqlite3",
        "subprocess",
        "sys",
        "threading",
        "time",
    }
)


@cache
def parsed(path: Path) -> tuple[str | None, tuple[tuple[int, str, bool], ...]]:
    """A file's docstring, and of every module that it imports the line, the full name, and whether importing the
    file imports it: what stands in functions is for later, what is for types only never."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    found: list[tuple[int, str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += ((node.lineno, alias.name, node not in later) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found.append((node.lineno, node.module or "", node not in later))
            if node.module in MAY_IMPORT:
                found += ((node.lineno, f"{node.module}.{alias.name}", node not in later) for alias in node.names)
    return ast.get_docstring(tree), tuple(found)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, wherever in the file."""
    return ((line, name) for line, name, _ in parsed(path)[1])


def loaded_with(module: str) -> set[str]:
    """Every module that comes with one of ours: its own imports, and those of our modules among them."""
    seen, waiting = set[str](), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = ROOT / (name.replace(".", "/") + ".py")
        path = path if path.exists() else ROOT / name.replace(".", "/") / "__init__.py"
        if name.split(".")[0] in MAY_IMPORT and path.exists():
            waiting += (inner for _, inner, at_once in parsed(path)[1] if at_once)
    return seen


def files_of(package: str) -> list[Path]:
    """The modules of a package."""
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    allowed = {package, *MAY_IMPORT[package]}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files_of(package)
        for line, name in imports_of(path)
        if (top := name.split(".")[0]) in MAY_IMPORT and top not in allowed
    ]
    assert not wrong


def test_the_domain_needs_only_the_standard_library_and_pure_helpers() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files_of("domain")
        for line, name in imports_of(path)
        if (top := name.split(".")[0]) != "domain"
        and top not in PURE_HELPERS
        and (top not in sys.stdlib_module_names or top in IMPURE_STANDARD)
    ]
    assert not wrong


def test_no_product_module_imports_the_tests() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in MAY_IMPORT
        for path in files_of(package)
        for line, name in imports_of(path)
        if name.split(".")[0] in {"tests", "pytest", "hypothesis"}
    ]
    assert not wrong


def test_every_module_says_in_its_first_line_why_it_exists() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in MAY_IMPORT
        for path in files_of(package)
        if path.stat().st_size and not parsed(path)[0]
    ]
    assert not silent


def test_the_notifier_loads_no_web_server() -> None:
    assert "domain.errors" in loaded_with("api.notifier")
    assert "fastapi" in loaded_with("api.app")
    top = {name.split(".")[0] for name in loaded_with("api.notifier")}
    assert not top & {"fastapi", "starlette", "uvicorn", "nicegui"}
