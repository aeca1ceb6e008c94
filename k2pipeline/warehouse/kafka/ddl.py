"""What the embedded warehouse runs in place of `CREATE TABLE .. ENGINE = Kafka ..`. Pure: text in, text out.

A Kafka table becomes a table of the same columns on ENGINE = Null, because materialized views on a Null table
see every inserted block and nothing is kept. Kafka's virtual columns become MATERIALIZED columns: as in
ClickHouse, a view can name them, `SELECT *` leaves them out, and INSERT cannot set them (the consumer may: it
inserts with insert_allow_materialized_columns = 1).

The settings travel inside the table, as JSON in the comment of its `_topic` column. So RENAME, EXCHANGE,
DETACH, ATTACH, DROP DATABASE, `CREATE TABLE .. AS ..` and a restart need no second book-keeping, and the
table's own COMMENT stays the user's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from math import isinf

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.settings import (
    ARGUMENTS,
    KafkaSettings,
    Value,
    bad_argument,
    check_settings,
    parse_value,
    settings_from,
)

_LEADING_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*(CREATE|ATTACH|REPLACE)\b", re.IGNORECASE | re.DOTALL)
# As many as a 64-bit integer has.
_INTEGER_DIGITS = 20
_COMMENT_KEY = "kafka_table_engine"
_STRING_TYPES = ("String", "LowCardinality(String)", "Nullable(String)", "LowCardinality(Nullable(String))")

# Types as ClickHouse documents them. The constraint is what a plain INSERT meets: on a server that would
# produce to the topic; here it must not pass for a consumed message.
_VIRTUAL_COLUMNS = """
    `_topic` LowCardinality(String) MATERIALIZED '' COMMENT {definition},
    `_key` String MATERIALIZED '',
    `_offset` UInt64 MATERIALIZED 0,
    `_partition` UInt64 MATERIALIZED 0,
    `_timestamp` Nullable(DateTime) MATERIALIZED NULL,
    `_timestamp_ms` Nullable(DateTime64(3)) MATERIALIZED NULL,
    `_headers.name` Array(String) MATERIALIZED CAST([] AS Array(String)),
    `_headers.value` Array(String) MATERIALIZED CAST([] AS Array(String)),
    CONSTRAINT from_topic CHECK throwIf(_topic = '', 'INSERT into a Kafka table is not supported by the \
embedded warehouse: produce to its topic instead') = 0
"""
_ERROR_COLUMNS = "`_raw_message` String MATERIALIZED '', `_error` String MATERIALIZED ''"

# Sessions, not tables of the warehouse, own temporary tables; the others have no meaning for a stream.
_REFUSED_CLAUSES: dict[type[exp.Expression], str] = {
    exp.TemporaryProperty: "TEMPORARY",
    exp.Order: "ORDER BY",
    exp.PrimaryKey: "PRIMARY KEY",
    exp.PartitionedByProperty: "PARTITION BY",
    exp.SampleProperty: "SAMPLE BY",
    exp.MergeTreeTTL: "TTL",
}


@dataclass(frozen=True)
class KafkaTableDefinition:
    """What a table's comment says: the settings, and the one column that takes the message."""

    settings: KafkaSettings
    message_column: str


def rewrite_create(sql: str) -> str | None:
    """The statement to run instead, or None when `sql` creates no Kafka table.

    Raises WarehouseError as ClickHouse would for wrong settings, and with code 36 or 48 for what only a
    ClickHouse server can do. Nothing reaches the engine then, so a refused CREATE leaves nothing behind.
    """
    leading = _LEADING_WORD.match(sql)
    if leading is None:
        return None
    attach = leading[1].upper() == "ATTACH"
    if attach:
        # sqlglot does not look into an ATTACH, which takes the same definition.
        sql = f"{sql[: leading.start(1)]}CREATE{sql[leading.end(1) :]}"
    if not _may_create_kafka_table(sql):
        return None
    create = _parse(sql)
    engine = create.find(exp.EngineProperty)
    if engine is None or engine.this.name.lower() != "kafka":
        return None
    _require_plain_table(create, sql)
    _become_null_table(create, engine)
    text = create.sql(dialect="clickhouse", comments=False)
    return text.replace("CREATE", "ATTACH", 1) if attach else text


def _become_null_table(create: exp.Create, engine: exp.EngineProperty) -> None:
    values = _values(create, engine)
    check_settings(values)
    settings = settings_from(values)
    schema = create.this
    message_column = _message_column(schema)
    definition = json.dumps({_COMMENT_KEY: values, "message_column": message_column})
    for column in _virtual_columns(definition, with_errors=settings.handle_error_mode == "stream"):
        schema.append("expressions", column)
    engine.set("this", exp.to_identifier("Null"))
    # Set as a whole: Expression.pop takes the wrong clause out where there is a UUID.
    clauses = create.args["properties"]
    clauses.set("expressions", [each for each in clauses.expressions if not isinstance(each, exp.SettingsProperty)])


def definition_in(comment: str) -> KafkaTableDefinition | None:
    """Read back what `rewrite_create` wrote into the comment of `_topic`; None for any other comment."""
    if not comment.startswith(f'{{"{_COMMENT_KEY}":'):
        return None
    stored = json.loads(comment)
    return KafkaTableDefinition(settings_from(stored[_COMMENT_KEY]), stored["message_column"])


def _may_create_kafka_table(sql: str) -> bool:
    """Whether ENGINE = Kafka stands outside of strings and comments, or ENGINE Kafka in a CREATE TABLE."""
    folded = sql.lower()
    if "kafka" not in folded or "engine" not in folded:
        return False
    try:
        tokens = sqlglot.tokenize(sql, read="clickhouse")
    except SqlglotError:
        return False  # ClickHouse's own parser words the syntax error better.
    words = [_word(token) for token in tokens]
    if ("engine", "=", "kafka") in zip(words, words[1:], words[2:], strict=False):
        return True
    return "table" in words[:4] and ("engine", "kafka") in pairwise(words)


def _word(token: Token) -> str:
    return "" if token.token_type is TokenType.STRING else token.text.lower()


def _unreadable(sql: str) -> WarehouseError:
    shown = " ".join(sql.split())
    return WarehouseError(
        48,
        "NOT_IMPLEMENTED",
        "The embedded warehouse reads a Kafka table as CREATE [OR REPLACE] TABLE [IF NOT EXISTS] db.name "
        f"(message String) ENGINE = Kafka SETTINGS kafka_broker_list = .., but got: {shown[:200]}",
    )


def _parse(sql: str) -> exp.Create:
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="clickhouse") if statement is not None]
    except SqlglotError as error:
        raise _unreadable(sql) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Create):
        raise _unreadable(sql)
    return statements[0]


def _require_plain_table(create: exp.Create, sql: str) -> None:
    if create.kind != "TABLE" or not isinstance(create.this, exp.Schema) or create.expression is not None:
        raise _unreadable(sql)
    for kind, words in _REFUSED_CLAUSES.items():
        if create.find(kind):
            raise bad_argument(f"Engine Kafka doesn't support {words}")


def _values(create: exp.Create, engine: exp.EngineProperty) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for clause in create.find_all(exp.SettingsProperty):
        for setting in clause.expressions:
            name = setting.this.name
            values[name] = parse_value(name, _literal(name, setting.expression))
    for number, argument in enumerate(engine.this.expressions, start=1):
        name = ARGUMENTS[number - 1] if number <= len(ARGUMENTS) else None
        if name is None:
            continue  # The row delimiter, which ClickHouse ignores too.
        if name in values:
            raise bad_argument(
                f"The argument №{number} of storage Kafka and the parameter '{name}' in SETTINGS cannot be "
                "specified at the same time"
            )
        values[name] = _argument(name, argument)
    return values


def _argument(name: str, node: exp.Expression) -> Value:
    """An argument has the type of its setting; group and format may stand unquoted, as in ClickHouse."""
    if isinstance(node, exp.Column) and name in ("kafka_group_name", "kafka_format"):
        return node.name
    given = _literal(name, node)
    try:
        return parse_value(name, given)
    except WarehouseError as error:
        raise bad_argument(f"Argument '{name}' has the value {given!r}: {error.message}") from error


def _literal(name: str, node: exp.Expression) -> Value | float:
    if isinstance(node, exp.Neg):
        inner = _literal(name, node.this)
        if not isinstance(inner, str):
            return -inner
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        if node.is_string:
            return str(node.this)
        # Many digits are a float to the engine too; one that no Float64 holds is a syntax error there.
        text = str(node.this)
        number = int(text) if text.isdigit() and len(text) <= _INTEGER_DIGITS else float(text)
        if isinf(number):
            raise WarehouseError(
                62, "SYNTAX_ERROR", f"Syntax error: {name} = {text[:40]} is no number that Float64 holds"
            )
        return number
    raise bad_argument(
        f"The embedded warehouse reads {name} as a plain 'text' or number, but got "
        f"{node.sql(dialect='clickhouse')}; named collections and expressions need a ClickHouse server"
    )


def _message_column(schema: exp.Schema) -> str:
    ordinary = []
    for column in schema.expressions:
        if not isinstance(column, exp.ColumnDef):
            raise bad_argument("Engine Kafka doesn't support skipping indices, constraints or projections")
        if not _is_alias(column):
            ordinary.append(column)
    kinds = [column.kind.sql(dialect="clickhouse") if column.kind else "" for column in ordinary]
    if len(ordinary) != 1 or kinds[0] not in _STRING_TYPES:
        listed = ", ".join(f"{column.name} {kind}" for column, kind in zip(ordinary, kinds, strict=True))
        raise bad_argument(
            "This input format is only suitable for tables with a single column of type String: "
            f"kafka_format = 'RawBLOB' with ({listed})"
        )
    return str(ordinary[0].name)


def _is_alias(column: exp.ColumnDef) -> bool:
    """True for ALIAS. DEFAULT, MATERIALIZED and EPHEMERAL raise WarehouseError 36, as in ClickHouse."""
    for constraint in column.constraints:
        kind = constraint.kind
        if isinstance(kind, exp.ComputedColumnConstraint) and not kind.args.get("persisted"):
            return True
        if isinstance(kind, exp.ComputedColumnConstraint | exp.DefaultColumnConstraint | exp.EphemeralColumnConstraint):
            raise bad_argument("KafkaEngine doesn't support DEFAULT/MATERIALIZED/EPHEMERAL expressions for columns")
    return False


def _virtual_columns(definition: str, *, with_errors: bool) -> list[exp.Expression]:
    columns = _VIRTUAL_COLUMNS.format(definition=exp.Literal.string(definition).sql(dialect="clickhouse"))
    if with_errors:
        columns = f"{columns}, {_ERROR_COLUMNS}"
    template = sqlglot.parse_one(f"CREATE TABLE t ({columns})", read="clickhouse")
    return list(template.this.expressions)
