"""Whatever is wrong on the command line or in a file: one line that names it, exit code 2, no traceback."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promontory.errors import InputError
from promontory.service.flags import FlagSet
from promontory.service.main import load_commands
from querier.flags import QUERY_FLAG_SET
from sidecar.command import FLAGS as SIDECAR_FLAGS
from store_gateway.command import FLAGS as STORE_FLAGS
from tests.services.processes import ADDRESSES, run_to_end
from tests.services.thanos_flags import QUERY, SIDECAR, STORE, words_of

MEMORY = "--objstore.config=type: MEMORY"
S3 = "type: S3\nconfig: {bucket: b, endpoint: e"
FILES = {
    "broken.yml": b"type: [",
    "tabs.yml": b"type: S3\n\tconfig: {}",
    "alias.yml": b"type: &kind S3\nconfig: {bucket: *kind}",
    "deep.yml": b"[" * 100_000,
    "tag.yml": b'!!python/object/apply:os.system ["true"]',
    "binary.yml": b"type: S3\xff\xfe",
    "gcs.yml": b"type: GCS\nconfig: {bucket: b}",
    "list.yml": b"- type: S3",
    "key.yml": f"{S3}, buckte: c}}".encode(),
    "inner.yml": f"{S3}, http_config: {{tls_config: {{nope: 1}}}}}}".encode(),
    "secret.yml": f"{S3}, access_key: canary-access, secret_key: [canary-secret]}}".encode(),
    "twice.yml": b"type: S3\ntype: S3",
    "half.yml": f"{S3}, access_key: canary-access}}".encode(),
}

# command line: what its one line says
FLAG_CASES: Mapping[str, tuple[str, ...]] = {
    "store foo": ("unexpected argument 'foo'", "expected flags"),
    "store -x": ("unexpected argument '-x'", "expected flags"),
    "store --data-dri=x": ("unknown flag --data-dri", "did you mean --data-dir?"),
    "store --sync-block-duration=soon": ("flag --sync-block-duration", "expected a duration", "'soon'"),
    "store --sync-block-duration=0": ("flag --sync-block-duration", "expected more than 0", "'0'"),
    "store --sync-block-duration=300y": ("flag --sync-block-duration", "at most 292y", "'300y'"),
    "store --block-sync-concurrency=-1": ("flag --block-sync-concurrency", "expected more than 0", "'-1'"),
    "store --block-sync-concurrency=1.5": ("flag --block-sync-concurrency", "expected a whole number", "'1.5'"),
    "store --chunk-pool-size=big": ("flag --chunk-pool-size", "expected a size", "'big'"),
    "store --min-time=yesterday": ("flag --min-time", "expected an RFC 3339 time", "'yesterday'"),
    "store --http-address=localhost": ("flag --http-address", "expected host:port", "'localhost'"),
    "store --http-address=localhost:99999": ("flag --http-address", "expected host:port", "99999"),
    "store --http-address=[::1:80": ("flag --http-address", "expected host:port", "'[::1:80'"),
    "store --http-address=http://x:80": ("flag --http-address", "expected host:port", "'http://x:80'"),
    "store --log.level=loud": ("flag --log.level", "expected one of 'error', 'warn', 'info', 'debug'", "'loud'"),
    "store --log.level": ("flag --log.level", "expected a value", "found none"),
    "store --web.disable=perhaps": ("flag --web.disable", "expected true or false", "'perhaps'"),
    "store --data-dir=a --data-dir=b": ("flag --data-dir", "expected once", "'b'"),
    "store --objstore.config-file=/no/such.yml": ("flag --objstore.config-file", "expected a readable", "/no/such.yml"),
    "store --objstore.config-file=FOLDER": ("flag --objstore.config-file", "expected a readable", "Is a directory"),
    "store --objstore.config-file=FOLDER/binary.yml": ("flag --objstore.config-file", "expected a readable", "UTF-8"),
    "store --objstore.config=$(NO_SUCH_VARIABLE)": ("flag --objstore.config", "NO_SUCH_VARIABLE", "unset"),
    "store --selector.relabel-config=[]": ("flag --selector.relabel-config is not supported yet",),
    "sidecar --nope": ("unknown flag --nope",),
    "sidecar --reloader.config-file=x": ("flag --reloader.config-file is not supported yet", "reloader"),
    "sidecar --prometheus.get_config_timeout=0s": ("flag --prometheus.get_config_timeout", "expected more than 0"),
    "query --query.max-samples=many": ("flag --query.max-samples", "expected a whole number", "'many'"),
    "query --query.timeout=-5m": ("flag --query.timeout", "expected a duration", "'-5m'"),
    "query --deduplication.func=best": ("flag --deduplication.func", "expected one of 'penalty', 'chain'", "'best'"),
    "query --query.mode=distributed": ("flag --query.mode is not supported yet",),
    "standalone": ("flag --bucket is required",),
    "standalone --nope": ("unknown flag --nope",),
    "demo --nope": ("unknown flag --nope",),
    "demo --days=x": ("flag --days", "expected a whole number", "'x'"),
    "warm --nope": ("unknown flag --nope",),
}

SETTING_CASES: Mapping[str, tuple[str, ...]] = {
    "store": ("flag --objstore.config or --objstore.config-file", "found none"),
    "store --objstore.config-file=FOLDER/broken.yml": ("objstore.config", "expected YAML", "line 1"),
    "store --objstore.config-file=FOLDER/tabs.yml": ("objstore.config", "expected YAML", "line 2"),
    "store --objstore.config-file=FOLDER/alias.yml": ("objstore.config", "without aliases", "*kind"),
    "store --objstore.config-file=FOLDER/deep.yml": ("objstore.config", "at most 32 levels deep"),
    "store --objstore.config-file=FOLDER/tag.yml": ("objstore.config", "expected a YAML mapping"),
    "store --objstore.config-file=FOLDER/gcs.yml": ("key type", "S3, FILESYSTEM, MEMORY", "'GCS'"),
    "store --objstore.config-file=FOLDER/inner.yml": ("key config.http_config.tls_config.nope", "an unknown key"),
    "store --objstore.config-file=FOLDER/secret.yml": ("key config.secret_key", "expected a text", "a list"),
    "store --objstore.config-file=FOLDER/half.yml": ("key config.secret_key", "expected a value", "found none"),
    "store --objstore.config-file=FOLDER/twice.yml": ("key type", "expected once", "line 2"),
    "store MEMORY --min-time=-1d --max-time=-2d": ("--min-time and --max-time", "not to be after"),
    "store MEMORY --http-address=no-such-host.invalid:80": ("flag --http-address", "expected a free address"),
    "store MEMORY --grpc-address=no-such-host.invalid:80": ("flag --grpc-address", "expected a free address"),
    "store MEMORY --grpc-server-tls-cert=/no/such.pem": ("flag --grpc-server-tls-cert", "expected a readable file"),
    "sidecar --objstore.config-file=FOLDER/key.yml": ("key config.buckte", "expected one of", "unknown key"),
    "sidecar --prometheus.url=localhost:9090": ("flag --prometheus.url", "expected a URL such as", "'localhost:9090'"),
    "sidecar --prometheus.url=ftp://me:canary-secret@x": ("flag --prometheus.url", "expected a URL", "'ftp://x'"),
    "sidecar --prometheus.url=http://x:port": ("flag --prometheus.url", "expected a URL", "'http://x:port'"),
    "sidecar --shipper.meta-file-name=../x": ("flag --shipper.meta-file-name", "expected the name", "'../x'"),
    "query --endpoint=store": ("flag --endpoint", "expected host:port", "'store'"),
    "query --endpoint=http://store:1": ("flag --endpoint", "expected host:port", "'http://store:1'"),
    "query --endpoint=a:1 --endpoint=a:1": ("--endpoint", "each address once", "a:1"),
    "query --grpc-client-tls-ca=x": ("flag --grpc-client-tls-ca", "--grpc-client-tls-secure"),
    "standalone --bucket=/no/such": ("flag --bucket", "expected a directory or a YAML file", "'/no/such'"),
    "standalone --bucket=FOLDER/list.yml": ("flag --bucket", "FOLDER/list.yml", "expected a YAML mapping"),
    "standalone --bucket=FOLDER --prometheus=http://x:1": ("flag --prometheus", "expected URL=TSDB_PATH", "http://x:1"),
    "standalone --bucket=FOLDER --prometheus=x=FOLDER": ("flag --prometheus", "expected a URL", "'x'"),
}
CASES = {**FLAG_CASES, **SETTING_CASES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path) -> Mapping[str, subprocess.CompletedProcess[str]]:
    """Every case run once, a few at a time."""

    def run(case: str) -> subprocess.CompletedProcess[str]:
        command, *words = case.replace("FOLDER", str(folder)).split(" ")
        flags = [MEMORY if word == "MEMORY" else word for word in words]
        given = {flag.partition("=")[0] for flag in flags}
        addresses = [flag for flag in ADDRESSES if flag.partition("=")[0] not in given and command != "warm"]
        return run_to_end(command, *flags, *addresses)

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(CASES, pool.map(run, CASES), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_line_that_names_it_and_exit_code_2(
    case: str, runs: Mapping[str, subprocess.CompletedProcess[str]], folder: Path
) -> None:
    run = runs[case]
    assert (run.returncode, run.stdout) == (2, ""), run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"promontory {case.split()[0]}: error: ")
    for text in CASES[case]:
        assert text.replace("FOLDER", str(folder)) in line
    assert "canary" not in run.stderr


@pytest.mark.parametrize("words", [("nope",), ("--nope",), ("--log.level=debug", "nope")])
def test_an_unknown_command_is_one_line_with_those_there_are(words: tuple[str, ...]) -> None:
    run = run_to_end(*words)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert "unknown command" in line
    assert all(command.name in line for command in load_commands())


@pytest.mark.parametrize(
    ("flags", "text"), [(SIDECAR_FLAGS, SIDECAR), (STORE_FLAGS, STORE), (QUERY_FLAG_SET, QUERY)],
    ids=("sidecar", "store", "query"),
)  # fmt: skip
def test_every_flag_of_thanos_parses_or_is_refused_by_name(flags: FlagSet, text: str, folder: Path) -> None:
    for word in words_of(text, file=str(folder / "gcs.yml")):
        name = word.partition("=")[0]
        try:
            flags.parse([word])
        except InputError as error:
            refusal = str(error)
        else:
            continue
        known = {name, name.removesuffix("-file")}
        assert any(refusal.startswith(f"flag {one} is not supported yet: ") for one in known), (word, refusal)


def test_flags_of_thanos_are_taken_before_the_command_too() -> None:
    run = run_to_end("--log.level=debug", "--log.format=json", "store", "--nope")
    assert run.returncode == 2
    assert run.stderr == "promontory store: error: unknown flag --nope: see --help\n"
