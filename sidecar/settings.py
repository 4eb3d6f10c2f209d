"""SidecarSettings: plain values, read once from the flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from promontory.errors import InputError
from promontory.model.url import without_user
from promontory.service.values import Values


@dataclass(frozen=True, slots=True)
class SidecarSettings:
    """One Prometheus and how its blocks are shipped."""

    prometheus_url: str = field(repr=False)
    tsdb_path: Path
    poll_interval_s: float = 30.0
    request_timeout_s: float = 30.0
    oldest_ms: int = -(2**63)
    upload_compacted: bool = False
    ignore_unequal_block_size: bool = False
    shipper_file: str = "thanos.shipper.json"

    @property
    def name(self) -> str:
        """The URL as logs, metrics and stores show it: without user and password."""
        return without_user(self.prometheus_url)

    @staticmethod
    def from_values(values: Values, *, now_ms: int) -> SidecarSettings:
        """Read the flags of `promontory sidecar`. Raises InputError naming the flag."""
        shipper_file = values.text("--shipper.meta-file-name")
        if Path(shipper_file).name != shipper_file:
            raise InputError(f"flag --shipper.meta-file-name: expected the name of a file, found {shipper_file!r}")
        return SidecarSettings(
            prometheus_url=parse_prometheus_url(values.text("--prometheus.url"), flag="--prometheus.url"),
            tsdb_path=Path(values.text("--tsdb.path")),
            poll_interval_s=values.duration_s("--prometheus.get_config_interval"),
            request_timeout_s=values.duration_s("--prometheus.get_config_timeout"),
            oldest_ms=values.time_ms("--min-time", now_ms=now_ms),
            upload_compacted=values.flag("--shipper.upload-compacted"),
            ignore_unequal_block_size=values.flag("--shipper.ignore-unequal-block-size"),
            shipper_file=shipper_file,
        )


def parse_prometheus_url(text: str, *, flag: str) -> str:
    """Return the URL of a Prometheus. Raises InputError naming the flag."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is none
        is_address = False
    if not is_address or parts.query or parts.fragment:
        raise InputError(f"flag {flag}: expected a URL such as http://localhost:9090, found {without_user(text)!r}")
    return text.rstrip("/")
