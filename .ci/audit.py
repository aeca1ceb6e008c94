"""Ask an advisory service about every pinned dependency: python .ci/audit.py [--may-be-offline] FILE ..

pip-audit asks the package index's JSON interface, and says "no known vulnerabilities" of what that does not know. Here
what was not answered for was not audited. Exit codes: 0 all were audited and none is known to be vulnerable; 1 one is;
3 not all were audited, which --may-be-offline makes a printed line and 0, for make lint, which has to work without a
network.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3
LIMIT_S = 300


def audited(files: Sequence[Path]) -> list[dict[str, Any]]:
    """What pip-audit says of each dependency. Raises RuntimeError with its last line where it says nothing."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", *(word for path in files for word in ("--requirement", str(path)))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603
        return list(json.loads(done.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"no answer within {LIMIT_S} s") from None
    except (ValueError, KeyError, TypeError):
        raise RuntimeError((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1][:300]) from None


def judged(dependencies: Sequence[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit code, and what to print."""
    skipped = [each for each in dependencies if "vulns" not in each]
    found = [(each, vulnerability) for each in dependencies for vulnerability in each.get("vulns", ())]
    lines = [
        f"{each['name']} {each['version']}: {vulnerability['id']}; "
        f"mended in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for each, vulnerability in found
    ]
    asked = len(dependencies) - len(skipped)
    lines.append(f"audited {asked} of {len(dependencies)} dependencies, {len(found)} known vulnerabilities")
    if found:
        return VULNERABLE, lines
    if skipped or not dependencies:
        why = skipped[0].get("skip_reason", "no reason given") if skipped else "no dependency was found"
        return NOT_AUDITED, [*lines, f"NOT AUDITED: {len(skipped)} dependencies ({why} ..)"]
    return CLEAN, lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="requirements with hashes")
    parser.add_argument("--may-be-offline", action="store_true", help="not audited is printed, and no failure")
    options = parser.parse_args(arguments)
    try:
        code, lines = judged(audited(options.files))
    except RuntimeError as error:
        code, lines = NOT_AUDITED, [f"NOT AUDITED: no advisory service answered ({error})"]
    print("\n".join(lines))
    if code == NOT_AUDITED and options.may_be_offline:
        print("make audit, where the package index or another advisory service answers, says the rest")
        return CLEAN
    return code


if __name__ == "__main__":
    sys.exit(main())
