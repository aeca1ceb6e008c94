"""Which instrument the next taker trades: a few take most of the flow (Zipf: the k-th has weight 1/k)."""

SLOT_BITS = 14
SLOT_MASK = (1 << SLOT_BITS) - 1


def popularity(instruments: int) -> tuple[int, ...]:
    """Give 2**14 slots that hold instrument numbers, most popular first; a uniform slot is a draw.

    Every instrument holds at least one. Raises ValueError when there is none, or too many for that.
    """
    slots = 1 << SLOT_BITS
    if not 0 < instruments <= slots // 2:
        raise ValueError(f"{instruments} instruments: between 1 and {slots // 2} can share the flow")
    weights = [slots * slots // rank for rank in range(1, instruments + 1)]
    spare = slots - instruments
    shares = [1 + spare * weight // sum(weights) for weight in weights]
    shares[0] += slots - sum(shares)
    return tuple(number for number, share in enumerate(shares) for _ in range(share))
