"""Targets: what peers and Prometheus send: Series, Info, requests, and remote-read bodies with their snappy blocks."""

from __future__ import annotations

import cramjam
import numpy as np
from google.protobuf.message import DecodeError

from promontory.errors import InputError
from promontory.kernels.crc32c import crc32c
from promontory.model.context import Budget
from promontory.model.frame import Encoding, Frame
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector, Shard
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange
from promontory.store.prometheus.answer import StreamedAnswer, read_sampled
from promontory.store.rpc.decode import decode_series
from promontory.store.rpc.encode import encode_frame
from promontory.store.rpc.frame_reader import FrameReader
from promontory.store.rpc.frame_writer import FrameWriter
from promontory.store.rpc.info import info_response, read_info
from promontory.store.rpc.proto import info_pb2, store_pb2
from promontory.store.rpc.requests import parse_request, read_series_request, series_request
from promontory.testing.memory_store import MemoryChunk, MemorySeries
from tests.fuzz.chunk_targets import payloads
from tests.fuzz.outcome import SOURCE
from tests.store.rpc.messages import to_proto

LABELS = [{"__name__": "up", "job": "a"}, {"__name__": "up", "job": "b", "zone": "größe"}]


def check_series_answer(data: bytes) -> object:
    """Read a SeriesResponse; what it holds is the same once it was written and read again."""
    symbols = SymbolTable()
    answer = decode_series(data, symbols, Budget(), endpoint=SOURCE)
    _check_frame(answer.frame, is_strict=True)
    if len(answer.frame.labels):
        message = b"".join(encode_frame(answer.frame, batch_size=3))
        again = decode_series(message, symbols, Budget(), endpoint=SOURCE).frame
        assert _content(again) == _content(answer.frame), "a Frame changes when it is sent on"
    return answer


def check_wire_frame(data: bytes) -> object:
    """Read a message of columns; what it holds is the same once it was written and read again."""
    symbols = SymbolTable()
    frame = FrameReader(symbols, Budget(), endpoint=SOURCE).read(data)
    _check_frame(frame, is_strict=True)
    again = FrameReader(symbols, Budget(), endpoint=SOURCE).read(FrameWriter().write([frame]))
    assert _content(again) == _content(frame), "a Frame changes when it is sent on"
    return frame


def check_info_answer(data: bytes) -> object:
    """Read what a peer says of itself."""
    try:
        response = info_pb2.InfoResponse.FromString(data)
    except DecodeError:
        return None
    info = read_info(response, address=SOURCE)
    again = read_info(info_response(info), address=SOURCE)
    assert again == info, "a StoreInfo changes when it is sent on"
    return info


def check_series_request(data: bytes) -> object:
    """Read a Series request; a Selector is the same once it was written and read again."""
    try:
        request = parse_request(store_pb2.SeriesRequest, data)
        selector = read_series_request(request)
    except InputError as error:  # the peer is told what is wrong with its own bytes
        return str(error)
    once = read_series_request(series_request(selector, partial_response=True, batch_size=1))
    assert read_series_request(series_request(once, partial_response=True, batch_size=1)) == once
    return selector


def check_remote_stream(data: bytes) -> object:
    """Read a streamed remote-read body in two pieces; an odd first byte makes one frame of the rest."""
    body = data[1:]
    if data[:1] and data[0] & 1:
        checksum = int(crc32c(np.frombuffer(body, np.uint8), 0, len(body)))
        body = _uvarint(len(body)) + checksum.to_bytes(4, "big") + body
    frames = []
    symbols = SymbolTable()
    answer = StreamedAnswer(symbols, source=SOURCE)
    for piece in (body[: len(body) // 2], body[len(body) // 2 :]):
        frame = answer.feed(piece)
        if frame is not None:
            _check_frame(frame, is_strict=False)
            frames.append(frame)
    answer.finish()
    return frames


def check_remote_sampled(data: bytes) -> object:
    """Read a sampled remote-read body; an odd first byte makes a snappy block of the rest."""
    body = data[1:]
    if data[:1] and data[0] & 1:
        body = bytes(cramjam.snappy.compress_raw(body))
    frame = read_sampled(body, SymbolTable(), source=SOURCE).frame
    _check_frame(frame, is_strict=False)
    return frame


def series_seeds() -> list[bytes]:
    """Return SeriesResponse messages."""
    found = payloads(Encoding.XOR)[:2]
    chunks = tuple(MemoryChunk(1_000 * i, 1_000 * i + 500, data, Encoding.XOR) for i, data in enumerate(found))
    series = [MemorySeries(Labels.from_mapping(labels), chunks) for labels in LABELS]
    one, two = (to_proto(each) for each in series)
    batch = store_pb2.SeriesResponse()
    batch.batch.series.extend([one, two])
    messages = [store_pb2.SeriesResponse(series=one), batch, store_pb2.SeriesResponse(warning=b"late")]
    return [message.SerializeToString() for message in messages]


def frame_seeds() -> list[bytes]:
    """Return messages of columns: what the messages of series hold, and no series."""
    frames = [decode_series(data, SymbolTable(), Budget(), endpoint=SOURCE).frame for data in series_seeds()]
    return [FrameWriter().write([frame]) for frame in frames]


def info_seeds() -> list[bytes]:
    """Return what a peer may say of itself."""
    labels = tuple(Labels.from_mapping(one) for one in LABELS)
    span = TimeRange(-5, 2**50)
    info = StoreInfo(SOURCE, "sidecar", label_sets=labels, time_range=span, tsdb_infos=(TsdbInfo(labels[0], span),))
    return [info_response(info).SerializeToString(), b""]


def request_seeds() -> list[bytes]:
    """Return a Series request."""
    matchers = tuple(Matcher(kind, b"job", b"a|b") for kind in MatchKind)
    shard = Shard(index=1, total=3, by=True, labels=(b"job",))
    selector = Selector(matchers, TimeRange(0, 10_000), limit=7, shard=shard)
    return [series_request(selector, partial_response=True, batch_size=1).SerializeToString()]


def stream_seeds() -> list[bytes]:
    """Return ChunkedReadResponses, plain for framing and already framed."""
    label = _field(1, b"job") + _field(2, b"a")
    payload = payloads(Encoding.XOR)[0]
    chunk = b"\x08\x05\x10\x90\x4e\x18\x01" + _field(4, payload)
    message = _field(1, _field(1, label) + _field(2, chunk) + _field(2, chunk))
    checksum = int(crc32c(np.frombuffer(message, np.uint8), 0, len(message))).to_bytes(4, "big")
    return [b"\x01" + message, b"\x00" + 2 * (_uvarint(len(message)) + checksum + message)]


def sampled_seeds() -> list[bytes]:
    """Return ReadResponses, plain for compression and compressed."""
    label = _field(1, b"job") + _field(2, b"a")
    samples = [b"\x09" + np.float64(i).tobytes() + b"\x10" + _uvarint(1_000 * i) for i in range(3)]
    series = _field(1, label) + b"".join(_field(2, sample) for sample in samples)
    message = _field(1, _field(1, series))
    return [b"\x01" + message, b"\x00" + bytes(cramjam.snappy.compress_raw(message + message)), b"\x00\x05\x10hello"]


def _check_frame(frame: Frame, *, is_strict: bool) -> None:
    chunks, labels = frame.chunks, frame.labels
    sizes = np.array([len(buffer) for buffer in frame.buffers])
    assert np.all((chunks.start >= 0) & (chunks.length >= 0))
    assert np.all(chunks.start + chunks.length <= sizes[chunks.buffer])
    assert np.all((chunks.row[1:] >= chunks.row[:-1]) & (chunks.row[1:] < max(1, len(labels))))
    assert np.all(labels.value != 0), "a label without a value"
    assert np.all(labels.name != 0), "a label without a name"
    for row in range(len(labels)):
        names = [name for name, _ in labels.labels(row).pairs]
        assert names == sorted(set(names)), "names that do not rise"
    if is_strict:
        same = chunks.row[1:] == chunks.row[:-1]
        assert np.all(~same | (chunks.min_ms[1:] >= chunks.min_ms[:-1]))


def _content(frame: Frame) -> object:
    chunks = frame.chunks
    payloads = [
        frame.buffers[buffer][start : start + length].tobytes()
        for buffer, start, length in zip(chunks.buffer, chunks.start, chunks.length, strict=True)
    ]
    rows = [frame.labels.labels(row) for row in range(len(frame.labels))]
    texts = [frame.labels.symbols.text(int(code)) for code in chunks.source]
    columns = (chunks.row, chunks.min_ms, chunks.max_ms, chunks.aggregate, chunks.encoding)
    table = sorted(zip(*(column.tolist() for column in columns), payloads, texts, strict=True))
    return rows, table


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _uvarint(len(payload)) + payload


def _uvarint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
