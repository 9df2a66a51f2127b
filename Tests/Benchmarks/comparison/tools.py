"""What a comparison needs before it can start: packages, the measuring programs, and a release build of Sluice."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parent.parent
BUILT = REPOSITORY / ".build-benchmarks"
CERTIFICATE = BUILT / "certificate.pem"
KEY = BUILT / "key.pem"

# What N = 10,000 needs in one process, with room; the measuring tools' own README says this number, too.
OPEN_FILES = 20_000


def say(text):
    print(text, file=sys.stderr, flush=True)


def stop(text):
    sys.exit(f"compare: {text}")


def install(packages):
    """Installs the Debian packages among these that are missing; ends with words where that is not possible."""
    if packages and subprocess.run([HERE / "install", *packages]).returncode:
        stop(f"these Debian packages are needed: {' '.join(packages)}. "
             "Install them by hand, or leave servers out with --only")


def allow_open_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < OPEN_FILES:
        stop(f"this shell may open {most} files and {OPEN_FILES} are needed: run `ulimit -Hn {OPEN_FILES}` as root, "
             "or set nofile in /etc/security/limits.conf")
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, most))


def compile_programs():
    """fanclient and limit, into the build folder, if their sources are newer than they are."""
    BUILT.mkdir(exist_ok=True)
    load = HERE / "load"
    sources = {
        "fanclient": ["fanclient.c", "wire.c", "http2.c", "readers.c", "publishers.c", "answer.c", "chunks.c", "mqtt.c",
                      "measures.c", "-lssl", "-lcrypto", "-lnghttp2"],
        "limit": ["limit.c", "-lssl", "-lcrypto"],
    }
    newest = max(file.stat().st_mtime for file in load.iterdir())
    for program, words in sources.items():
        binary = BUILT / program
        if binary.exists() and binary.stat().st_mtime > newest:
            continue
        if subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, *words], cwd=load).returncode:
            stop(f"{program} does not compile")


def make_certificate():
    """One for 127.0.0.1, made anew for each comparison, with the kind of key most servers have (ECDSA P-256)."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
               "-out", CERTIFICATE, "-keyout", KEY]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        stop(f"openssl makes no certificate: {done.stderr.strip()}")


def sluice_binary():
    """The binary that SLUICE_BINARY names, or a release build of this checkout; a copy, so that a later build cannot
    change it in mid-run."""
    built = os.environ.get("SLUICE_BINARY") or build_sluice()
    if not os.access(built, os.X_OK):
        stop(f"there is no program {built}; SLUICE_BINARY names another")
    copy = BUILT / "sluice"
    if not (copy.exists() and copy.samefile(built)):
        shutil.copy2(built, copy)
    return copy


def build_sluice():
    if not shutil.which("swift"):
        stop("swift is not on the PATH; install Swift 6.2 or later from swift.org first, or name a binary in "
             "SLUICE_BINARY")
    install(["git", "pkg-config", "zlib1g-dev", "libssl-dev", "libnghttp2-dev", "libsqlite3-dev", "libyaml-dev"])
    build = ["swift", "build", "-c", "release", "--product", "sluice", "--package-path", REPOSITORY]
    say("Building Sluice in release …")
    if subprocess.run(build, stdout=sys.stderr).returncode:
        stop("Sluice does not build")
    found = subprocess.run([*build, "--show-bin-path"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()) / "sluice"
