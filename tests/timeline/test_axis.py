import pytest

from promontory.model.durations import DAY_MS, HOUR_MS
from promontory.timeline.axis import MOST_TICKS, make_ticks

START_MS = 1_700_000_000_000


@pytest.mark.parametrize("length_ms", [1, 999, 5000, HOUR_MS, DAY_MS, 30 * DAY_MS, 400 * DAY_MS, 90_000 * DAY_MS])
def test_there_are_few_marks_at_round_times(length_ms: int) -> None:
    ticks = make_ticks(START_MS, START_MS + length_ms)
    assert len(ticks) <= MOST_TICKS + 1
    assert all(START_MS <= tick.time_ms <= START_MS + length_ms for tick in ticks)


def test_marks_show_as_much_as_tells_them_apart() -> None:
    assert make_ticks(START_MS, START_MS + DAY_MS)[0].text == "11-15 00:00"
    assert make_ticks(START_MS, START_MS + 60 * DAY_MS)[0].text == "2023-11-16"
    assert make_ticks(START_MS, START_MS + 3000)[1].text == "11-14 22:13:21"
