"""S3Settings: what it takes to reach an S3 bucket, as plain values; Thanos' keys, defaults and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field

from promontory.bucket.secret import Secret

MIB = 2**20
DEFAULT_PART_BYTES = 64 * MIB
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class S3Encryption:
    """Server-side encryption: type SSE-S3, SSE-KMS or SSE-C, or none; the customer's key is its bytes as Latin-1."""

    type: str = ""
    kms_key_id: str = ""
    kms_encryption_context: dict[str, str] = field(default_factory=dict)
    customer_key: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True)
class S3Http:
    """Timeouts, connections and certificates of the HTTP client."""

    idle_timeout_s: float = 90.0
    response_timeout_s: float = 120.0
    connect_timeout_s: float = 10.0
    connection_count: int = 100
    ca_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class S3Settings:
    """One bucket of one S3 service. Without an access key the usual AWS chain is asked for credentials."""

    bucket: str
    endpoint: str
    region: str = ""
    access_key: Secret = field(default_factory=lambda: Secret(""))
    secret_key: Secret = field(default_factory=lambda: Secret(""))
    session_token: Secret = field(default_factory=lambda: Secret(""))
    insecure: bool = False
    signature_version2: bool = False
    bucket_lookup_type: str = "auto"
    list_objects_version: str = ""
    send_content_md5: bool = True
    disable_multipart: bool = False
    part_bytes: int = DEFAULT_PART_BYTES
    storage_class: str = ""
    user_metadata: dict[str, str] = field(default_factory=dict)
    encryption: S3Encryption = field(default_factory=S3Encryption)
    http: S3Http = field(default_factory=S3Http)

    @property
    def endpoint_url(self) -> str:
        """The address of the service."""
        return f"{'http' if self.insecure else 'https'}://{self.endpoint}"

    @property
    def is_amazon(self) -> bool:
        """Whether the service is AWS itself."""
        host = self.endpoint.partition(":")[0]
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    @property
    def addressing_style(self) -> str:
        """`virtual` or `path`; auto is virtual at AWS, but a dotted name fits no certificate."""
        if self.bucket_lookup_type == "auto":
            return "virtual" if self.is_amazon and ("." not in self.bucket or self.insecure) else "path"
        return {"virtual-hosted": "virtual", "path": "path"}[self.bucket_lookup_type]
