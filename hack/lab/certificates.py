"""The lab's keys: an authority, the API server's two certificates, and the key that signs service account tokens."""

from pathlib import Path

from lab.network import API_SERVICE
from lab.progress import run

_EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


def make_certificates(folder: Path, address: str) -> None:
    """Write ca, apiserver, kubelet-client (.crt and .key) and service-accounts.key, valid for a year."""
    folder.mkdir(mode=0o700)
    # Python 3.13 refuses an authority whose certificate does not say what its key is for.
    _certificate(folder, "ca", "/CN=lab-ca", ["-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    names = (
        f"DNS:kubernetes.default.svc,DNS:kubernetes.default,DNS:localhost,IP:{API_SERVICE},IP:{address},IP:127.0.0.1"
    )
    _signed(folder, "apiserver", "/CN=kube-apiserver", f"subjectAltName={names}", "extendedKeyUsage=serverAuth")
    # The kubelet asks the API server whether this user may read logs and exec; a master may.
    _signed(folder, "kubelet-client", "/O=system:masters/CN=kube-apiserver", "extendedKeyUsage=clientAuth")
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "service-accounts.key"])


def _signed(folder: Path, name: str, subject: str, *extensions: str) -> None:
    options: list[str | Path] = ["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key"]
    for extension in ("basicConstraints=critical,CA:FALSE", *extensions):
        options += ["-addext", extension]
    _certificate(folder, name, subject, options)


def _certificate(folder: Path, name: str, subject: str, options: list[str | Path]) -> None:
    files: list[str | Path] = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"]
    run(["openssl", "req", "-x509", "-days", "365", "-subj", subject, *_EC_KEY, *files, *options])
