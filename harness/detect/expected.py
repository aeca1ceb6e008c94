"""What each fault should set off: the checks that have to point at it, or the reason why none should.

`fails` are exact checks that must fail, since the pipeline itself lost something; all others hold under every
fault. `alarms` are standing checks, which know nothing of the fault, and any of which is enough; {x} stands for
every exchange. `why` says, where no alarm is due or where one instance or another goes unseen, what makes that
right; `least` is the share of instances that has to be found for all that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Expected:
    """What one fault sets off. Without alarms and failing checks it is one that nobody may notice."""

    alarms: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    why: str = ""
    least: float = 1.0

    def checks(self, exchanges: Iterable[str]) -> frozenset[str]:
        """All checks that are due, with each exchange's name in them."""
        names = list(exchanges)
        texts = (*self.alarms, *self.fails)
        return frozenset(text.replace("{x}", name) for text in texts for name in (names if "{x}" in text else [""]))


_GAP: Final = "silver_trades.ids_are_consecutive"
_LETTER: Final = "dead_letters.nothing_is_refused"
_INVALID: Final = "silver_trades.trades_are_plausible"
_REFUSED: Final = Expected((_LETTER, _GAP))

EXPECTED: Final[Mapping[str, Expected]] = MappingProxyType(
    {
        "ancient_time": Expected((_INVALID, "silver_trades.trades_arrive_soon")),
        "corrupt_json": _REFUSED,
        "duplicate": Expected(
            ("bronze_trades_{x}.trades_come_once",),
            why="A copy counts once, so it is told as information and warns nobody. Where an exchange resends in "
            "snapshots, copies of a snapshot are its normal behaviour and not told.",
            least=0.99,
        ),
        "future_time": Expected((_INVALID, "silver_trades.time_is_not_ahead")),
        "gap": Expected(
            (_GAP,),
            why="An id is missing only between two that came: what is left out at the very end of a symbol's ids "
            "looks as if it had not happened yet.",
            least=0.99,
        ),
        "huge_frame": Expected(why="The frame is as good as without its filling: every trade of it arrives, exact."),
        "late": Expected(
            ("silver_trades.trades_arrive_soon", "silver_trades.trades_arrive_in_order"),
            why="A trade is late against later ones that came before it; the last ones of a feed, with nothing after "
            "them, are not. Snapshots bring old trades by design, so there the order alone tells.",
            least=0.99,
        ),
        "missing_field": _REFUSED,
        "negative_size": Expected((_INVALID,)),
        "new_field": Expected(why="Nothing is wrong: a field that K2 does not know changes no value that it does."),
        "nineteen_decimals": _REFUSED,
        "price_spike": Expected(("silver_trades.price_is_no_outlier",)),
        "renamed_field": _REFUSED,
        "reorder": Expected(("silver_trades.trades_arrive_in_order",)),
        "scientific": Expected(why="Nothing is wrong: 6.18E+4 is 61800, to the last digit."),
        "truncated": _REFUSED,
        "unknown_symbol": Expected((_INVALID, "silver_trades.currency_is_known")),
        "withhold": Expected(
            (_GAP,),
            ("silver_trades.no_trade_lost", "bronze_trades_{x}.no_trade_lost"),
            why="The run itself finds all of them; the night sees missing ids, save for the last ones of a symbol.",
        ),
        "wrong_type": _REFUSED,
        "zero_size": Expected((_INVALID,)),
    }
)
