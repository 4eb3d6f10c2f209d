"""Before any pass, readers of each scenario's site get what its Prometheus saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compaction.proof.oracle import unite
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_site_holds_what_was_seen(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS[name](tmp_path)
    replicas = tuple(label.encode() for label in scenario.settings.replica_labels)
    found: dict[object, list[object]] = {}
    for labels, content in join_raw(scenario.site.bucket, scenario.site.look().served(scenario.now_ms)).items():
        found.setdefault(labels.without(replicas), []).append(content)
    assert {labels: unite(contents) for labels, contents in found.items()} == scenario.held  # type: ignore[arg-type]
