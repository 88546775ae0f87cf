"""etcd, the API server and the controllers."""

import dataclasses

from lab import network
from lab.component import Component
from lab.layout import CONFIG
from lab.settings import Settings


def components(settings: Settings) -> list[Component]:
    return [_etcd(settings), _api_server(settings), _controller_manager(settings)]


def _etcd(settings: Settings) -> Component:
    flags = {
        "data-dir": str(settings.folder / "etcd"),
        "listen-client-urls": "http://127.0.0.1:2379",
        "advertise-client-urls": "http://127.0.0.1:2379",
        "listen-peer-urls": "http://127.0.0.1:2380",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        # The lab's data does not outlive the lab.
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    return _component(settings, "etcd", flags, ready="http://127.0.0.1:2381/readyz")


def _api_server(settings: Settings) -> Component:
    pki = settings.folder / "pki"
    flags = {
        "etcd-servers": "http://127.0.0.1:2379",
        "bind-address": settings.address,
        "advertise-address": settings.address,
        "secure-port": "6443",
        "tls-cert-file": f"{pki}/apiserver.crt",
        "tls-private-key-file": f"{pki}/apiserver.key",
        "token-auth-file": f"{pki}/tokens.csv",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": f"{pki}/service-accounts.key",
        "service-account-signing-key-file": f"{pki}/service-accounts.key",
        "service-cluster-ip-range": network.SERVICE_RANGE,
        "kubelet-client-certificate": f"{pki}/kubelet-client.crt",
        "kubelet-client-key": f"{pki}/kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP",
        "allow-privileged": "true",
        "audit-policy-file": str(CONFIG / "audit-policy.yaml"),
        "audit-log-path": str(settings.folder / "audit.log"),
        "audit-log-maxsize": "100",
        # Twice the default: tests watch and write from many places at once.
        "max-requests-inflight": "800",
        "max-mutating-requests-inflight": "400",
    }
    ready = f"{settings.api_url}/readyz"
    component = _component(settings, "kube-apiserver", flags, ready, "etcd")
    return dataclasses.replace(component, command=component.command + settings.api_server_flags)


def _controller_manager(settings: Settings) -> Component:
    pki = settings.folder / "pki"
    few = ("deployment", "endpoint", "service-endpoint", "namespace", "replicaset", "gc", "job", "resource-quota")
    flags = {
        "kubeconfig": settings.kubeconfig("kube-controller-manager"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": f"{pki}/service-accounts.key",
        "root-ca-file": f"{pki}/ca.crt",
        # At its default of 20 requests a second it spends its first five seconds on the controllers' own accounts.
        "kube-api-qps": "200",
        "kube-api-burst": "300",
        # By default a folder of the host, which it would create.
        "flex-volume-plugin-dir": str(settings.folder / "flex-volumes"),
    } | {f"concurrent-{what}-syncs": "2" for what in few}
    ready = "https://127.0.0.1:10257/healthz"
    return _component(settings, "kube-controller-manager", flags, ready, "kube-apiserver")


def scheduler(settings: Settings) -> Component:
    flags = {"kubeconfig": settings.kubeconfig("kube-scheduler"), "bind-address": "127.0.0.1", "leader-elect": "false"}
    return _component(settings, "kube-scheduler", flags, "https://127.0.0.1:10259/healthz", "kube-apiserver")


def _component(settings: Settings, name: str, flags: dict[str, str], ready: str, *after: str) -> Component:
    command = (settings.program("control-plane"), name, *(f"--{key}={value}" for key, value in flags.items()))
    return Component(name, command, ready, after)
