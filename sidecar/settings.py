"""SidecarSettings: plain values, read once from the flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from promontory.service.values import Values


@dataclass(frozen=True, slots=True)
class SidecarSettings:
    """One Prometheus and how its blocks are shipped."""

    prometheus_url: str
    tsdb_path: Path
    poll_interval_s: float = 30.0
    request_timeout_s: float = 30.0
    oldest_ms: int = -(2**63)
    upload_compacted: bool = False
    ignore_unequal_block_size: bool = False
    shipper_file: str = "thanos.shipper.json"

    @staticmethod
    def from_values(values: Values, *, now_ms: int) -> SidecarSettings:
        """Read the flags of `promontory sidecar`."""
        return SidecarSettings(
            prometheus_url=values.text("--prometheus.url"),
            tsdb_path=Path(values.text("--tsdb.path")),
            poll_interval_s=values.duration_s("--prometheus.get_config_interval"),
            request_timeout_s=values.duration_s("--prometheus.get_config_timeout"),
            oldest_ms=values.time_ms("--min-time", now_ms=now_ms),
            upload_compacted=values.flag("--shipper.upload-compacted"),
            ignore_unequal_block_size=values.flag("--shipper.ignore-unequal-block-size"),
            shipper_file=values.text("--shipper.meta-file-name"),
        )
