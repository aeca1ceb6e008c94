"""Tells a chat of a night that failed: JSON as Slack's incoming webhooks take it, and Mattermost and others with them.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (read 2026-11): `text` is what a notification
shows, `blocks` the message; a text in mrkdwn escapes & < > and has at most 3,000 characters.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from harness.nightly.window import NightError

_TIMEOUT_S: Final = 10.0
_TEXT: Final = 2_900
_FINDING: Final = 400
_HEADER: Final = 150


class WebhookError(Exception):
    """The message could not be delivered; it does not repeat the address, which is a secret."""


def check_address(url: str) -> None:
    """Raises NightError for what cannot be an address, before the night is checked."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NightError(f"--webhook has the scheme {parts.scheme!r}; give an http or https URL")


def message(headline: str, findings: Sequence[str], context: Sequence[str]) -> dict[str, Any]:
    """The message: a headline, the findings as a list, and small print."""
    lines = [f"• {_escaped(_cut(finding, _FINDING))}" for finding in findings]
    return {
        "text": _escaped(headline),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": _cut(headline, _HEADER)}},
            *([{"type": "section", "text": {"type": "mrkdwn", "text": _fitting(lines)}}] if lines else []),
            {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(each)} for each in context]},
        ],
    }


def send(url: str, content: dict[str, Any]) -> None:
    """Post a message. Raises WebhookError when it was not taken."""
    request = urllib.request.Request(  # noqa: S310  # check_address lets http and https through
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        said = error.read(200).decode(errors="replace")
        raise WebhookError(f"the webhook answered {error.code} {error.reason}: {said}") from error
    except (urllib.error.URLError, OSError) as error:
        raise WebhookError(f"the webhook could not be reached: {getattr(error, 'reason', error)}") from error


def _fitting(lines: Sequence[str]) -> str:
    kept: list[str] = []
    left = _TEXT
    for number, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0:
            return "\n".join([*kept, f"• and {len(lines) - number} more"])
        kept.append(line)
    return "\n".join(kept)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
