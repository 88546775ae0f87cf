"""The driver that runs the cluster's components as processes of this machine, in namespaces of their own."""

import os
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path

from lab import (
    binaries,
    certificates,
    control,
    gateway_api,
    images,
    isolation,
    monitoring,
    network,
    node,
    packages,
    sandbox,
    users,
)
from lab.cache import lock
from lab.handle import Lab
from lab.layout import identity, state_folder
from lab.progress import LabError, run, say, tail_of
from lab.settings import NODE_NAME, Settings

_PATIENCE = 120.0


def up(name: str, *, only_api: bool, api_server_flags: tuple[str, ...] = ()) -> Lab:
    """Start the lab, or return it as it is when it runs."""
    folder = state_folder(name)
    with _alone(folder):
        if sandbox.find_init(folder):
            return _running(folder, only_api=only_api)
        _require_root()
        packages.ensure(packages.CLUSTER, *([] if only_api else [packages.NODE]))
        programs = binaries.build(_groups(only_api=only_api))
        _remove(folder)  # what a lab that ended badly, or with the machine, left
        settings = _prepare(folder, programs, only_api=only_api, api_server_flags=api_server_flags)
        _wait(settings)
        lab = _handle(settings, name)
        lab.save()
        return lab


def down(name: str) -> None:
    """End the lab and remove its processes, link, cgroups and folder."""
    folder = state_folder(name)
    with _alone(folder):
        _remove(folder)


def _alone(folder: Path) -> AbstractContextManager[None]:
    """Of two commands that start or end one lab, the second waits."""
    return lock(f"lab-{folder.name}-{identity(folder)}")


def _remove(folder: Path) -> None:
    sandbox.end(folder)
    network.disconnect(folder)
    isolation.remove_mount_points()
    if folder.exists():
        shutil.rmtree(folder)


def status(lab: Lab) -> dict[str, str]:
    return control.ask(lab.folder, "status")


def load_image(lab: Lab, archive: Path) -> None:
    """Import an image archive for the kubelet to find."""
    run(in_namespaces(lab.folder, [*node.import_command(), str(archive)]))


def stop(lab: Lab, component: str) -> None:
    control.ask(lab.folder, "stop", component)


def start(lab: Lab, component: str) -> None:
    """Start a component and return when it is ready."""
    control.ask(lab.folder, "start", component)
    _until_ready(Settings.load(lab.folder), [component])


def set_scrape_interval(lab: Lab, interval: str) -> None:
    monitoring.set_scrape_interval(Settings.load(lab.folder), interval)


def in_namespaces(folder: Path, command: list[str]) -> list[str]:
    """The command that runs command in the lab's namespaces; LabError when it is not up."""
    init = sandbox.find_init(folder)
    if init is None:
        raise LabError(f"the lab in {folder} is not up")
    return sandbox.inside(init, command)


def _running(folder: Path, *, only_api: bool) -> Lab:
    settings = Settings.load(folder)
    if settings.only_api and not only_api:
        raise LabError(f"{folder.name} runs with nothing but the API: `down` first, or give another --name")
    _wait(settings)
    return Lab.load(folder.name)


def _require_root() -> None:
    if os.geteuid() != 0 or not Path("/proc/self/ns/pid").exists():
        raise LabError(
            "without Docker the cluster runs as processes of this machine, which needs Linux and root: "
            "use sudo, install Docker and kind, or give a cluster by KUBECONFIG and --driver existing"
        )


def _groups(*, only_api: bool) -> list[binaries.Group]:
    api = [binaries.CONTROL_PLANE, binaries.TOOLS]
    return api if only_api else [*api, binaries.NODE, binaries.TRAEFIK, binaries.PROMETHEUS, binaries.LOAD]


def _prepare(folder: Path, programs: dict[str, Path], *, only_api: bool, api_server_flags: tuple[str, ...]) -> Settings:
    """Make the lab's folder, namespaces and configuration, and let its supervisor go."""
    for part in ("log", "config", "kubelet"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    binaries.link(folder / "bin", programs)
    if not only_api:
        shutil.copytree(gateway_api.definitions(), folder / "gateway-api")
        sandbox.make_cgroups(folder)
    namespaces = sandbox.start(folder)
    isolation.make_mount_points()
    settings = Settings(
        folder=folder,
        link=network.connect(folder, namespaces.init),
        only_api=only_api,
        api_server_flags=api_server_flags,
        pause_image="" if only_api else _pause_image(folder),
        cni_plugins=str(packages.cni_plugins()),
    )
    _write_configuration(settings)
    namespaces.release()
    say(f"started; waiting for the {'API server' if only_api else 'node'}")
    return settings


def _pause_image(folder: Path) -> str:
    """Put the archive of the pause image where the lab's containerd will import it; return the reference."""
    pause = images.image("pause")
    shutil.copy2(pause.archive, folder / "pause.tar")
    return pause.reference


def _write_configuration(settings: Settings) -> None:
    settings.save()
    pki = settings.folder / "pki"
    certificates.make_certificates(pki, settings.address)
    users.write_kubeconfigs(settings.folder / "kubeconfig", pki / "tokens.csv", settings.api_url, pki / "ca.crt")
    if not settings.only_api:
        node.write_config(settings)
        monitoring.write_config(settings)


def _wait(settings: Settings) -> None:
    """Return when every component is ready and pods can be created (and run, where there is a node)."""
    log = settings.folder / "log"
    while not control.listens(settings.folder):
        if sandbox.find_init(settings.folder) is None:
            raise LabError(f"no supervisor: {(log / 'supervisor.log').read_text()}")
        time.sleep(0.02)
    _until_ready(settings, list(control.ask(settings.folder, "status")))
    # The controllers make the account after the namespace, which the API server makes a moment after it is ready.
    objects = ["serviceaccount/default", *([] if settings.only_api else [f"node/{NODE_NAME}"])]
    _kubectl_wait(settings, "create", objects)
    _kubectl_wait(settings, "condition=Ready", objects[1:])


def _kubectl_wait(settings: Settings, condition: str, objects: list[str]) -> None:
    """Return when all objects meet the condition; LabError that names the logs to read."""
    if not objects:
        return
    kubectl = [settings.program("kubectl"), f"--kubeconfig={settings.kubeconfig('admin')}"]
    cache = f"--cache-dir={settings.folder}/kubectl-cache"
    try:
        run([*kubectl, cache, "wait", f"--for={condition}", f"--timeout={_PATIENCE:.0f}s", *objects])
    except LabError as error:
        raise LabError(f"{error}\nsee kube-controller-manager.log and kubelet.log in {settings.folder}/log") from error


def _until_ready(settings: Settings, components: list[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        states = control.ask(settings.folder, "status")
        waiting = [name for name in components if states[name] not in {"ready", "done"}]
        if not waiting:
            return
        dead = [name for name in waiting if states[name].startswith("exited")]
        if dead or time.monotonic() > deadline:
            name = (dead or waiting)[0]
            log = settings.folder / "log" / f"{name}.log"
            raise LabError(f"{name} is {states[name]}; the end of {log}:\n{tail_of(log)}")
        time.sleep(0.05)


def _handle(settings: Settings, name: str) -> Lab:
    full = not settings.only_api
    return Lab(
        name=name,
        driver="processes",
        folder=settings.folder,
        kubeconfig=Path(settings.kubeconfig("admin")),
        proxy_url=settings.proxy_url if full else None,
        proxy_api_url=f"{settings.proxy_url}:8080" if full else None,
        prometheus_url=settings.prometheus_url if full else None,
        prometheus_url_in_cluster=settings.prometheus_url if full else None,
        audit_log=settings.folder / "audit.log",
    )
