from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from promontory.block.meta import parse_meta
from promontory.bucket.config import open_bucket
from promontory.catalog.catalog import Catalog
from promontory.model.clock import SystemClock
from promontory.model.labels import Labels
from promontory.shipper.shipper import Shipper
from tests.parts import part_path, run_rclone_s3

pytestmark = pytest.mark.parts


async def test_a_block_of_promtool_arrives_in_s3_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("# TYPE a counter\na_total 1 1700000000\na_total 2 1700000060\n# EOF\n")
    tsdb, served = tmp_path / "tsdb", tmp_path / "served"
    argv = [part_path("promtool"), "tsdb", "create-blocks-from", "openmetrics", tmp_path / "metrics", tsdb]
    await asyncio.to_thread(subprocess.run, argv, check=True, capture_output=True)
    served.mkdir()
    labels = Labels.from_mapping({"replica": "a"})
    with run_rclone_s3(served) as server:
        bucket = open_bucket(server.config("bucket"), clock=SystemClock())
        report = await Shipper(tsdb, bucket, lambda: labels, clock=SystemClock()).sync()
        view = await Catalog(bucket, clock=SystemClock()).sync()
        await bucket.close()
    (ulid,) = report.uploaded
    assert report.is_complete
    assert list(view.blocks) == [ulid]
    for name in ("index", "chunks/000001"):
        assert (served / "bucket" / ulid / name).read_bytes() == (tsdb / ulid / name).read_bytes()
    local = parse_meta((tsdb / ulid / "meta.json").read_bytes(), source="meta.json")
    shipped = view.blocks[ulid]
    assert (shipped.stats, shipped.compaction, shipped.labels) == (local.stats, local.compaction, labels)
