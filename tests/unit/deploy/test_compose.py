"""docker-compose files without an engine: valid by the specification, bounded, closed, and without a password."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, validators

from k2pipeline.feed.limits import Limits
from k2pipeline.stack import docker as docker_stack

PROJECT = Path(__file__).parents[3]
FULL, SMALL, CLUSTER = (PROJECT / f"docker-compose{kind}.yml" for kind in ("", ".small", ".cluster"))
COMPLETE = (FULL, CLUSTER)
EVERY = (FULL, SMALL, CLUSTER)
SECRETS = ("K2_CLICKHOUSE_PASSWORD", "K2_READER_PASSWORD", "K2_GRAFANA_PASSWORD")
BYTES = {"M": 10**6 * 1.048576, "G": 10**9 * 1.073741824}


def read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def limits(path: Path) -> dict[str, tuple[float, float]]:
    """CPUs and bytes of each service."""
    found = {}
    for name, service in read(path)["services"].items():
        bound = service["deploy"]["resources"]["limits"]
        found[name] = (float(bound["cpus"]), float(bound["memory"][:-1]) * BYTES[bound["memory"][-1]])
    return found


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_a_compose_file_is_valid_by_the_compose_specification(path: Path) -> None:
    found = find_spec("check_jsonschema")
    if found is None or found.origin is None:
        pytest.skip("check-jsonschema, which carries the compose specification's schema, is not installed")
    schema = json.loads(
        (Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json").read_text(encoding="utf-8")
    )
    validator = validators.validator_for(schema, Draft202012Validator)(schema)
    assert [error.message for error in validator.iter_errors(read(path))] == []


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_all_limits_together_fit_the_machine(path: Path) -> None:
    cpus, memory = (sum(column) for column in zip(*limits(path).values(), strict=True))
    assert cpus <= 15.5
    assert memory <= 19.5e9


def test_the_small_profile_bounds_every_service_to_a_laptop() -> None:
    assert limits(SMALL).keys() == limits(FULL).keys()
    cpus, memory = (sum(column) for column in zip(*limits(SMALL).values(), strict=True))
    assert cpus <= 4
    assert memory <= 6e9


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_ports_are_bound_to_this_machine_alone(path: Path) -> None:
    published = [port for service in read(path)["services"].values() for port in service.get("ports", [])]
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_every_service_and_container_is_named_after_the_project(path: Path) -> None:
    services = read(path)["services"]
    assert [name for name in services if not name.startswith("k2-")] == []
    assert {name: service["container_name"] for name, service in services.items()} == {name: name for name in services}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_no_password_has_a_value_or_a_default(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    given = re.findall(r"^\s*\w*PASSWORD\w*: (.*)$", text, re.MULTILINE)
    assert [value for value in given if not re.match(r"\$\{\w+:\?[^}]+\}$", value)] == []
    assert set(re.findall(r"\$\{(\w*PASSWORD\w*)", text)) <= set(SECRETS)


def test_the_example_has_every_variable_and_no_value_that_works() -> None:
    named = dict(re.findall(r"^(\w+)=(.*)$", (PROJECT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    asked = set(re.findall(r"\$\{(\w+)", "".join(path.read_text(encoding="utf-8") for path in EVERY)))
    assert named == dict.fromkeys(asked, "")


def test_the_environment_file_is_not_committed() -> None:
    assert ".env" in (PROJECT / ".gitignore").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_what_a_service_mounts_from_the_project_is_there(path: Path) -> None:
    content = read(path)
    mounted = [each["file"] for each in content.get("configs", {}).values()] + [
        volume.split(":")[0]
        for service in content["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert mounted
    assert [name for name in mounted if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_our_own_services_run_a_command_that_the_program_understands(path: Path) -> None:
    from k2pipeline.cli import _parser

    commands = {
        name: [re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", word) for word in service["command"]]
        for name, service in read(path)["services"].items()
        if service.get("image") == "k2:local"
    }
    assert commands
    for words in commands.values():
        assert _parser().parse_args(words).command is not None


def test_containers_of_tests_are_the_versions_of_the_compose_file() -> None:
    services = read(FULL)["services"]
    assert services["k2-redpanda"]["image"] == docker_stack.REDPANDA
    assert services["k2-clickhouse"]["image"] == docker_stack.CLICKHOUSE


@pytest.mark.parametrize("path", sorted((PROJECT / "deploy" / "clickhouse").glob("*.xml")), ids=lambda path: path.name)
def test_the_servers_configuration_is_xml_without_a_password(path: Path) -> None:
    root = ET.parse(path).getroot()  # noqa: S314  # our own file
    assert root.tag == "clickhouse"
    passwords = [each for each in root.iter() if each.tag.startswith("password")]
    assert [each.get("from_env") for each in passwords if each.text or each.get("from_env") not in SECRETS] == []


def test_every_users_password_comes_from_a_variable_the_server_is_given() -> None:
    root = ET.parse(PROJECT / "deploy" / "clickhouse" / "users.xml").getroot()  # noqa: S314
    wanted = {each.get("from_env") for each in root.iter("password")}
    assert wanted <= set(read(FULL)["services"]["k2-clickhouse"]["environment"])


def test_the_image_installs_what_its_processes_import_and_pins_it() -> None:
    """Read from the modules that k2 feed, migrate and metrics load: nothing of the harness."""
    parts = ("broker_security", "captures", "cluster", "exchanges", "exporter", "feed", "schema", "shipped")
    modules = [path for name in parts for path in (PROJECT / "k2pipeline").glob(f"{name}*/**/*.py")]
    modules += [path for name in parts for path in (PROJECT / "k2pipeline").glob(f"{name}.py")]
    imported = {name.split(".")[0] for path in modules for name in _imports(path)}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (PROJECT / "deploy" / "requirements.txt").read_text(), re.MULTILINE))
    outside = {name.replace("_", "-") for name in imported - set(_standard_library()) - {"k2pipeline"}}
    assert outside - pinned == set()


def test_the_dockerfile_runs_as_nobody_in_particular() -> None:
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001"]
    assert "ARG" not in text


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed")
    found = subprocess.run([program, str(PROJECT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("files", [(FULL,), (FULL, SMALL), (CLUSTER,)], ids=["full", "small", "cluster"])
def test_docker_compose_itself_takes_the_files_and_refuses_them_without_passwords(files: tuple[Path, ...]) -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker with its compose plugin is not installed")
    command = ["docker", "compose", "--env-file", os.devnull]
    command += [word for path in files for word in ("--file", str(path))] + ["config", "--quiet"]
    clean = {name: value for name, value in os.environ.items() if name not in SECRETS}
    refused = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "K2_CLICKHOUSE_PASSWORD" in refused.stderr
    given = {**clean, **dict.fromkeys(SECRETS, "x")}
    assert subprocess.run(command, env=given, capture_output=True, text=True, check=False).returncode == 0


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _standard_library() -> frozenset[str]:
    import sys

    return frozenset(sys.stdlib_module_names)


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.name)
def test_a_feed_handler_is_given_longer_to_stop_than_it_may_take(path: Path) -> None:
    may_take_s = Limits().flush_s + Limits().close_s
    feeds = [service for service in read(path)["services"].values() if "feed" in service.get("command", [])]
    assert [each for each in feeds if int(each.get("stop_grace_period", "10s").removesuffix("s")) <= may_take_s] == []
