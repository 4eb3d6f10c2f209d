"""What Prometheus says of its compactions is read right."""

from __future__ import annotations

import pytest

from tests.bench.peer_compaction import COMPACTED, parse_duration_s

LINE = (
    'ts=2026-11-21T12:50:42.226Z caller=compact.go:460 level=info component=tsdb msg="compact blocks" count=3 '
    "mint=1700071200000 maxt=1700092785012 ulid=01M7Z2HC9AH67Q2E8XBQ25Q3K9 "
    'sources="[01M7Y5F168826EMHSG1110C0R0 01M7Y5F169BH496RT1W3E51HXP]" duration=136.008656ms'
)


def test_a_line_about_a_compaction_tells_inputs_output_and_time() -> None:
    assert COMPACTED.findall(LINE) == [("3", "01M7Z2HC9AH67Q2E8XBQ25Q3K9", "136.008656ms")]


@pytest.mark.parametrize(("text", "seconds"), [("136.5ms", 0.1365), ("1.5s", 1.5), ("1m2.5s", 62.5), ("800µs", 0.0008)])
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)
