"""Probes: whether the process is ready, and why not. Ready only when every part is, and not while it stops."""

from __future__ import annotations

from collections.abc import Callable


class Probes:
    """The truth behind /-/ready, /-/healthy and the gRPC health service."""

    def __init__(self, *parts: str) -> None:
        self._missing = dict.fromkeys(parts, "starting")
        self._is_stopping = False
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_ready(self) -> bool:
        """Whether every part is ready and the process is not stopping."""
        return not self._missing and not self._is_stopping

    @property
    def reason(self) -> str:
        """Why it is not ready; empty when it is."""
        if self._is_stopping:
            return "stopping"
        return "; ".join(f"{part}: {why}" for part, why in self._missing.items())

    def set_ready(self, part: str) -> None:
        """Note that a part is ready."""
        self._missing.pop(part, None)
        self._tell()

    def set_not_ready(self, part: str, why: str) -> None:
        """Note that a part is not ready, and why."""
        self._missing[part] = why
        self._tell()

    def stop(self) -> None:
        """Note that the process is stopping; it does not become ready again."""
        self._is_stopping = True
        self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call the listener now and at every change."""
        self._listeners.append(listener)
        listener()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
