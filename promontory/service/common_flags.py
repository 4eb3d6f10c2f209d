"""The flags that Thanos' servers share, as groups that a command's FlagSet is made of."""

from __future__ import annotations

from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, accepted, refused

LOG_FLAGS = (
    Flag(
        "--log.level", Kind.CHOICE, "info", "Least severe level that is logged.", "Log",
        choices=("error", "warn", "info", "debug"),
    ),
    Flag("--log.format", Kind.CHOICE, "logfmt", "Shape of a log line.", "Log", choices=("logfmt", "json")),
    accepted("--request.logging-config", Kind.CONTENT),
    accepted("--tracing.config", Kind.CONTENT),
    accepted("--enable-auto-gomemlimit", Kind.BOOLEAN),
    accepted("--auto-gomemlimit.ratio", Kind.NUMBER),
    accepted("--debug.name"),
)  # fmt: skip

HTTP_FLAGS = (
    Flag("--http-address", Kind.ADDRESS, "0.0.0.0:10902", "Listen address of HTTP.", "HTTP"),
    Flag(
        "--http-grace-period", Kind.DURATION, "2m",
        "How long requests in flight may go on after SIGTERM or an interrupt.", "HTTP",
    ),
    Flag(
        "--http-write-timeout", Kind.DURATION, "1m",
        "How long a client may take nothing of an answer before it is cut off; 0: for ever (as Thanos).", "HTTP",
    ),
    refused("--http.config", default="", why="TLS and authentication of HTTP are not built; use a reverse proxy"),
)  # fmt: skip

GRPC_FLAGS = (
    Flag("--grpc-address", Kind.ADDRESS, "0.0.0.0:10901", "Listen address of gRPC (StoreAPI).", "gRPC server"),
    Flag(
        "--grpc-grace-period", Kind.DURATION, "2m",
        "How long calls in flight may go on after SIGTERM or an interrupt.", "gRPC server",
    ),
    Flag("--grpc-server-tls-cert", help="File with the server's TLS certificate; empty is plain text.",
         default="", group="gRPC server"),
    Flag("--grpc-server-tls-key", help="File with the TLS key of the certificate.", default="", group="gRPC server"),
    Flag("--grpc-server-tls-client-ca", help="File with the CA that clients' certificates must come from.",
         default="", group="gRPC server"),
    Flag(
        "--grpc-server-max-connection-age", Kind.DURATION, "60m",
        "Age at which a connection is closed, so that clients reconnect.", "gRPC server",
    ),
    refused(
        "--grpc-server-tls-min-version", default="1.2",
        why="grpcio cannot set the lowest TLS version; it is 1.2, the only value that is true",
    ),
    refused("--grpc-server-tls-ciphers", why="grpcio cannot choose ciphers", is_repeated=True),
    refused("--grpc-server-tls-curves", why="grpcio cannot choose curves", is_repeated=True),
)  # fmt: skip

OBJSTORE_FLAGS = (
    Flag("--objstore.config", Kind.CONTENT, None, "Bucket configuration (type, config, prefix).", "Bucket"),
)

SERVER_FLAGS = (*LOG_FLAGS, *HTTP_FLAGS, *GRPC_FLAGS)
