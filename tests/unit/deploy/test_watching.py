"""Dashboard, alert rules and runbook speak of metrics that are served, and each alert has its paragraph."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from k2pipeline.exporter.catalogue import METRICS

PROJECT = Path(__file__).parents[3]
PROMETHEUS = PROJECT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
DASHBOARD = PROJECT / "deploy" / "grafana" / "dashboards" / "k2.json"
PAGE = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
LISTED = {
    name: (kind, set(re.findall(r"`(\w+)`", labels)))
    for name, kind, labels in re.findall(r"^\| `(k2_\w+)` \| (\w+) \|([^|]*)\|", PAGE, re.MULTILINE)
}
PANELS = [
    "Consumer lag per exchange",
    "Trade ingestion rate",
    "Silver normalisation rate",
    "Gold OHLCV lag",
    "ClickHouse query latency",
    "SLO: received to silver",
    "Last night's verdict",
    "Nightly checks by outcome",
    "Checks and SLOs that did not hold last night",
]


def alerts() -> list[dict[str, Any]]:
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert isinstance(found, list)
    return found


EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in alerts()] + [
    (panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]
]


def test_every_metric_of_the_exporter_is_explained_on_its_page_with_kind_and_labels() -> None:
    explained = {name: found for name, found in LISTED.items() if not name.startswith("k2_feed_")}
    served = {
        f"{name}_total" if each.kind == "counter" else name: (each.kind, set(each.labels))
        for name, each in METRICS.items()
    }
    assert explained == served


def test_every_alert_has_a_case_that_promtool_runs() -> None:
    cases = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    tried = {each["alertname"] for case in cases for each in case["alert_rule_test"] if each["exp_alerts"]}
    assert tried == {rule["alert"] for rule in alerts()}


def test_an_alert_on_a_counter_that_is_born_with_its_first_event_sees_that_event() -> None:
    """increase() alone misses it. Counters that are there from the start are the exception."""
    from_the_start = {"k2_query_failures_total"}
    for rule in alerts():
        for metric in set(re.findall(r"increase\((\w+)", rule["expr"])) - from_the_start:
            assert f"{metric} unless {metric} offset" in rule["expr"], rule["alert"]


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_an_expression_asks_for_metrics_that_are_served(where: str, expression: str) -> None:
    asked = set(re.findall(r"\bk2_\w+", expression))
    assert asked or expression == "up == 0"
    histograms = {name for name, (kind, _) in LISTED.items() if kind == "histogram"}
    served = (LISTED.keys() - histograms) | {
        f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")
    }
    assert asked - served == set()


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_an_expression_asks_for_labels_that_the_metrics_have(where: str, expression: str) -> None:
    named = set()
    for name, matchers in re.findall(r"\b(k2_\w+)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert asked <= labels_of(name), name
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        named |= {label.strip() for label in grouped.split(",")}
    metrics = set(re.findall(r"\bk2_\w+", expression))
    assert named <= {label for name in metrics for label in labels_of(name)} | {"instance", "job"}


def labels_of(served: str) -> set[str]:
    """Of a metric by the name that Prometheus knows it by."""
    base = re.sub(r"_(bucket|sum|count)$", "", served)
    kind, labels = LISTED.get(served) or LISTED[base]
    exchange = {"exchange"} if base.startswith("k2_feed_") else set()
    return labels | exchange | ({"le"} if kind == "histogram" else set())


def test_legends_name_labels_that_their_expressions_keep() -> None:
    for panel in panels():
        for target in panel["targets"]:
            legend = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))
            grouped = re.search(r"\bby \(([^)]*)\)", target["expr"])
            kept = (
                {label.strip() for label in grouped[1].split(",")}
                if grouped
                else {label for name in re.findall(r"\bk2_\w+", target["expr"]) for label in labels_of(name)}
            )
            assert legend <= kept, panel["title"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_has_severity_summary_and_a_paragraph_in_the_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    text = (PROJECT / page).read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n\n(.+?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert len(sections[rule["alert"]].split()) > 20
    assert rule["annotations"]["summary"]


def test_the_runbook_has_no_paragraph_without_an_alert() -> None:
    headings = re.findall(r"^## (\w+)", (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in alerts())


def test_the_dashboard_has_exactly_its_panels_and_asks_prometheus_alone() -> None:
    assert [panel["title"] for panel in panels()] == PANELS
    sources = yaml.safe_load((PROJECT / "deploy/grafana/provisioning/datasources/k2.yml").read_text(encoding="utf-8"))
    provided = {each["uid"] for each in sources["datasources"] if each["type"] == "prometheus"}
    used = {each["datasource"]["uid"] for panel in panels() for each in (panel, *panel["targets"])}
    assert used == provided
    assert len({panel["id"] for panel in panels()}) == len(PANELS)


def test_grafana_asks_clickhouse_as_the_user_who_may_only_read() -> None:
    sources = yaml.safe_load((PROJECT / "deploy/grafana/provisioning/datasources/k2.yml").read_text(encoding="utf-8"))
    (source,) = [each for each in sources["datasources"] if each["type"] == "grafana-clickhouse-datasource"]
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert source["jsonData"]["username"] == "k2_reader"
    assert source["jsonData"]["host"] in compose
    assert source["secureJsonData"] == {"password": "$K2_READER_PASSWORD"}
    assert {"K2_READER_PASSWORD", "GF_PLUGINS_PREINSTALL"} <= compose["k2-grafana"]["environment"].keys()
    assert source["type"] in compose["k2-grafana"]["environment"]["GF_PLUGINS_PREINSTALL"].split(",")


@pytest.mark.parametrize("kind", ["", ".cluster"])
def test_prometheus_scrapes_every_process_of_ours_that_serves_metrics(kind: str) -> None:
    scraped = yaml.safe_load((PROMETHEUS / f"prometheus{kind}.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = {target for job in scraped for group in job["static_configs"] for target in group["targets"]}
    services = yaml.safe_load((PROJECT / f"docker-compose{kind}.yml").read_text(encoding="utf-8"))["services"]
    serving = {name for name, each in services.items() if set(each.get("command", [])) & {"feed", "metrics"}}
    assert {f"{name}:9108" for name in serving} <= targets
    for name in serving:  # a feed handler serves them only where it is told to
        assert services[name]["command"][0] == "metrics" or "--metrics-port" in services[name]["command"]
    assert {target.split(":")[0] for target in targets} <= services.keys()


@pytest.mark.parametrize("words", [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")])
def test_promtool_takes_the_rules_and_their_own_tests_pass(words: tuple[str, ...]) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(
            "promtool (Debian's package prometheus has it) is not installed; the rules were parsed as YAML only"
        )
    found = subprocess.run([program, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
