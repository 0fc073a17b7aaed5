"""Imports point one way: domain ← eventlog ← {producers, stream, sinks} ← api ← dashboards ← ops."""

import ast
import sys
from collections.abc import Iterator
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


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""


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
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent
