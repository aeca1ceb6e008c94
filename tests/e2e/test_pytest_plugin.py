"""Another project's tests, run by its own pytest with K2 installed."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e

SOMEBODYS_TESTS = """
import pytest


@pytest.mark.e2e
def test_duplicates_collapse(k2_run):
    outcome = k2_run(synthetic="1s", rate="500", faults=("duplicate=5%",), seed=7, partitions=1)
    assert outcome.results.counts.duplicates_sent > 0


def test_a_lost_trade_is_not_forgiven(k2_run):
    k2_run(synthetic="1s", faults=("withhold=1",), seed=8, partitions=1)


def test_users_query(k2_warehouse):
    assert k2_warehouse.query("SELECT count() FROM k2.silver_trades").first_row == (0,)
"""


def test_another_project_tests_with_the_harness_and_reads_why_it_failed(tmp_path: Path, k2_stack_name: str) -> None:
    (tmp_path / "test_pipeline.py").write_text(SOMEBODYS_TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    command.append(f"--k2-stack={k2_stack_name}")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert re.search(r"1 failed, 2 passed", ran.stdout), ran.stdout + ran.stderr
    assert "FAILED test_pipeline.py::test_a_lost_trade_is_not_forgiven" in ran.stdout
    assert "silver_trades.no_trade_lost" in ran.stdout
    assert "seed 8" in ran.stdout
    assert re.search(r"repeat: k2-harness verify --synthetic 1s .*--fault withhold=1", ran.stdout)


def example() -> str:
    """The test that docs/pytest.md shows."""
    (code,) = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs" / "pytest.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return code


def test_the_example_of_the_docs_has_ten_lines_and_runs_from_a_wheel(tmp_path: Path) -> None:
    """In an environment of its own, with this one's dependencies, and without a look at the sources."""
    assert len([line for line in example().splitlines() if line.strip()]) <= 10
    source, project = tmp_path / "source", tmp_path / "project"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, source / name)
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    # --ignore-installed, or pip would first take the K2 away that these tests themselves run with.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--ignore-installed", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--disable-pip-version-check", "--prefix", environment, source], check=True
    )
    shutil.rmtree(source)
    (site / "dependencies.pth").write_text("\n".join(each for each in sys.path if each.endswith("-packages")) + "\n")
    shutil.copytree(environment / "share" / "k2" / "sql", project / "my" / "sql")
    (project / "test_pipeline.py").write_text(example(), encoding="utf-8")
    command = [environment / "bin" / "python", "-m", "pytest", "--strict-markers", "-q", "-p", "no:cacheprovider"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=project, env=clean, capture_output=True, text=True, check=False, timeout=300)
    assert re.search(r"\b1 passed", ran.stdout), ran.stdout + ran.stderr
    where = subprocess.run(
        [environment / "bin" / "python", "-c", "import harness; print(harness.__file__)"],
        cwd=project, env=clean, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(site)


@pytest.mark.parametrize(
    ("marker", "nowhere", "says"),
    [
        ("kafka", {"JAVA_HOME": "/nowhere"}, "no java in JAVA_HOME=/nowhere"),
        ("docker", {"DOCKER_HOST": "unix:///nowhere.sock"}, "no Docker engine answers"),
    ],
)
def test_what_cannot_run_here_is_skipped_with_its_reason(
    tmp_path: Path, marker: str, nowhere: dict[str, str], says: str
) -> None:
    test = f"import pytest\n\n\n@pytest.mark.{marker}\ndef test_never():\n    raise AssertionError\n"
    (tmp_path / "test_it.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **nowhere}, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 skipped" in ran.stdout
    assert says in ran.stdout


def test_an_unknown_stack_is_refused_with_those_there_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--k2-stack=moon", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 4
    assert re.search(r"--k2-stack: invalid choice: 'moon' \(choose from .*embedded", ran.stderr)
