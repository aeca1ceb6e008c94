"""Prepared changes of the schema, made from sql/ as it is now: what the gate is shown on, and tested by.

    python -m harness.gate.prepared changed/          # changed/comment_only/, changed/new_column/ ..
    k2-harness gate --base sql --candidate changed/new_column

Each is a whole schema directory with one change. `new_column` and `renamed_silver` are migrations: sql/ as it is and
one file more. The latter renames silver_trades on a warehouse that lives and points every view to the new name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from clickhouse_migrations.migrator import Migrator

from k2pipeline.schema import DEFAULT_DIRECTORY

SILVER: Final = "silver_trades"
RENAMED: Final = "market_trades"
_FILE: Final = re.compile(r"(\d+)_")
_CREATED: Final = re.compile(r"CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS (\w+)")
_ASIDE: Final = re.compile(r"--[^\n]*|COMMENT '(?:[^']|'')*'")

Texts = dict[str, str]
"""File name -> text, in the order in which they are applied."""


def prepare(name: str, into: Path, sql: Path = DEFAULT_DIRECTORY) -> Path:
    """Write one prepared change into a directory; gives the directory.

    Raises KeyError for a name that is not in PREPARED, LookupError where sql/ is no longer what the change expects.
    """
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(sql.glob("*.sql"))}
    into.mkdir(parents=True, exist_ok=True)
    for file, text in PREPARED[name](texts).items():
        (into / file).write_text(text, encoding="utf-8")
    return into


def _comment_only(texts: Texts) -> Texts:
    return _edited(texts, _creating(texts, SILVER), r"COMMENT '", "COMMENT 'that is, ", 1)


def _new_column(texts: Texts) -> Texts:
    return _with_file(
        texts,
        "new_column",
        f"ALTER TABLE {SILVER} ADD COLUMN IF NOT EXISTS priced_in LowCardinality(String) DEFAULT currency "
        "COMMENT 'what the price is in';\n",
    )


def _widened_decimal(texts: Texts) -> Texts:
    return _edited(texts, _creating(texts, SILVER), r"(\bprice\s+)Decimal\(38, 18\)", r"\1Decimal(76, 18)")


def _swapped_extremes(texts: Texts) -> Texts:
    """In the first view that computes candles, the first price becomes the last, and the other way round."""
    candles = next(filter(_writes_candles, _statements(texts)), "")
    return _edited(texts, candles, r"\barg(Min|Max)\(", lambda found: f"arg{'Max' if found[1] == 'Min' else 'Min'}(")


def _dropped_dedup_key(texts: Texts) -> Texts:
    return _edited(
        texts, _creating(texts, SILVER), r"ORDER BY \(exchange, symbol, [^()]*\)", "ORDER BY (exchange, symbol)"
    )


def _renamed_silver(texts: Texts) -> Texts:
    """Consumption stops first and begins last, so that no frame meets half of the views."""
    created = {_name(sql): sql for sql in _statements(texts) if _CREATED.search(sql)}
    queues = [name for name, sql in created.items() if re.search(r"ENGINE = Kafka\b", sql)]
    consuming = [name for name, sql in created.items() if _is_view(sql) and any(_names(sql, queue) for queue in queues)]
    naming = [name for name, sql in created.items() if _is_view(sql) and name not in consuming and _names(sql, SILVER)]
    statements = [
        *(f"DROP {_kind(created[name])} IF EXISTS {name}" for name in [*consuming, *naming]),
        f"RENAME TABLE IF EXISTS {SILVER} TO {RENAMED}",
        *(re.sub(rf"\b{SILVER}\b", RENAMED, created[name]) for name in naming),
        *(created[name] for name in consuming),
    ]
    head = f"-- {SILVER} becomes {RENAMED}. Frames wait in their topics meanwhile.\n"
    text = head + "".join(f"{sql.strip().removesuffix(';')};\n\n" for sql in statements)
    return _with_file(texts, "rename_silver", text)


def _statements(texts: Texts) -> list[str]:
    return [sql for text in texts.values() for sql in Migrator.script_to_statements(text, True)]


def _creating(texts: Texts, name: str) -> str:
    return next((sql for sql in _statements(texts) if _name(sql) == name), "")


def _name(sql: str) -> str:
    found = _CREATED.search(_ASIDE.sub("", sql))
    return found[2] if found else ""


def _kind(sql: str) -> str:
    return "TABLE" if re.search(r"CREATE TABLE", _ASIDE.sub("", sql)) else "VIEW"


def _is_view(sql: str) -> bool:
    """Whether it keeps no rows of its own, so that it may be dropped and made again."""
    return _kind(sql) == "VIEW" or re.search(r"ENGINE = Merge\(", sql) is not None


def _names(sql: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", _ASIDE.sub("", sql)) is not None


def _writes_candles(sql: str) -> bool:
    return _name(sql).startswith("ohlcv_") and re.search(r"\bargM(?:in|ax)\(", _ASIDE.sub("", sql)) is not None


def _edited(texts: Texts, sql: str, pattern: str, by: str | Callable[[re.Match[str]], str], times: int = 0) -> Texts:
    """The files with one statement edited, everywhere or so many times."""
    edited = re.sub(pattern, by, sql, count=times)
    if edited == sql:
        raise LookupError(f"nothing to change by {pattern!r}: sql/ is not what harness/gate/prepared.py expects of it")
    return {name: text.replace(sql, edited, 1) for name, text in texts.items()}


def _with_file(texts: Texts, name: str, text: str) -> Texts:
    number = max(int(found[1]) for file in texts if (found := _FILE.match(file))) + 1
    return {**texts, f"{number:03d}_{name}.sql": text}


PREPARED: Final[Mapping[str, Callable[[Texts], Texts]]] = {
    "comment_only": _comment_only,
    "new_column": _new_column,
    "widened_decimal": _widened_decimal,
    "swapped_extremes": _swapped_extremes,
    "dropped_dedup_key": _dropped_dedup_key,
    "renamed_silver": _renamed_silver,
}


def main(arguments: Iterable[str]) -> None:
    """Write all of them into each directory that is named."""
    for into in arguments:
        for name in PREPARED:
            print(prepare(name, Path(into) / name))


if __name__ == "__main__":
    main(sys.argv[1:])
