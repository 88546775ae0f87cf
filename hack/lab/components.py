"""All processes of a lab, in the order in which they are listed to people."""

from lab import control_plane, monitoring, node, proxy
from lab.component import Component
from lab.layout import CONFIG
from lab.settings import Settings


def components_of(settings: Settings) -> list[Component]:
    """The components; without a node and what needs one where only the API is wanted."""
    if settings.only_api:
        return control_plane.components(settings)
    return [
        *control_plane.components(settings),
        control_plane.scheduler(settings),
        *node.components(settings),
        *_objects(settings),
        monitoring.component(settings),
        proxy.component(settings),
    ]


def _objects(settings: Settings) -> list[Component]:
    """The commands that create the lab's own objects, which Traefik and Prometheus need to start well."""
    kubectl = (
        settings.program("kubectl"),
        f"--kubeconfig={settings.kubeconfig('admin')}",
        f"--cache-dir={settings.folder}/kubectl-cache",
    )
    gateway_api = f"--filename={settings.folder}/gateway-api"
    return [
        Component("gateway-api", (*kubectl, "apply", "--server-side", gateway_api), "exit", ("kube-apiserver",)),
        Component(
            "gateway-api-served",
            (*kubectl, "wait", "--for=condition=Established", gateway_api),
            "exit",
            ("gateway-api",),
        ),
        Component(
            "objects",
            (*kubectl, "apply", "--server-side", f"--filename={CONFIG}/objects.yaml"),
            "exit",
            ("gateway-api-served",),
        ),
    ]
