"""The names by which Headgate is known in a cluster: its kind, its annotations and labels, its field manager."""

GROUP = "headgate.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "CanaryRelease"
PLURAL = "canaryreleases"
SINGULAR = "canaryrelease"
SHORT_NAME = "crel"

FIELD_MANAGER = "headgate"
FINALIZER = f"{GROUP}/return-traffic"
RELEASE_LABEL = f"{GROUP}/release"

ACTION_ANNOTATION = f"{GROUP}/action"
ACTOR_ANNOTATION = f"{GROUP}/action-by"

POD_TEMPLATE_HASH = "pod-template-hash"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
