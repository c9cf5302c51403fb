"""Whose turn is it? The order in which the SIMs of one phone send.

Within a SIM row: by priority class, then in order of arrival. Between the rows the one that sent
longest ago comes first, so that a busy row shares the phone with a quiet one and a held row stands
in nobody's way. Rejected: priority classes across the rows, because endless urgent messages of one
SIM would then keep another one from sending anything at all.
"""

from collections.abc import Mapping, Sequence

from droidrack.core.message import Message


def in_turn(
    waiting: Sequence[Message], served: Mapping[str, int]
) -> tuple[tuple[Message, ...], ...]:
    """The queues of the SIM rows, in the order in which they may send.

    Args:
        waiting: in sending order, all rows together.
        served: when each row sent last, as a number that grows; absent: never.
    """
    rows: dict[str, list[Message]] = {}
    for message in waiting:
        rows.setdefault(message.sim_uid, []).append(message)
    # Sorting is stable: among rows that never sent, the one whose head is first in order.
    order = sorted(rows, key=lambda row: served.get(row, -1))
    return tuple(tuple(rows[row]) for row in order)
