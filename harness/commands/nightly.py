"""k2-harness nightly: check what a live warehouse took in since yesterday, and compare it with past nights."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.text import Text

from harness.checks.suites import SuiteError
from harness.nightly.address import PASSWORD_VARIABLE, URL_VARIABLE, warehouse_of
from harness.nightly.webhook import WebhookError, check_address, message, send
from harness.nightly.window import NightError, Window, window_of
from harness.progress import Shown
from k2pipeline.stack import StackError, WarehouseAddress

if TYPE_CHECKING:
    from harness.nightly.night import Night

HELP: Final = "run the standing suites on a live warehouse and compare the night with past ones"
PASS: Final = 0
CHECK_FAILED: Final = 1
WEBHOOK_VARIABLE: Final = "K2_WEBHOOK_URL"
_RUNS: Final = Path("runs")
_SHOWN: Final = 10
# These say by themselves what is wrong; of any other its name is half of the message.
_EXPECTED: Final = (NightError, StackError, SuiteError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; secrets come from the environment."""
    parser.epilog = (
        "exit codes: 0 nothing fails (warnings are told); 1 a check of severity critical fails, or one could not be "
        "carried out; 2 wrong command or input; 3 the warehouse does not answer"
    )
    parser.add_argument("--since", metavar="DURATION", default="24h", help="how far back: 24h (default), 90m, 7d")
    parser.add_argument(
        "--clickhouse",
        metavar="URL",
        help=f"http://user@host:8123/k2; default {URL_VARIABLE}. The password comes from {PASSWORD_VARIABLE}",
    )
    parser.add_argument(
        "--webhook",
        metavar="URL",
        help="where it is told that a night fails or could not be checked, as JSON that Slack takes; default "
        f"{WEBHOOK_VARIABLE}",
    )
    parser.add_argument(
        "--session-log",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="what a feed handler wrote to stderr: it tells which gaps are lost connections; may be repeated",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=_RUNS, help="where <time>-nightly/ is written")
    parser.add_argument(
        "--no-history", action="store_true", help="write nothing into the warehouse, and compare with no past night"
    )
    parser.add_argument("--docs", action="store_true", help="build Great Expectations' Data Docs even if nothing fails")
    parser.add_argument("--json", action="store_true", help="print night.json instead of the verdict")


def run(options: argparse.Namespace, clock: Callable[[], int] = time.time_ns) -> int:
    """Check the night that ends now; 0 if nothing fails, else 1. Raises NightError and StackError, see harness.cli.

    `clock` gives ns since 1970. Where there is a webhook it is told of whatever keeps the night from being checked.
    """
    webhook = options.webhook or os.environ.get(WEBHOOK_VARIABLE)
    if webhook:
        check_address(webhook)
    try:
        return _run(options, webhook, clock())
    except Exception as error:
        said = str(error) if isinstance(error, _EXPECTED) else f"{type(error).__name__}: {error}"
        _tell(webhook, "K2: the night could not be checked", [said], ["nothing is known of this night"])
        raise


def _run(options: argparse.Namespace, webhook: str | None, asked_ns: int) -> int:
    window = window_of(options.since, asked_ns)
    address = warehouse_of(options.clickhouse, os.environ)
    for log in options.session_log:
        if not log.is_file():
            raise NightError(f"--session-log {log} is no file; give what k2 feed wrote to stderr")
    directory = options.out / f"{window.until:%Y%m%dT%H%M%SZ}-nightly"
    night = _checked(address, window, directory, options)
    return _report(night, _command(options, address), directory, webhook, as_json=options.json)


def _checked(address: WarehouseAddress, window: Window, directory: Path, options: argparse.Namespace) -> Night:
    # Great Expectations takes seconds to import, which no other command should pay for.
    from harness.nightly.night import check_night

    with Shown(Console(stderr=True, highlight=False)) as progress:
        progress.stage("checking the night")
        try:
            return check_night(
                address,
                window,
                progress.advance,
                directory / "data_docs",
                docs=options.docs,
                keeps_history=not options.no_history,
                session_logs=options.session_log,
            )
        except ClickHouseError as error:
            raise StackError(f"the warehouse at {address.url} gave up: {error}") from error


def _report(night: Night, command: str, directory: Path, webhook: str | None, *, as_json: bool) -> int:
    from harness.nightly.files import night_json, write_night
    from harness.nightly.page import findings, headline, write_night_report

    write_night(night, command, directory)
    written = write_night_report(directory)
    content = night_json(night, command)
    found, says = findings(content), headline(content)
    if as_json:
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        _print(night.verdict, says, found, written.page)
    if night.verdict == "fail":
        context = [f"{night.warehouse}, {night.window.since:%Y-%m-%d %H:%M} to {night.window.until:%H:%M} UTC", command]
        _tell(webhook, f"K2 night of {night.window.night}: {says}", found, context)
    return PASS if night.verdict == "pass" else CHECK_FAILED


def _print(verdict: str, says: str, found: Sequence[str], page: Path) -> None:
    console = Console(highlight=False)
    for finding in found[:_SHOWN]:
        console.print(Text(f"- {finding}"), soft_wrap=True)
    if len(found) > _SHOWN:
        console.print(f"  and {len(found) - _SHOWN} more, in the report", style="dim")
    good = verdict == "pass"
    badge = Text(f" {verdict.upper()} ", style="bold black on green" if good else "bold white on red")
    console.print(Text.assemble(badge, " ", says))
    console.print("report:", Text(str(page)), soft_wrap=True)


def _tell(webhook: str | None, headline: str, found: Sequence[str], context: Sequence[str]) -> None:
    """Post to the webhook where there is one. That it failed is told, and changes no exit code: the night counts."""
    if not webhook:
        return
    try:
        send(webhook, message(headline, found, context))
    except WebhookError as error:
        Console(stderr=True, highlight=False).print(f"k2-harness: {error}", style="red", markup=False, soft_wrap=True)


def _command(options: argparse.Namespace, address: WarehouseAddress) -> str:
    """What repeats the night, without a secret."""
    scheme, host = address.url.split("://", 1)
    url = f"{scheme}://{address.user}@{host}/{address.database}"
    words = ["k2-harness", "nightly", "--since", options.since, "--clickhouse", url]
    logs = [word for log in options.session_log for word in ("--session-log", str(log))]
    return shlex.join([*words, *logs, *(["--no-history"] if options.no_history else [])])
