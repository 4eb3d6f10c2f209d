"""Labels: the identity of one series, as a value. For the rim; the hot path uses LabelRows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

METRIC_NAME = b"__name__"
# What describes the metric: all of it goes wherever the name goes.
METADATA_LABELS = (METRIC_NAME, b"__type__", b"__unit__")


@dataclass(frozen=True, slots=True, order=True)
class Labels:
    """Pairs of bytes sorted by name; a label with an empty value is the same as no label, so none stands here."""

    pairs: tuple[tuple[bytes, bytes], ...] = ()

    @staticmethod
    def from_mapping(labels: Mapping[str, str] | Mapping[bytes, bytes]) -> Labels:
        """Return the labels of a mapping of str or bytes."""
        pairs = ((_as_bytes(name), _as_bytes(value)) for name, value in labels.items())
        return Labels(tuple(sorted(pair for pair in pairs if pair[1])))

    def get(self, name: bytes) -> bytes:
        """Return the value of a label, empty when it is absent."""
        return next((value for found, value in self.pairs if found == name), b"")

    def without(self, names: Collection[bytes]) -> Labels:
        """Return the labels less those named."""
        return Labels(tuple(pair for pair in self.pairs if pair[0] not in names))

    def to_text(self) -> dict[str, str]:
        """Return the labels as text; invalid UTF-8 becomes U+FFFD."""
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in self.pairs}

    def __str__(self) -> str:
        inner = ", ".join(f'{name}="{value}"' for name, value in self.to_text().items())
        return "{" + inner + "}"


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
