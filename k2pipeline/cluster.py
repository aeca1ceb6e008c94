"""One schema for one server and for a cluster: sql/ is rewritten when it is applied to several servers.

    CREATE TABLE IF NOT EXISTS silver_trades (..) ENGINE = ReplacingMergeTree(precedence) ..

    CREATE TABLE IF NOT EXISTS silver_trades ON CLUSTER 'k2' (..) ENGINE = ReplicatedReplacingMergeTree(precedence) ..
    CREATE TABLE IF NOT EXISTS k2_all.silver_trades ON CLUSTER 'k2' AS k2.silver_trades ENGINE = Distributed(..)

Every server has the whole schema in the database `k2`, for its shard; `k2_all` has the same names over all shards, and
is where users of a cluster ask. One thing flows across: bronze writes into `k2_all.silver_intake`, which sends each
trade to the shard of its market. So a market's silver and candles are on one shard whoever consumed its frames, and
what recomputes a window there sees all of its trades. docs/scale.md says what else that takes. Text in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from k2pipeline.identifier import plain

INTAKE: Final = "silver_intake"
"""The one table that trades cross shards into."""
MARKET: Final = "exchange, if(quote = '', symbol, concat(base, '/', quote))"
"""What a candle belongs to, by the columns of the intake: two symbols of an exchange may have one canonical symbol."""
_NAME: Final = r"(?P<name>\w+)"
_TABLE: Final = re.compile(rf"CREATE TABLE IF NOT EXISTS {_NAME}(?=\s*\(|\s+ENGINE\b)")
_VIEW: Final = re.compile(rf"CREATE VIEW IF NOT EXISTS {_NAME}(?=\s+AS\s)")
_FLOW: Final = re.compile(rf"CREATE MATERIALIZED VIEW IF NOT EXISTS {_NAME}(?=\s+TO\s)")
_ALTER: Final = re.compile(rf"ALTER TABLE (?:IF EXISTS )?{_NAME}(?=\s)")
_DROP: Final = re.compile(rf"DROP (?:TABLE|VIEW) (?:IF EXISTS )?{_NAME}(?=\s|\Z)")
_ENGINE: Final = re.compile(r"\bENGINE\s*=?\s*(?P<kind>\w+)", re.IGNORECASE)
_KEEPS_NO_ROW: Final = frozenset({"Kafka", "Null", "Merge"})
_TO_INTAKE: Final = re.compile(rf"(?<=\sTO )(?:k2\.)?{INTAKE}(?=\s+AS\s)")
_COMMENTS_BEFORE: Final = re.compile(r"\A(?:\s*--[^\n]*\n)*\s*")
_NO_CODE: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


class ClusterError(ValueError):
    """A statement that cannot be carried over to a cluster; the message shows its beginning."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """name: as in the servers' remote_servers. Their macros {shard} and {replica} tell them apart.

    Raises ValueError for a name that could not stand in SQL as it is.
    """

    name: str
    database: str = "k2"
    everywhere: str = "k2_all"

    def __post_init__(self) -> None:
        plain(self.name, "cluster")
        plain(self.database, "database")
        plain(self.everywhere, "database over all shards")


def carried_over(statements: Iterable[str], cluster: Cluster) -> Iterator[list[str]]:
    """For each statement those that do on every server of a cluster what it does on a single one.

    The statements are those of the schema from its first on, in order: what is altered or dropped has over all shards
    what its CREATE made there. Raises ClusterError for what is neither CREATE, ALTER nor DROP of one table or view, as
    sql/ writes them, and for a table whose rows would be on one replica only.
    """
    over_all: dict[str, str] = {}  # by name, what comes after CREATE .. TABLE
    for statement in statements:
        yield _carried_over(statement.strip().removesuffix(";"), cluster, over_all)


def prepared(cluster: Cluster) -> list[str]:
    """What comes before the first statement of the schema."""
    return [
        f"CREATE DATABASE IF NOT EXISTS {database} ON CLUSTER '{cluster.name}'"
        for database in (cluster.database, cluster.everywhere)
    ]


def _carried_over(body: str, cluster: Cluster, over_all: dict[str, str]) -> list[str]:
    comments = _COMMENTS_BEFORE.match(body)
    start = comments.end() if comments else 0
    head = next((found for each in (_TABLE, _VIEW, _FLOW, _ALTER, _DROP) if (found := each.match(body, start))), None)
    if head is None:
        raise ClusterError(f"no rule carries this over to a cluster: {body[:200]!r}; add one to k2pipeline/cluster.py")
    name, kind = head["name"], head.re
    engine = _engine(body) if kind is _TABLE else ""
    own = f"{body[: head.end()]} ON CLUSTER '{cluster.name}'{body[head.end() :]}"
    if engine.endswith("MergeTree"):
        own = _replicated(own)
    own = _TO_INTAKE.sub(f"{cluster.everywhere}.{INTAKE}", own)
    if kind is _VIEW or (kind is _TABLE and (name == INTAKE or engine not in ("Kafka", "Null"))):
        over_all[name] = _over_all(name, cluster)
        return [own, f"CREATE TABLE IF NOT EXISTS {over_all[name]}"]
    if kind is _ALTER and name in over_all:
        # A Distributed table has columns of its own, taken from ours when it is made. It is exchanged for the new one
        # at once: neither a user nor bronze finds it missing.
        return [own, f"CREATE OR REPLACE TABLE {over_all[name]}"]
    if kind is _DROP and over_all.pop(name, ""):
        # The way in first: while it is there, users would be sent to tables that are not.
        return [f"DROP TABLE IF EXISTS {cluster.everywhere}.{name} ON CLUSTER '{cluster.name}'", own]
    return [own]


def _engine(body: str) -> str:
    """The engine of a CREATE TABLE. Raises ClusterError where its rows would have no second copy."""
    found = _ENGINE.search(_outermost(body))
    engine = found["kind"] if found else ""
    if engine in _KEEPS_NO_ROW or engine.endswith("MergeTree"):
        return engine
    named = f"ENGINE = {engine} keeps rows" if engine else "it names no ENGINE, so a server would take MergeTree"
    raise ClusterError(
        f"{body[:200]!r}: {named}, which no replica would have; write ENGINE = .. with one of the MergeTree family"
    )


def _replicated(own: str) -> str:
    # Without a path of its own, a table has the server's default one, which is made of its UUID, {shard} and {replica}.
    found = _ENGINE.search(_outermost(own))
    if found is None or found["kind"].startswith("Replicated"):
        return own
    return f"{own[: found.start('kind')]}Replicated{own[found.start('kind') :]}"


def _over_all(name: str, cluster: Cluster) -> str:
    """The table over all shards, for what somebody reads, and for the intake."""
    # The others are only read through.
    key = f", cityHash64({MARKET})" if name == INTAKE else ""
    return (
        f"{cluster.everywhere}.{name} ON CLUSTER '{cluster.name}' "
        f"AS {cluster.database}.{name} ENGINE = Distributed('{cluster.name}', '{cluster.database}', '{name}'{key})"
    )


def _outermost(statement: str) -> str:
    """The statement with blanks for comments, for what is quoted, and for what is in parentheses."""
    depth, text = 0, []
    for letter in _NO_CODE.sub(lambda found: " " * len(found[0]), statement):
        depth -= letter == ")"
        text.append(letter if depth == 0 and letter != ")" else " ")
        depth += letter == "("
    return "".join(text)
