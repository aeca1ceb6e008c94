"""What the nightly command is given: how far back, which warehouse, where to tell."""

from datetime import date

import pytest

from harness.nightly.address import warehouse_of
from harness.nightly.webhook import check_address, message
from harness.nightly.window import NightError, window_of

UNTIL_NS = 1_795_478_400_000_000_000  # 2026-11-24 00:00:00 UTC


def test_a_window_is_named_after_the_day_it_ends_on_a_minute_before_it_was_asked() -> None:
    window = window_of("24h", UNTIL_NS + 60 * 10**9)
    assert (window.until_ns, window.asked_ns) == (UNTIL_NS, UNTIL_NS + 60 * 10**9)
    assert window.night == date(2026, 11, 24)
    assert window.length_s == 86_400
    since, until = window.of("t").split(" AND ")
    assert since == "t >= fromUnixTimestamp64Micro(1795392000000000, 'UTC')"
    assert until == "t < fromUnixTimestamp64Micro(1795478400000000, 'UTC')"


def test_a_window_ends_a_minute_before_the_warehouses_own_clock_where_that_is_behind() -> None:
    window = window_of("24h", UNTIL_NS)
    assert window.settled(UNTIL_NS + 1) == window
    behind = window.settled(UNTIL_NS - 5 * 10**9)
    assert (behind.until_ns, behind.length_s) == (window.until_ns - 5 * 10**9, window.length_s)


@pytest.mark.parametrize("since", ["", "24", "yesterday", "1.5h", "31d", "10ms"])
def test_what_is_no_window_is_refused_with_what_would_be(since: str) -> None:
    with pytest.raises(NightError, match=r"--since"):
        window_of(since, UNTIL_NS)


def test_without_a_warehouse_it_says_what_to_give() -> None:
    with pytest.raises(NightError, match=r"--clickhouse http://user@host:8123/k2 or set K2_CLICKHOUSE_URL"):
        warehouse_of(None, {})


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(NightError, match="K2_CLICKHOUSE_PASSWORD") as raised:
        warehouse_of("http://me:hunter2@host:8123/k2", {})
    assert "hunter2" not in str(raised.value)


def test_the_password_comes_from_the_environment() -> None:
    given = {"K2_CLICKHOUSE_PASSWORD": "secret"}
    address = warehouse_of("https://me@host/k2", given)
    assert (address.url, address.user, address.password) == ("https://host:8443", "me", "secret")
    both = {**given, "K2_CLICKHOUSE_URL": "http://me:other@host/k2"}
    alone = {"K2_CLICKHOUSE_URL": "http://me:other@host/k2"}
    assert [warehouse_of(None, each).password for each in (both, alone)] == ["secret", "other"]


@pytest.mark.parametrize("url", ["ftp://host/x", "host", ""])
def test_a_webhook_that_is_no_address_is_refused_before_the_night_is_checked(url: str) -> None:
    with pytest.raises(NightError, match="--webhook"):
        check_address(url)


def test_a_message_is_what_slack_takes() -> None:
    findings = [f"suite.check_{number}: 5 unexpected. A & B <script>" + "x" * 500 for number in range(20)]
    made = message("K2 night <of> today: 20 checks fail", findings, ["warehouse", "command"])
    header, section, context = made["blocks"]
    assert made["text"] == "K2 night &lt;of&gt; today: 20 checks fail"
    assert header["text"]["type"] == "plain_text"
    assert "A &amp; B &lt;script&gt;" in section["text"]["text"]
    assert len(section["text"]["text"]) <= 3000
    assert section["text"]["text"].splitlines()[-1].endswith("more")
    assert [each["type"] for each in context["elements"]] == ["mrkdwn", "mrkdwn"]


def test_a_message_without_findings_has_no_empty_section() -> None:
    assert [block["type"] for block in message("K2", [], ["x"])["blocks"]] == ["header", "context"]
