import json
from collections import Counter
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from harness.synthetic.nasty import Section, binance
from harness.synthetic.nasty.kraken import arrays as kraken_v1
from harness.synthetic.nasty.kraken import objects as kraken_v2
from harness.synthetic.nasty.numbers import AMOUNTS
from k2pipeline.exchanges import EMPTY_FRAME, EXCHANGES, FrameKind

TAPES = {"binance": binance, "kraken_v2": kraken_v2, "kraken_v1": kraken_v1}
tape = pytest.mark.parametrize("name", TAPES)


def sections(name: str) -> dict[str, Section]:
    return {section.name: section for section in TAPES[name].sections()}


def kinds(name: str, section: str) -> Counter[FrameKind]:
    classify = EXCHANGES[name.partition("_")[0]].classify
    return Counter(classify(frame.encode()).kind for frame in sections(name)[section].frames)


def parsed(frame: str) -> Any:
    """Give the frame's JSON with numbers as text, or None where it is no JSON."""
    try:
        return json.loads(frame, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None


def amounts(name: str, section: str) -> list[tuple[Any, Any]]:
    """Give (price, size) of every trade of a section, as text."""
    found: list[tuple[Any, Any]] = []
    for message in map(parsed, sections(name)[section].frames):
        if isinstance(message, list):
            found.extend((row[0], row[1]) for row in message[1])
        elif isinstance(message, dict) and isinstance(message.get("data"), list):
            found.extend((trade["price"], trade["qty"]) for trade in message["data"])
        elif isinstance(message, dict):
            data = message.get("data", message)
            found.append((data["p"], data["q"]))
    return found


@tape
def test_section_names_are_unique_and_every_section_says_what_it_holds(name: str) -> None:
    written = TAPES[name].sections()
    assert len({section.name for section in written}) == len(written)
    for section in written:
        assert section.frames
        assert section.what.endswith(".")


@tape
def test_sections_are_the_same_every_time(name: str) -> None:
    assert TAPES[name].sections() == TAPES[name].sections()


@tape
def test_a_tape_has_a_few_hundred_frames(name: str) -> None:
    assert 200 <= sum(len(section.frames) for section in TAPES[name].sections()) <= 500


@tape
def test_no_frame_has_a_key_twice(name: str) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    for section in TAPES[name].sections():
        for frame in section.frames:
            try:
                json.loads(frame, object_pairs_hook=unique)
            except (ValueError, RecursionError):
                continue


@tape
def test_spoilt_texts_are_unknown_to_the_classifier_and_mostly_no_json(name: str) -> None:
    for section in ("byte_order_mark", "not_json", "not_messages", "deep_nesting"):
        assert set(kinds(name, section)) - {EMPTY_FRAME.kind} == {FrameKind.UNKNOWN}
    assert {parsed(frame) for frame in sections(name)["not_json"].frames} == {None}
    assert all(frame == "null" or parsed(frame) is not None for frame in sections(name)["not_messages"].frames)


@tape
def test_control_frames_and_other_channels_are_no_trades(name: str) -> None:
    assert FrameKind.CONTROL in kinds(name, "control_frames")
    assert FrameKind.MARKET in kinds(name, "other_channels")
    assert FrameKind.TRADE not in kinds(name, "control_frames") + kinds(name, "other_channels")


@tape
@pytest.mark.parametrize("section", ["nineteen_decimals", "twenty_one_digits", "scientific_not_fitting"])
def test_of_each_pair_that_does_not_fit_one_value_does_not(name: str, section: str) -> None:
    found = amounts(name, section)
    assert len(found) >= 6
    assert not [pair for pair in found if all(map(fits, pair))]


@tape
@pytest.mark.parametrize(
    "section", ["eighteen_decimals", "zeros_beyond_eighteen", "twenty_digits", "scientific", "not_positive"]
)
def test_of_each_pair_that_fits_both_values_do(name: str, section: str) -> None:
    found = amounts(name, section)
    assert len(found) >= 4
    assert all(fits(value) for pair in found for value in pair)


@tape
def test_not_positive_pairs_hold_a_value_that_is_not(name: str) -> None:
    assert all(min(map(Decimal, pair)) <= 0 for pair in amounts(name, "not_positive"))


def fits(text: str) -> bool:
    """True if Decimal(38, 18) holds the number exactly."""
    value = Decimal(text)
    if value == 0:
        return True
    _, digits, exponent = value.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    return value.adjusted() < 20 and value.adjusted() - len(significant) + 1 >= -18 and isinstance(exponent, int)


def test_exactly_eighteen_and_nineteen_decimals_are_written() -> None:
    pairs = {kind.name: kind.pairs for kind in AMOUNTS}
    decimals = {name: {len(text.partition(".")[2]) for pair in pairs[name] for text in pair} for name in pairs}
    assert decimals["eighteen_decimals"] == {18}
    assert max(decimals["nineteen_decimals"]) == 19
    assert {len(text.partition(".")[0]) for pair in pairs["twenty_digits"] for text in pair} == {1, 2, 20}


@pytest.mark.parametrize("name", ["binance", "kraken_v2"])
def test_no_id_comes_twice_except_where_trades_are_resent(name: str) -> None:
    seen: set[tuple[Any, Any]] = set()
    for section in TAPES[name].sections():
        if section.name != "resent":
            here = _identities(section)
            assert len(here) == len(set(here)), section.name
            assert not seen & set(here), section.name
            seen |= set(here)
    assert len(seen) > 250


def _identities(section: Section) -> list[tuple[Any, Any]]:
    """Give (symbol, id) of every trade whose identity can be read, ids as text."""
    found: list[tuple[Any, Any]] = []
    for message in map(parsed, section.frames):
        if not isinstance(message, dict):
            continue
        data = message.get("data", message)
        trades = data if isinstance(data, list) else [data]
        named = [trade for trade in trades if isinstance(trade, dict)]
        found.extend((trade.get("s", trade.get("symbol")), trade.get("t", trade.get("trade_id"))) for trade in named)
    return [(symbol, trade_id) for symbol, trade_id in found if isinstance(symbol, str) and isinstance(trade_id, str)]


@pytest.mark.parametrize("name", ["binance", "kraken_v2"])
def test_resent_trades_are_identical_to_the_first_ones(name: str) -> None:
    texts: dict[tuple[Any, Any], set[str]] = {}
    for message in map(parsed, sections(name)["resent"].frames):
        data = message["data"]
        for trade in data if isinstance(data, list) else [data]:
            identity = trade.get("s", trade.get("symbol")), trade.get("t", trade.get("trade_id"))
            texts.setdefault(identity, set()).add(json.dumps(trade))
    assert len(texts) < sum(frame.count('"t":') + frame.count("trade_id") for frame in sections(name)["resent"].frames)
    assert {len(variants) for variants in texts.values()} == {1}


def test_v1_holds_equal_trades_in_one_frame_and_nowhere_else_by_chance() -> None:
    first_seen: dict[tuple[str, str], str] = {}
    repeats: Counter[str] = Counter()
    for section in kraken_v1.sections():
        for message in map(parsed, section.frames):
            if isinstance(message, list) and len(message) == 4 and isinstance(message[1], list) and message[1]:
                rows = [
                    (json.dumps(message[3]), json.dumps(row)) for row in message[1] if isinstance(row, list) and row
                ]
                repeats[section.name] += len(rows) - len(set(rows)) + len(set(rows) & first_seen.keys())
                first_seen |= dict.fromkeys(rows, section.name)
    repeated = {name for name, number in repeats.items() if number}
    assert repeated == {"equal_trades", "resent", "thousand_trades"}
    assert repeats["equal_trades"] == 5


@pytest.mark.parametrize("name", ["kraken_v1", "kraken_v2"])
def test_kraken_sends_a_thousand_trades_in_one_frame(name: str) -> None:
    classify = EXCHANGES["kraken"].classify
    frames = sections(name)["thousand_trades"].frames
    assert [classify(frame.encode()).trades for frame in frames] == [1_000, 1_000]


def test_futures_frames_carry_x_and_no_m() -> None:
    for message in map(parsed, sections("binance")["futures"].frames):
        assert list(message.get("data", message)) == ["e", "E", "T", "s", "t", "p", "q", "X", "m"]


def test_every_field_is_missing_null_or_renamed_once() -> None:
    whole: dict[str, tuple[ModuleType, tuple[str, ...]]] = {
        "binance": (binance, tuple("eEstpqTmM")),
        "kraken_v2": (kraken_v2, ("symbol", "side", "price", "qty", "ord_type", "trade_id", "timestamp")),
    }
    for name, (_, keys) in whole.items():
        texts = {section: "\n".join(sections(name)[section].frames) for section in ("null_fields", "missing_fields")}
        for key in keys:
            assert f'"{key}":null' in texts["null_fields"]
            frames = texts["missing_fields"].splitlines()
            assert any(
                f'"{key}":' not in frame and sum(f'"{k}":' in frame for k in keys) == len(keys) - 1 for frame in frames
            )
            assert any(f'"{key}":' not in frame for frame in sections(name)["renamed_fields"].frames)
