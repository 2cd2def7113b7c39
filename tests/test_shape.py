"""The size and shape that keep the tree readable in ten minutes (DESIGN: simple and elegant first)."""

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CAPACITY = ("api", "handlers", "together", "promise", "search", "files", "store", "domain")


def sources(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts]


def code_lines(path: Path) -> int:
    """Lines with code on them: neither blank, nor comment, nor docstring."""
    text = path.read_text()
    strings = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    told = {number for node in strings for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = (line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in told)
    return sum(1 for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize(
    ("folder", "limit"),
    [
        ("libs/kit", 900),
        ("libs/language", 150),
        ("libs/messaging", 1200),
        ("libs/service", 700),
        ("libs/graphql", 780),
        ("libs/graphql_cache", 300),
        ("libs/graphql_commands", 250),
        ("libs/graphql_compiler", 1000),
        ("libs/graphql_limits", 500),
        ("libs/graphql_streams", 250),
        ("libs/graphql_transports", 300),
        ("libs/read_models", 500),
        ("libs/uploads", 200),
        *((f"services/{name}", 900) for name in ("catalog", "orders", "gateway")),
        # What the platform exists for is larger than other services: there a layer may be as large as two of them.
        *((f"services/capacity/{layer}", 1800) for layer in CAPACITY),
    ],
)
def test_a_folder_stays_small(folder: str, limit: int) -> None:
    assert sum(map(code_lines, sources(folder))) <= limit


def test_no_file_is_over_400_lines() -> None:
    long = [
        path
        for folder in ("libs", "services", "bench", "tests")
        for path in sources(folder)
        if len(path.read_text().splitlines()) > 400
    ]
    assert not long


def test_the_median_function_is_under_10_lines() -> None:
    functions = [
        node.end_lineno - node.lineno + 1
        for folder in ("libs", "services")
        for path in sources(folder)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert statistics.median(functions) < 10


def test_wiring_is_under_40_lines() -> None:
    assert [path for path in ROOT.glob("services/*/app.py") if len(path.read_text().splitlines()) > 40] == []


def test_every_service_has_the_same_files() -> None:
    expected = {"README.md", "app.py", "migrations", "store", "subscriptions", "tables"}
    for service in ROOT.glob("services/*/app.py"):
        found = {
            path.name if path.suffix == ".md" or path.name == "app.py" else path.stem
            for path in service.parent.iterdir()
        }
        assert expected <= found, service.parent.name


def test_no_package_registry_is_named() -> None:
    hosts = re.compile(rb"(pypi\.org|pythonhosted|registry\.npmjs|npmjs\.org|repo1?\.maven|proxy\.golang|crates\.io)")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30).stdout
    here = Path(__file__).resolve()
    named = [
        path.decode()
        for path in tracked.split(b"\0")
        if path
        and (ROOT / path.decode()).is_file()
        and (ROOT / path.decode()).resolve() != here
        and hosts.search((ROOT / path.decode()).read_bytes())
    ]
    assert named == []
