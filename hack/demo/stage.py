"""Sets the stage: a cluster with Prometheus and an ingress controller, Headgate by its chart, the shop at rest."""

import json
import time
from dataclasses import replace
from pathlib import Path

from demo import shop
from lab import binaries, drivers, images
from lab.cache import built, content_key
from lab.handle import Lab
from lab.layout import CHECKOUT
from lab.oci_archive import write_static_image
from lab.progress import LabError, run, say

SYSTEM = "headgate-system"
_PATIENCE = 60.0


def set_stage(name: str) -> Lab:
    """Bring up all that the releases need; what is there already is used. The shop is as if it were new."""
    lab = drivers.up(None, name, only_api=False, flags=())
    equip(lab)
    _remove_shop(lab)
    _start_shop(lab)
    return lab


def equip(lab: Lab) -> None:
    """Bring the images of operator and shop into the cluster, and install Headgate."""
    _load_shop(lab)
    operator = images.image("operator")
    say("loading the operator's image")
    drivers.of(lab).load_image(lab, operator.archive)
    _install(lab, operator.reference)
    _until_taken(lab)


def release(lab: Lab, version: shop.ShopVersion) -> None:
    """Change the Deployment's template to this version, as a deploy by `kubectl apply` does it."""
    _kubectl(lab, "apply", "--filename=-", stdin=json.dumps(shop.SHOP.deployment(version)))


def _kubectl(lab: Lab, *arguments: str, stdin: str | None = None) -> str:
    return run([lab.program("kubectl"), *arguments], stdin=stdin, env=lab.environment())


def _load_shop(lab: Lab) -> None:
    """One program under the tag of each version, since what a version does wrong is in its environment."""
    say("loading the shop's images")
    references = tuple(version.image for version in shop.VERSIONS)
    program = binaries.build([binaries.SAMPLE])["sample"]
    key = content_key(program, *references)
    folder = built("images", "shop", key, lambda made: write_static_image(made / "shop.tar", program, references))
    drivers.of(lab).load_image(lab, folder / "shop.tar")


def _install(lab: Lab, image: str) -> None:
    """Install or upgrade Headgate by its Helm chart, and wait until its pods are ready."""
    say("installing Headgate by its Helm chart")
    repository, _, tag = image.rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "image.pullPolicy": "Never",
        "prometheus.default.url": lab.prometheus_url_in_cluster,
    }
    helm: list[str | Path] = [lab.program("helm"), f"--namespace={SYSTEM}"]
    _uninstall_half_done(lab, helm)
    settings = [f"--set-string={key}={value}" for key, value in values.items()]
    scraped = "--set=metrics.annotations=true"
    chart = CHECKOUT / "charts" / "headgate"
    install = [*helm, "upgrade", "--install", "headgate", chart, "--create-namespace", "--wait", "--timeout=2m"]
    try:
        run([*install, *settings, scraped], env=lab.environment())
    except LabError as error:
        raise LabError(f"{error}\nThe pods of Headgate say:\n{_last_words(lab)}") from error


def _until_taken(lab: Lab) -> None:
    """Return when the API server takes releases: for some seconds its policies do not know a kind that is new."""
    release = json.dumps(replace(shop.SHOP, namespace="default").release())
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            _kubectl(lab, "create", "--dry-run=server", "--filename=-", stdin=release)
        except LabError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _last_words(lab: Lab) -> str:
    """The last lines of each operator pod's log."""
    pods = [f"--namespace={SYSTEM}", "--selector=app.kubernetes.io/name=headgate"]
    return _kubectl(lab, "logs", *pods, "--prefix", "--tail=3", "--ignore-errors").strip() or "nothing yet"


def _uninstall_half_done(lab: Lab, helm: list[str | Path]) -> None:
    """Remove an installation that was interrupted: Helm would wait for its end in vain."""
    found = json.loads(run([*helm, "list", "--output=json"], env=lab.environment()))
    if any(release["status"] != "deployed" for release in found):
        say("removing an installation that was interrupted")
        run([*helm, "uninstall", "headgate", "--wait"], env=lab.environment())


def _remove_shop(lab: Lab) -> None:
    """Remove the shop of an earlier run: its release first, so that Headgate gives back what it holds.

    The namespace stays, since its own end takes half a minute.
    """
    if not _kubectl(lab, "get", "namespace", shop.NAMESPACE, "--ignore-not-found"):
        return
    say("removing the shop of the run before")
    where = f"--namespace={shop.NAMESPACE}"
    _kubectl(lab, "delete", "canaryreleases", "--all", where, "--timeout=60s")
    _kubectl(lab, "delete", "deployments,services,ingresses", "--all", where, "--cascade=foreground", "--timeout=60s")


def _start_shop(lab: Lab) -> None:
    """Start the shop and return when Headgate watches over it."""
    say(f"starting the shop: {shop.REPLICAS} pods of {shop.FIRST.name}")
    where = f"--namespace={shop.NAMESPACE}"
    manifests = [shop.namespace(shop.NAMESPACE), *shop.SHOP.manifests(shop.FIRST)]
    _kubectl(lab, "apply", "--filename=-", stdin=shop.listed(manifests))
    _kubectl(lab, "wait", "canaryrelease", shop.NAME, where, "--for=jsonpath={.status.phase}=Idle", "--timeout=60s")
    until_held(lab, shop.SHOP, shop.GOOD)


def until_held(lab: Lab, held: shop.Shop, version: shop.ShopVersion) -> None:
    """Return when the version would be held back: the API server takes a moment to act on new policies."""
    where, changed = f"--namespace={held.namespace}", json.dumps(held.deployment(version))
    probe = ["patch", "deployment", held.name, where, "--dry-run=server", f"--patch={changed}"]
    deadline = time.monotonic() + _PATIENCE
    while _kubectl(lab, *probe, "--output=jsonpath={.spec.paused}") != "true":
        if time.monotonic() > deadline:
            raise LabError(
                f"after {_PATIENCE:.0f} s a new template would still roll out by itself: are the admission policies"
                f" there? `kubectl get mutatingadmissionpolicies`"
            )
