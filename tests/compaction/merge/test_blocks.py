import random
from pathlib import Path

import pytest

from promontory.block.meta import parse_meta
from promontory.compaction.job import Deduplication, Job, JobKind, Part
from promontory.compaction.merge import morsel
from promontory.compaction.merge.blocks import merge_blocks
from promontory.compaction.reading import series_stream
from promontory.errors import CorruptionError, StoppedError
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from tests.block.plain_block import read_block
from tests.compaction.merge.made_blocks import OUTPUT, make_up_chunks, merge, name_ulid, read_chunks, write_block
from tests.compaction.merge.plain_merge import merge_series

HOUR_MS = 3_600_000


def label(number: int) -> Labels:
    return Labels(((b"__name__", b"m"), (b"n", b"%04d" % number)))


def steady(start_ms: int, end_ms: int, *, bits: int = 0, step_ms: int = 15_000) -> list[list[tuple[int, int]]]:
    times = range(start_ms, end_ms, step_ms)
    return [[(time_ms, bits + time_ms) for time_ms in times[i : i + 120]] for i in range(0, len(times), 120)]


def make_many(source: random.Random, *, blocks: int) -> list[dict[Labels, list[list[tuple[int, int]]]]]:
    """Return 120 series in some of the blocks each; of some, two blocks have the same chunks."""
    made: list[dict[Labels, list[list[tuple[int, int]]]]] = [{} for _ in range(blocks)]
    for number in range(120):
        copied = make_up_chunks(source, count=4)
        for block in made:
            how = source.randrange(4)
            if how:
                block[label(number)] = copied if how == 1 else make_up_chunks(source, count=source.randrange(1, 6))
    return made


@pytest.mark.parametrize("deduplication", list(Deduplication))
@pytest.mark.parametrize("blocks", [2, 3, 5])
@pytest.mark.parametrize("small", [False, True])
def test_overlapping_chunks_become_what_prometheus_and_thanos_make_of_them(
    tmp_path, monkeypatch, deduplication, blocks, small
):
    if small:
        monkeypatch.setattr(morsel, "MORSEL_BYTES", 700)
        monkeypatch.setattr(morsel, "MORSEL_CHUNKS", 9)
        monkeypatch.setattr(series_stream, "PIECE_BYTES", 64)
    made = make_many(random.Random(blocks), blocks=blocks)
    inputs = [write_block(tmp_path, number, series, range_ms=(0, 10**9)) for number, series in enumerate(made)]
    meta = merge(inputs, tmp_path, deduplication)
    found = read_chunks(tmp_path / OUTPUT)
    penalty = deduplication is Deduplication.PENALTY
    labels = sorted({each for block in made for each in block})
    expected = {each: merge_series([block.get(each, []) for block in made], penalty=penalty) for each in labels}
    assert list(found) == labels
    for each in labels:
        assert found[each] == expected[each], each
    assert meta.stats.sample_count == sum(len(chunk) for chunks in expected.values() for chunk in chunks)
    assert meta.stats.series_count == len(labels)


def test_chunks_of_blocks_one_after_the_other_are_copied_byte_for_byte(tmp_path):
    names = [label(number) for number in range(50)]
    inputs = [
        write_block(tmp_path, hour, {name: steady(hour * HOUR_MS, (hour + 1) * HOUR_MS) for name in names[hour:]})
        for hour in range(3)
    ]
    meta = merge(inputs, tmp_path)
    payloads: dict[Labels, list[bytes]] = {}
    for path in inputs:
        for series in read_block(path):
            payloads.setdefault(series.labels, []).extend(chunk.payload for chunk in series.chunks)
    found = {series.labels: [chunk.payload for chunk in series.chunks] for series in read_block(tmp_path / OUTPUT)}
    assert found == payloads
    assert meta.stats.chunk_count == sum(map(len, payloads.values()))


def test_the_meta_tells_level_sources_parents_and_files(tmp_path):
    inputs = [
        write_block(
            tmp_path, hour, {label(0): steady(hour * HOUR_MS, (hour + 1) * HOUR_MS)},
            range_ms=(hour * HOUR_MS, (hour + 1) * HOUR_MS), external={"cluster": "one", "replica": "a"},
        )
        for hour in range(2)
    ]  # fmt: skip
    meta = merge(inputs, tmp_path, replica_labels=("replica",))
    assert parse_meta((tmp_path / OUTPUT / "meta.json").read_bytes(), source="output") == meta
    assert (meta.min_time_ms, meta.max_time_ms) == (0, 2 * HOUR_MS)
    assert meta.compaction.level == 2
    assert meta.compaction.sources == tuple(name_ulid(hour) for hour in range(2))
    assert [parent.ulid for parent in meta.compaction.parents] == [name_ulid(hour) for hour in range(2)]
    assert meta.labels == Labels.from_mapping({"cluster": "one"})
    assert meta.thanos.source == "compactor"
    for file in meta.thanos.files[:-1]:
        assert file.size_bytes == (tmp_path / OUTPUT / file.path).stat().st_size


def test_the_parts_of_a_merge_hold_each_series_once(tmp_path):
    series = {label(number): steady(0, HOUR_MS) for number in range(100)}
    block = write_block(tmp_path, 0, series)
    found = {}
    for index in range(3):
        meta = merge([block], tmp_path / str(index), part=Part(index, 3))
        assert meta.labels.get(b"__compactor_shard_id__") == b"%d_of_3" % (index + 1)
        part = read_chunks(tmp_path / str(index) / OUTPUT)
        assert 10 < len(part) < 60
        assert not part.keys() & found.keys()
        found |= part
    assert found == series


def test_retired_series_are_left_out_and_the_meta_says_so(tmp_path):
    block = write_block(tmp_path, 0, {label(number): steady(0, HOUR_MS) for number in range(30)})
    retired = ((Matcher(MatchKind.REGEX, b"n", b"00[12]."), Matcher(MatchKind.EQUAL, b"__name__", b"m")),)
    meta = merge([block], tmp_path, kind=JobKind.REWRITE, retired=retired)
    assert list(read_chunks(tmp_path / OUTPUT)) == [label(number) for number in range(10)]
    assert name_ulid(0) in meta.compaction.sources
    assert len(meta.compaction.sources) == 2
    assert meta.compaction.level == 1
    assert meta.thanos.source == "bucket.rewrite"
    (rewrite,) = meta.thanos.rewrites
    assert rewrite["sources"] == [name_ulid(0)]
    assert rewrite["deletions_applied"][0]["matchers"][0] == {"Type": 2, "Name": "n", "Value": "00[12]."}


def test_nothing_is_written_where_no_sample_is_left(tmp_path):
    block = write_block(tmp_path, 0, {label(0): steady(0, HOUR_MS)})
    assert merge([block], tmp_path / "out", retired=((Matcher(MatchKind.EQUAL, b"__name__", b"m"),),)) is None
    assert list((tmp_path / "out").iterdir()) == []


def test_samples_outside_of_the_blocks_ranges_are_cut_off(tmp_path):
    chunks = steady(0, 2 * HOUR_MS)
    block = write_block(tmp_path, 0, {label(0): chunks}, range_ms=(0, 2 * HOUR_MS))
    meta = block / "meta.json"
    meta.write_text(
        meta.read_text()
        .replace('"minTime": 0', '"minTime": 100000')
        .replace('"maxTime": 7200000', '"maxTime": 3000000')
    )
    merge([block], tmp_path)
    (found,) = read_chunks(tmp_path / OUTPUT).values()
    expected = [sample for chunk in chunks for sample in chunk if 100_000 <= sample[0] < 3_000_000]
    assert [sample for chunk in found for sample in chunk] == expected


def test_a_stop_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(morsel, "MORSEL_BYTES", 100)
    block = write_block(tmp_path, 0, {label(number): steady(0, HOUR_MS) for number in range(50)})
    told: list[int] = []
    job = Job(JobKind.MERGE, "g", (block.name,), 0)
    with pytest.raises(StoppedError):
        merge_blocks(
            [block], tmp_path / "out", ulid=OUTPUT, job=job,
            stop=lambda: len(told) > 10, progress=lambda done, total: told.append(done),
        )  # fmt: skip
    assert len(told) == 11
    assert told == sorted(told)
    assert list((tmp_path / "out").iterdir()) == []


def damage(path: Path, place: int) -> None:
    body = bytearray(path.read_bytes())
    body[place] ^= 0x10
    path.write_bytes(body)


@pytest.mark.parametrize("file", ["chunks/000001", "index"])
def test_a_flipped_bit_of_an_input_ends_the_merge_and_names_the_block(tmp_path, file):
    good = write_block(tmp_path, 0, {label(number): steady(0, HOUR_MS) for number in range(9)})
    bad = write_block(tmp_path, 1, {label(number): steady(HOUR_MS, 2 * HOUR_MS) for number in range(9)})
    size = (bad / file).stat().st_size
    series_section = size // 4 if file == "index" else size // 2
    damage(bad / file, series_section)
    with pytest.raises(CorruptionError, match=f"{bad.name}/{file}"):
        merge([good, bad], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("seed", range(4))
def test_no_flipped_bit_of_an_input_changes_a_sample_unnoticed(tmp_path, seed):
    source = random.Random(seed)
    series = {label(number): make_up_chunks(source, count=3) for number in range(6)}
    blocks = [write_block(tmp_path, number, series, range_ms=(0, 10**9)) for number in range(2)]
    merge(blocks, tmp_path)
    good = read_chunks(tmp_path / OUTPUT)
    for turn in range(25):
        file = blocks[1] / source.choice(("index", "chunks/000001", "tombstones"))
        body = file.read_bytes()
        damage(file, source.randrange(len(body)))
        told = blocks[1].name
        try:
            merge(blocks, tmp_path / str(turn))
            assert read_chunks(tmp_path / str(turn) / OUTPUT) == good
        except CorruptionError as error:
            told = error.source
        assert told.startswith(blocks[1].name)
        file.write_bytes(body)


@pytest.mark.parametrize("file", ["chunks/000001", "index"])
def test_a_cut_file_of_an_input_ends_the_merge(tmp_path, file):
    block = write_block(tmp_path, 0, {label(number): steady(0, HOUR_MS) for number in range(9)})
    (block / file).write_bytes((block / file).read_bytes()[:-100])
    with pytest.raises(CorruptionError, match=file):
        merge([block], tmp_path / "out")


def test_progress_is_told_in_bytes_of_chunks(tmp_path):
    block = write_block(tmp_path, 0, {label(0): steady(0, HOUR_MS)})
    told = []
    job = Job(JobKind.MERGE, "g", (block.name,), 0)
    merge_blocks([block], tmp_path, ulid=OUTPUT, job=job, progress=lambda done, total: told.append((done, total)))
    size = (block / "chunks" / "000001").stat().st_size
    assert told == [(size - 8, size)]
