"""A TCP proxy that passes everything until a request line matches; that connection then hangs."""

from __future__ import annotations

import contextlib
import re
import socket
import threading


class StallingProxy:
    """Forwards 127.0.0.1:`port` to `target_port`. `stall(pattern)` arms it; `stalled` is set when the fault fired."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pattern: re.Pattern[bytes] | None = None
        self.stalled = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self, pattern: bytes) -> None:
        """Hang the next connections whose data matches."""
        self.stalled.clear()
        self._pattern = re.compile(pattern)

    def pass_everything(self) -> None:
        """Disarm."""
        self._pattern = None

    def close(self) -> None:
        """Stop accepting."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                return
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                pattern = self._pattern
                if pattern is not None and pattern.search(data):
                    self.stalled.set()
                    threading.Event().wait(300)
                    return
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
