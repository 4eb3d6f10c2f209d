import pytest

from promontory.model.go_text import format_go_duration, format_go_time, show_text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0s"), (1, "1ms"), (250, "250ms"), (1000, "1s"), (1500, "1.5s"), (60_000, "1m0s"), (90_001, "1m30.001s"),
        (7_200_000, "2h0m0s"), (-144_000_000, "-40h0m0s"), (-5, "-5ms"), (1_209_600_000, "336h0m0s"),
    ],
)  # fmt: skip
def test_a_duration_is_written_as_go_writes_it(duration_ms: int, text: str) -> None:
    assert format_go_duration(duration_ms) == text


def test_a_time_is_written_to_the_second() -> None:
    assert format_go_time(1_700_000_000_999) == "2023-11-14T22:13:20Z"
    assert format_go_time(-1) == "1969-12-31T23:59:59Z"


def test_a_text_cannot_steer_the_terminal() -> None:
    assert show_text('a"b\x1b[2J\n') == 'a"b\\x1b[2J\\n'
