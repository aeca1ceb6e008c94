"""Where a frame keeps what: the way to each trade in it, and to each of a trade's values, as data.

An exchange's module lists the forms that its trade frames have; what edits frames needs no other knowledge of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import EllipsisType
from typing import Final

Step = str | int | EllipsisType
Way = tuple[Step, ...]
"""Steps into JSON: the name of a member, the place of an element (from the end where it is negative), or EACH."""

EACH: Final = ...


class Role(StrEnum):
    """What a value of a trade means; every one of them is needed to understand the trade."""

    SYMBOL = "symbol"
    TRADE_ID = "trade_id"
    PRICE = "price"
    QUANTITY = "quantity"
    TIME = "time"
    SIDE = "side"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of trade frame. `trades` leads from the frame to its trades.

    `in_trade` names the members of a trade by what they mean; `in_frame` is the way from the frame to what it says
    once for all of its trades.
    """

    trades: Way
    in_trade: Mapping[Role, str | int]
    in_frame: Mapping[Role, Way] = field(default_factory=dict)
