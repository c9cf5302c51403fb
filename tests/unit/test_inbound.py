"""What a watermark says of rows: new, known, or brought back by a backup."""

from dataclasses import replace
from datetime import UTC, datetime

from droidrack.core.ids import DeviceUuid
from droidrack.core.inbound import (
    DAY_MS,
    MARKS,
    Mark,
    Watermark,
    advanced,
    after_loss,
    first_watermark,
    is_old,
    newest_marks,
    text_id,
)

PHONE = DeviceUuid("phone-a")
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def row(row_id: int, ago_ms: int = 0, **changes: int) -> Mark:
    """A row that arrived so long ago."""
    return Mark(row_id, **{"date_ms": NOW_MS - ago_ms, "sent_ms": 0, **changes})


def known(*rows: Mark, epoch: int = 0) -> Watermark:
    """A phone whose newest rows are these."""
    return replace(first_watermark(PHONE, rows, NOW, history=False), epoch=epoch)


def test_first_watermark_stands_at_what_is_there() -> None:
    """Old texts are not ours; with `history` everything is."""
    rows = [row(n, ago_ms=1000 - n) for n in range(1, 20)]
    mark = first_watermark(PHONE, rows, NOW, history=False)
    assert (19, MARKS, NOW_MS - 981) == (
        mark.anchor and mark.anchor.row_id,
        len(mark.marks),
        mark.since_ms,
    )
    all_of_it = first_watermark(PHONE, rows, NOW, history=True)
    assert (None, 0, 0) == (all_of_it.anchor, all_of_it.epoch, all_of_it.since_ms)


def test_loss_of_the_newest_row_leaves_the_next_one_as_anchor() -> None:
    """Somebody deleted a text: what comes next is new, what is there is known."""
    mark = known(row(3), row(2, 5), row(1, 9))
    left = after_loss(mark, [row(2, 5), row(1, 9)])
    assert (0, row(2, 5)) == (left.epoch, left.anchor)


def test_loss_of_all_known_rows_begins_a_new_epoch() -> None:
    """None of them is there, or an id means another row: a store that somebody rebuilt."""
    mark = known(row(3), row(2, 5))
    assert (1, ()) == (after_loss(mark, []).epoch, after_loss(mark, []).marks)
    assert 1 == after_loss(mark, [row(3, 77)]).epoch
    assert 1 == after_loss(mark, [row(3, 77), row(2, 5)]).epoch


def test_old_rows_of_a_later_epoch_come_from_a_backup() -> None:
    """By the later of both dates, because one clock alone may be wrong by years."""
    mark = replace(known(row(9, ago_ms=10 * DAY_MS), epoch=1), newest_ms=NOW_MS)
    assert is_old(mark, row(1, ago_ms=11 * DAY_MS))
    assert is_old(mark, row(1, ago_ms=2 * DAY_MS))
    assert not is_old(mark, row(1, ago_ms=DAY_MS // 2))
    assert not is_old(mark, Mark(1, date_ms=0, sent_ms=NOW_MS))
    assert not is_old(replace(mark, epoch=0), row(1, ago_ms=11 * DAY_MS))


def test_date_in_the_future_does_not_make_later_texts_old() -> None:
    """One phone with a wrong year must not silence itself for the rest of it."""
    mark = advanced(known(row(1, DAY_MS)), [row(2, ago_ms=-900 * DAY_MS)], NOW)
    assert NOW_MS == mark.newest_ms
    assert not is_old(replace(mark, epoch=1), row(3, ago_ms=1000))


def test_advanced_keeps_the_newest_rows_and_opens_again() -> None:
    """What was dealt with is known; a store that answers is not closed."""
    mark = advanced(replace(known(row(1, 9)), closed="refused"), [row(2, 5), row(3, 1)], NOW)
    assert ([3, 2, 1], "") == ([each.row_id for each in mark.marks], mark.closed)
    assert MARKS == len(newest_marks(row(n) for n in range(100)))


def test_text_id_is_stable_and_differs_with_phone_epoch_row_and_dates() -> None:
    """Whoever gets a text twice can tell, and no two texts share an id."""
    first = text_id(PHONE, 0, row(1))
    assert first == text_id(PHONE, 0, row(1))
    others = {
        text_id(DeviceUuid("phone-b"), 0, row(1)),
        text_id(PHONE, 1, row(1)),
        text_id(PHONE, 0, row(2)),
        text_id(PHONE, 0, row(1, 1)),
        text_id(PHONE, 0, row(1, sent_ms=1)),
    }
    assert 6 == len({first, *others})
