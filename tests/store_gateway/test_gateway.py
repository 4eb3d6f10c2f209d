"""The store gateway inside a process: how it comes to know its blocks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, BucketIndex
from promontory.catalog.catalog import Catalog
from promontory.catalog.index_object import write_bucket_index
from promontory.model.clock import SystemClock
from promontory.service.lifecycle import Service
from promontory.service.values import Values
from store_gateway.gateway import StoreGateway
from store_gateway.metrics import StoreMetrics
from store_gateway.settings import StoreSettings
from tests.blocks import OpenMetricsSeries, make_blocks

START_S = 1_700_006_400


def gateway_of(root: Path) -> tuple[StoreGateway, Service]:
    service = Service("store", Values({}, {}), SystemClock())
    metrics = StoreMetrics(service.metrics.registry)
    return StoreGateway(service, StoreSettings(), FilesystemBucket(root), metrics), service


@pytest.mark.parts
async def test_it_uses_a_bucket_index_and_lists_the_bucket_where_the_index_told_of_a_block_that_is_gone(
    tmp_path: Path,
) -> None:
    samples = [(START_S + 60 * step, "1") for step in range(200)]
    blocks = make_blocks(tmp_path, [OpenMetricsSeries("up", {"instance": "a"}, samples)])
    root = blocks[0].parent
    late = tmp_path / blocks[1].name
    shutil.move(blocks[1], late)
    bucket, clock = FilesystemBucket(root), SystemClock()
    view = await Catalog(bucket, clock=clock).sync()
    assert await write_bucket_index(bucket, BucketIndex.of_view(view, writer="test"), clock=clock)
    shutil.move(late, root)
    gateway, service = gateway_of(root)
    await gateway.sync()
    used = "promontory_store_bucket_index_used"
    assert service.metrics.registry.get_sample_value(used) == 1
    assert set(gateway.catalog.view.blocks) == {block.name for block in blocks}
    gateway, service = gateway_of(root)
    for name in ("meta.json", "index"):
        (blocks[0] / name).unlink()
    await gateway.sync()
    assert service.metrics.registry.get_sample_value(used) == 0
    assert set(gateway.catalog.view.blocks) == {blocks[1].name}
    assert "blocks that are gone" in gateway.catalog.view.index_problem
    assert (root / BUCKET_INDEX_KEY).exists()
