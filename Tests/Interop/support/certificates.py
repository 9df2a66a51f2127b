"""Certificates, made with the openssl command."""

import dataclasses
import ipaddress
import pathlib
import subprocess


@dataclasses.dataclass(frozen=True)
class Pair:
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """Vouches for certificates; `file` is its own."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "authority.pem"
        self._key = folder / "authority.key"
        self._numbers = iter(range(1_000_000))
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=Tests", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key, "-out", self.file)

    def issue(self, common_name, names=(), days=30, rsa=False, client=False):
        """A certificate and its key. With `days` 0 it has ended when it is made."""
        folder = self.folder / f"{common_name.replace('*', 'any')}-{next(self._numbers)}"
        folder.mkdir()
        pair = Pair(folder / "certificate.pem", folder / "key.pem")
        request, extensions = folder / "request.pem", folder / "extensions"
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        _openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={common_name}", "-keyout", pair.key,
                 "-out", request)
        usage = "clientAuth" if client else "serverAuth"
        lines = [f"extendedKeyUsage={usage}"]
        if names:
            lines.append("subjectAltName=" + ",".join(_alternative(name) for name in names))
        extensions.write_text("\n".join(lines) + "\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days",
                 str(days), "-extfile", extensions, "-out", pair.certificate)
        return pair


def _alternative(name):
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _openssl(*arguments):
    result = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
