"""What a killed compactor left in its directory harms nobody."""

from __future__ import annotations

from pathlib import Path

from tests.compaction.proof.listener import Listener
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.scenarios import make_horizontal


async def test_half_a_download_is_not_taken_for_a_segment(tmp_path: Path) -> None:
    scenario = make_horizontal(tmp_path / "made")
    listener = Listener()
    scouted = scenario.site.copy(tmp_path / "scouted")
    await run_pass(scouted, scenario.settings, now_ms=scenario.now_ms, observer=listener)
    for result in listener.finished:
        for ulid in result.job.inputs:
            chunks = scenario.site.work / "compact" / result.job.group / ulid / "chunks"
            chunks.mkdir(parents=True)
            (chunks / "000001lchwzibn").write_bytes(b"half of a segment")
            (chunks.parent / "indexabcdefgh").write_bytes(b"half of an index")
    await run_pass(scenario.site, scenario.settings, now_ms=scenario.now_ms)
    lying = scenario.site.look()
    assert not lying.no_compact
    assert len(lying.unmarked()) == len(scouted.look().unmarked())
    assert join_raw(scenario.site.bucket, lying.served(scenario.now_ms)) == scenario.held
