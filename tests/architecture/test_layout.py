"""The house rules of ARCHITECTURE.md, held by a machine."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("k2pipeline", "harness", "load")
MODULES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
EXCHANGES = sorted(path.stem for path in (PROJECT / "k2pipeline" / "exchanges").glob("[a-z]*.py"))
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc"}
TIME_FRAMES = ("1m", "5m", "15m", "30m", "1h", "1d")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def named(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def schema_text() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "sql").glob("*.sql")))


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(PROJECT / "k2pipeline")], ids=named)
def test_pipeline_knows_nothing_of_what_proves_it(path: Path) -> None:
    wrong = [name for name in imported(path) if name.split(".")[0] in {"harness", "load", "tests"}]
    assert wrong == []


@pytest.mark.parametrize("path", sorted((PROJECT / "harness" / "truth").rglob("*.py")), ids=named)
def test_truth_shares_nothing_with_the_pipeline(path: Path) -> None:
    """It may know topics and exchanges' names, and nothing of schema, warehouse or engine."""
    allowed = {"k2pipeline.exchanges"}
    wrong = [name for name in imported(path) if name.split(".")[0] in {"k2pipeline", "chdb"} and name not in allowed]
    assert wrong == []


def test_no_module_is_a_grab_bag() -> None:
    assert [named(path) for path in MODULES if path.stem in GRAB_BAGS or path.parent.name in GRAB_BAGS] == []


def test_no_name_carries_a_version_suffix() -> None:
    files = [path for path in PROJECT.rglob("*") if not {".venv", ".git", "runs"} & set(path.parts)]
    assert [named(path) for path in files if re.search(r"_v\d+$|[-_](new|old|fixed|copy)$", path.stem)] == []


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module begins with a docstring"
    assert text.count("\n") <= 400, "a room this full wants dividing"


@pytest.mark.parametrize("path", sorted((PROJECT / "benchmarks").glob("*.py")), ids=named)
def test_a_benchmark_can_at_least_be_imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else here runs them, so a name that moves would be missed until somebody measures."""
    monkeypatch.syspath_prepend(str(path.parent))
    importlib.import_module(f"benchmarks.{path.stem}")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_exchange_is_one_file_in_each_place(exchange: str) -> None:
    """And no other file of the packages names it, so that adding one touches nothing else."""
    own = {
        PROJECT / "k2pipeline" / "exchanges" / f"{exchange}.py",
        PROJECT / "harness" / "truth" / f"{exchange}.py",
        *_all_of(PROJECT / "harness" / "exchange" / "dialects", exchange),
        PROJECT / "harness" / "synthetic" / "exchanges" / f"{exchange}.py",
        PROJECT / "harness" / "synthetic" / "shipped" / f"{exchange}.py",
        *(PROJECT / "harness" / "synthetic" / "nasty" / exchange).rglob("*.py"),
        *(PROJECT / "sql").glob(f"[0-9]*_{exchange}.sql"),
        *(PROJECT / "expectations").glob(f"bronze_trades_{exchange}.*"),
    }
    assert len([path for path in own if path.suffix == ".sql"]) == 1
    assert [path for path in own if not path.exists()] == []
    code = [*MODULES, *(PROJECT / "sql").glob("*.sql"), *(PROJECT / "expectations").iterdir()]
    naming = [named(path) for path in code if path not in own and exchange in _code_of(path).lower()]
    assert naming == []


def _all_of(folder: Path, name: str) -> list[Path]:
    """The module of that name, or every module of the package."""
    found = [folder / f"{name}.py"] if (folder / f"{name}.py").exists() else list((folder / name).rglob("*.py"))
    return found or [folder / f"{name}.py"]


def _code_of(path: Path) -> str:
    """A file without its comments and docstrings, which may give an exchange as an example."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return re.sub(r"--[^\n]*|COMMENT '(?:[^']|'')*'", "", text)
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_the_27_objects_stand_in_the_schema_under_their_names() -> None:
    bronze = {
        f"{name}" for x in EXCHANGES for name in (f"trades_{x}_queue", f"bronze_trades_{x}", f"bronze_trades_{x}_mv")
    }
    silver = {"silver_trades", *(f"bronze_{x}_to_silver_mv" for x in EXCHANGES)}
    gold = {name for tf in TIME_FRAMES for name in (f"ohlcv_{tf}", f"ohlcv_{tf}_mv", f"ohlcv_{tf}_view")}
    created = set(
        re.findall(r"^CREATE (?:MATERIALIZED VIEW|VIEW|TABLE) IF NOT EXISTS (\w+)", schema_text(), re.MULTILINE)
    )
    assert len(bronze | silver | gold) == 27
    assert (bronze | silver | gold) - created == set()


def test_no_time_to_live_counts_from_a_trades_own_time() -> None:
    times = re.findall(r"^TTL toDateTime\((\w+)\)", schema_text(), re.MULTILINE)
    assert times
    assert set(times) <= {"ingested_at", "processed_at", "updated_at"}


def test_dependencies_are_justified_and_pinned_without_an_address() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^    "[a-z][^"]*",(.*)$', text.split("[project.scripts]")[0], re.MULTILINE)
    assert listed
    assert all(re.search(r"# \w+", reason) for reason in listed)
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert re.search(r"https?://|--(extra-)?index-url|--find-links", lock) is None
