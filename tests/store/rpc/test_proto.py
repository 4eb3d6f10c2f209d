from __future__ import annotations

from pathlib import Path

from promontory.store.rpc.proto import __main__ as generator
from promontory.store.rpc.proto import info_pb2, store_pb2, types_pb2


def test_the_generated_modules_are_those_of_the_proto_files(tmp_path: Path) -> None:
    assert generator.main(tmp_path) == 0
    folder = Path(generator.__file__).parent
    made = sorted(path for path in tmp_path.rglob("*_pb2.py*"))
    assert len(made) == 6
    for path in made:
        assert path.read_text() == (folder / path.name).read_text(), f"run python -m {generator.__package__}"


def test_numbers_are_those_of_thanos_and_the_extensions_stand_far_above() -> None:
    numbers = {field.name: field.number for field in store_pb2.SeriesRequest.DESCRIPTOR.fields}
    assert (numbers["query_hints"], numbers["shard_info"], numbers["response_batch_size"]) == (12, 13, 16)
    assert (numbers["client"], numbers["frame_version"]) == (1001, 1002)
    assert store_pb2.SeriesResponse.DESCRIPTOR.fields_by_name["frame"].number == 1001
    assert types_pb2.AggrChunk.DESCRIPTOR.fields_by_name["source"].number == 1001
    assert info_pb2.StoreInfo.DESCRIPTOR.fields_by_name["sorted"].number == 1001
    assert types_pb2.AggrChunk.DESCRIPTOR.fields_by_name["counter"].number == 8
