"""How columns are compared: as values where they have one type, as text where not."""

import pytest

from harness.checks.columns import MissingColumnError, Pair, bare_type, pairs


@pytest.mark.parametrize(
    ("kind", "bare"),
    [
        ("String", "String"),
        ("LowCardinality(String)", "String"),
        ("LowCardinality(Nullable(String))", "String"),
        ("Nullable(Decimal(38, 18))", "Decimal(38, 18)"),
        ("Nullable(DateTime64(6, 'UTC'))", "DateTime64(6, 'UTC')"),
        ("Array(LowCardinality(String))", "Array(String)"),
        ("Map(LowCardinality(String), Nullable(UInt8))", "Map(String, UInt8)"),
    ],
)
def test_low_cardinality_and_nullable_do_not_change_a_type(kind: str, bare: str) -> None:
    assert bare_type(kind) == bare


def test_columns_of_one_type_are_compared_as_they_are() -> None:
    types = {"price": "Decimal(38, 18)"}
    assert pairs(["price"], {}, types, {"price": "Nullable(Decimal(38, 18))"}) == [Pair("price", "price", "price")]


def test_columns_of_two_types_are_compared_as_they_print() -> None:
    found = pairs(["side"], {}, {"side": "Enum8('BUY' = 1)"}, {"side": "LowCardinality(String)"})
    assert found == [Pair("side", "toString(side)", "toString(side)")]


def test_maps_are_compared_whatever_the_order_of_their_keys() -> None:
    types = {"data": "Map(String, String)"}
    assert pairs(["data"], {}, types, types) == [Pair("data", "mapSort(data)", "mapSort(data)")]


def test_a_column_may_have_another_name_on_the_other_side() -> None:
    found = pairs(["open"], {"open": "open_price"}, {"open": "Int8"}, {"open_price": "Int8"})
    assert found == [Pair("open", "open_price", "open")]


def test_every_missing_column_is_named_with_its_side() -> None:
    with pytest.raises(MissingColumnError) as raised:
        pairs(["side", "open"], {"open": "open_price"}, {"open": "Int8"}, {"side": "String"})
    assert "the table under test has no column side" in str(raised.value)
    assert "what it is compared with has no column open_price" in str(raised.value)
