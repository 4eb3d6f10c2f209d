"""Groups of blocks, by Thanos' key."""

from __future__ import annotations

from promontory.compaction.groups import GroupKey, group_blocks, strip_replicas
from promontory.compaction.planning.garbage import GarbagePlan, plan_garbage
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import block, state_of, ulid_of

A = Labels.from_mapping({"cluster": "a", "replica": "0"})
B = Labels.from_mapping({"cluster": "a", "replica": "1"})


def test_the_key_is_the_resolution_and_the_hash_of_the_labels() -> None:
    assert str(GroupKey(300_000, Labels())) == "300000@17241709254077376921"  # xxHash64 of nothing, as Go prints it


def test_replicas_of_a_stream_are_one_group_and_resolutions_are_not() -> None:
    blocks = [block(1, 20, 40, labels=A), block(2, 0, 20, labels=B), block(3, 0, 20, labels=A, resolution_ms=300_000)]
    groups = group_blocks(blocks, ["replica"])
    assert [[meta.ulid for meta in group.blocks] for group in groups] == [[ulid_of(2), ulid_of(1)], [ulid_of(3)]]
    assert len(group_blocks(blocks, [])) == 3


def test_a_block_with_no_label_left_gets_one_as_in_thanos() -> None:
    assert strip_replicas(Labels.from_mapping({"replica": "0"}), ["replica", "rack"]).to_text() == {
        "replica": "deduped"
    }
    assert strip_replicas(Labels(), []) == Labels()


def test_parts_of_a_stream_are_never_taken_for_replicas() -> None:
    parts = [Labels.from_mapping({"cluster": "a", "__compactor_shard_id__": f"{number}_of_2"}) for number in (1, 2)]
    blocks = [block(number, 0, 20, labels=labels, sources=(7, 8)) for number, labels in enumerate(parts, 1)]
    assert len(group_blocks(blocks, ["replica", "__compactor_shard_id__"])) == 2
    state = state_of(blocks, verified=frozenset(meta.ulid for meta in blocks))
    assert plan_garbage(state, CompactionSettings(replica_labels=("__compactor_shard_id__",))) == GarbagePlan()
