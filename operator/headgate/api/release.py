"""A CanaryRelease as the API server gives it, read into values."""

from pydantic import ValidationError

from headgate.api.fields import Manifest, Model
from headgate.api.names import ACTION_ANNOTATION, ACTOR_ANNOTATION, FINALIZER
from headgate.api.spec import EntryRef, Spec
from headgate.api.status import Status


class Request(Model):
    """An action that someone asks for by annotation."""

    name: str
    by: str = ""


class Release(Model):
    """One CanaryRelease: who it is, what it wants, what is known of it."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: Spec | None
    problem: str = ""
    """Why spec or status cannot be read."""
    status: Status = Status()
    legible: bool = True
    """Whether its status could be read. All memory is in it: a release without is left as it is."""
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    resource_version: str = ""
    request: Request | None = None

    @property
    def finalized(self) -> bool:
        """Whether our finalizer is on it."""
        return FINALIZER in self.finalizers

    @property
    def service(self) -> str:
        """The Service its clients use."""
        assert self.spec is not None  # noqa: S101 (read only after `spec` was checked)
        return self.spec.traffic.service or self.spec.target_ref.name

    @property
    def entrances(self) -> tuple[str, EntryRef | None]:
        """Service and entry of the release that moves, whatever the spec names by now; else those of the spec."""
        assert self.spec is not None  # noqa: S101 (as `service`)
        moving = self.status.progress
        return (moving.service, moving.entry) if moving else (self.service, self.spec.traffic.entry)


def read_release(manifest: Manifest) -> Release:
    """The release in a manifest. A spec or a status that cannot be read gives a `problem`."""
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations") or {}
    spec, spec_problem = _read_spec(manifest.get("spec") or {})
    status, status_problem = _read_status(manifest.get("status") or {})
    action = annotations.get(ACTION_ANNOTATION)
    return Release(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        spec=spec,
        problem=spec_problem or status_problem,
        status=status,
        legible=not status_problem,
        deleting="deletionTimestamp" in metadata,
        finalizers=tuple(metadata.get("finalizers") or ()),
        resource_version=metadata.get("resourceVersion", ""),
        request=Request(name=action, by=annotations.get(ACTOR_ANNOTATION, "")) if action else None,
    )


def _read_spec(spec: Manifest) -> tuple[Spec | None, str]:
    try:
        return Spec.model_validate(spec), ""
    except ValidationError as error:
        return None, _first_problem("spec", error)


def _read_status(status: Manifest) -> tuple[Status, str]:
    try:
        return Status.model_validate(status), ""
    except ValidationError as error:
        return Status(), f"{_first_problem('status', error)}; was it written by another version of Headgate?"


def _first_problem(root: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join([root, *(str(part) for part in first["loc"])])
    return f"{path}: {first['msg'].removeprefix('Value error, ')}"
