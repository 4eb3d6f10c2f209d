from __future__ import annotations

import socket
import threading

import pytest

from tests.bench.client import Connection, Endpoint, Question, join_chunks

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"


def test_chunks_are_joined() -> None:
    assert join_chunks(b"a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n") == b"0123456789x"


@pytest.mark.parametrize("sent", [CHUNKED, SIZED], ids=["chunked", "sized"])
def test_an_answer_is_read_to_its_end_and_the_connection_is_kept(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            accepted, _ = server.accept()
            with accepted:
                for _ in range(2):
                    accepted.recv(1 << 16)
                    for at in range(0, len(sent), 7):  # in pieces that cut heads, lengths and ends
                        accepted.sendall(sent[at : at + 7])

        thread = threading.Thread(target=serve)
        thread.start()
        with Connection(Endpoint("a", server.getsockname()[1], ()), bytearray(16)) as connection:
            assert [connection.ask(b"GET / HTTP/1.1\r\n\r\n").body for _ in range(2)] == [b"abcde", b"abcde"]
        thread.join()


def test_a_question_is_asked_at_the_end_of_the_data_or_over_a_grid() -> None:
    endpoint = Endpoint("a", 1, (), (("nocache", "1"),))
    instant = Question("up", 0).to_request(endpoint)
    assert instant.startswith(b"POST /api/v1/query HTTP/1.1\r\n")
    assert instant.endswith(b"query=up&nocache=1&time=1700092786.0")
    grid = Question("up", 60, shift_s=0.5, skip_s=600).to_request(endpoint)
    assert grid.endswith(b"start=1700007000.5&end=1700092785.5&step=60")
