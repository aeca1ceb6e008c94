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
from dataclasses import dataclass
from typing import Final

INTAKE: Final = "silver_intake"
"""The one table that trades cross shards into."""
MARKET: Final = "exchange, if(quote = '', symbol, concat(base, '/', quote))"
"""What a candle belongs to, by the columns of the intake: two symbols of an exchange may have one canonical symbol."""
_NAME: Final = r"(?P<name>\w+)"
_HEADS: Final = (
    re.compile(rf"CREATE TABLE IF NOT EXISTS {_NAME}(?=\s*\(|\s+ENGINE\b)"),
    re.compile(rf"CREATE MATERIALIZED VIEW IF NOT EXISTS {_NAME}(?=\s+TO\s)"),
    re.compile(rf"CREATE VIEW IF NOT EXISTS {_NAME}(?=\s+AS\s)"),
)
_ALTER: Final = re.compile(rf"ALTER TABLE {_NAME}\b")
_DROP: Final = re.compile(rf"DROP (?:TABLE|VIEW)(?: IF EXISTS)? {_NAME}\b")
_ENGINE: Final = r"^(?P<before>CREATE TABLE IF NOT EXISTS \w+(?: ON CLUSTER '\w+')? )?ENGINE = "
_MERGE_TREE: Final = re.compile(rf"{_ENGINE}(?P<kind>\w*MergeTree)(?:\((?P<arguments>[^)]*)\))?", re.MULTILINE)
_QUEUE: Final = re.compile(rf"{_ENGINE}Kafka\b", re.MULTILINE)
_PASSING_PLACE: Final = re.compile(rf"{_ENGINE}Null\b", re.MULTILINE)
_TO_INTAKE: Final = re.compile(rf"(?<=\sTO )(?:k2\.)?{INTAKE}(?=\s+AS\s)")


class ClusterError(ValueError):
    """A statement that cannot be carried over to a cluster; the message shows its beginning."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """name: as in the servers' remote_servers. Their macros {shard} and {replica} tell them apart."""

    name: str
    database: str = "k2"
    everywhere: str = "k2_all"


def clustered(statement: str, cluster: Cluster) -> list[str]:
    """The statements that do on every server of a cluster what this one does on a single server.

    Raises ClusterError for what is neither CREATE, ALTER nor DROP of a table or view, as sql/ writes them.
    """
    body = statement.strip().removesuffix(";")
    head = next((found for pattern in (*_HEADS, _ALTER, _DROP) if (found := pattern.search(_code(body)))), None)
    if head is None:
        raise ClusterError(f"no rule carries this over to a cluster: {body[:200]!r}; add one to k2pipeline/cluster.py")
    own = body.replace(head[0], f"{head[0]} ON CLUSTER '{cluster.name}'", 1)
    own = _MERGE_TREE.sub(_replicated, own)
    own = _TO_INTAKE.sub(f"{cluster.everywhere}.{INTAKE}", own)
    over_all = _over_all(body, head, cluster)
    return [own, over_all] if over_all else [own]


def prepared(cluster: Cluster) -> list[str]:
    """What comes before the first statement of the schema."""
    return [
        f"CREATE DATABASE IF NOT EXISTS {database} ON CLUSTER '{cluster.name}'"
        for database in (cluster.database, cluster.everywhere)
    ]


def _replicated(engine: re.Match[str]) -> str:
    # Without a path of its own, a table has the server's default one, which is made of its UUID, {shard} and {replica}.
    arguments = f"({engine['arguments']})" if engine["arguments"] else ""
    return f"{engine['before'] or ''}ENGINE = Replicated{engine['kind']}{arguments}"


def _over_all(body: str, head: re.Match[str], cluster: Cluster) -> str | None:
    """The table over all shards, for what somebody reads, and for the intake."""
    name = head["name"]
    if not head[0].startswith("CREATE") or "MATERIALIZED" in head[0] or _QUEUE.search(body):
        return None
    if name != INTAKE and _PASSING_PLACE.search(body):
        return None
    # The others are only read through.
    key = f", cityHash64({MARKET})" if name == INTAKE else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {cluster.everywhere}.{name} ON CLUSTER '{cluster.name}' "
        f"AS {cluster.database}.{name} ENGINE = Distributed('{cluster.name}', '{cluster.database}', '{name}'{key})"
    )


def _code(statement: str) -> str:
    """The statement without comments before it, whose words are not SQL."""
    return re.sub(r"\A(?:\s*--[^\n]*\n)+", "", statement)
