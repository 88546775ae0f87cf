"""Carrying out a decision: first what cannot wait, then the status, then the rest.

Every answer goes into the projection at once, so the next tick sees what this one wrote. Each action may be carried
out twice with the same result: a tick that fails half-way is simply made again.
"""

from collections.abc import Callable

from headgate.api.fields import Manifest
from headgate.api.names import API_VERSION, KIND
from headgate.api.release import Release
from headgate.api.status import Status
from headgate.cluster.client import ApiError, KubeClient, ref_of
from headgate.cluster.projection import Projection
from headgate.release.decision import Action, Apply, Decision, Delete, Event, Patch, Ref


class StaleError(Exception):
    """The release changed while it was decided upon, so its status was not written. The newer one has been read."""


def _nothing() -> None:
    """Do nothing."""


class Actor:
    """Carries out decisions; `record` takes their events."""

    def __init__(self, client: KubeClient, projection: Projection, record: Callable[[Release, Event], None]) -> None:
        self._client = client
        self._projection = projection
        self._record = record

    async def carry_out(
        self, release: Release, decision: Decision, *, write_status: bool, written: Callable[[], None] = _nothing
    ) -> bool:
        """Do all of it, in order. Returns whether something was not as expected, so that another look is needed.

        `written` is called as soon as the status is, whatever comes of the actions after it.

        Raises ApiError at the first action that fails, StaleError where someone else wrote the release meanwhile.
        """
        version, surprised = release.resource_version, False
        for action in decision.first:
            answer = await self._do(release, action)
            surprised |= answer is None
            version = _version_after(release, answer, version)
        if write_status:
            await self.write_status(release, decision.status, version)
            written()
        for action in decision.actions:
            surprised |= await self._do(release, action) is None
        return surprised

    async def write_status(self, release: Release, status: Status, version: str) -> None:
        """Write the whole status; an instance that leads no more has an old `version` and gets a StaleError."""
        ref = _ref_of(release)
        metadata = {"namespace": release.namespace, "name": release.name, "resourceVersion": version}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status.manifest()}
        try:
            self._projection.put(await self._client.apply(body, subresource="status"))
        except ApiError as error:
            if error.status == 404:
                self._projection.absent(ref)
            elif error.status == 409:
                await self._read_again(ref)
                raise StaleError(f"{KIND} {release.namespace}/{release.name} changed meanwhile") from error
            else:
                raise

    async def _do(self, release: Release, action: Action) -> Manifest | None:
        """The answer to an action; None where the object was not as the action expects it."""
        match action:
            case Event():
                self._record(release, action)
                return {}
            case Apply():
                return await self._apply(action.manifest)
            case Patch():
                return await self._patch(action)
            case Delete():
                return await self._delete(action)

    async def _apply(self, manifest: Manifest) -> Manifest:
        """Force is used on our own objects only: a namesake of the user's is a conflict, not taken over."""
        ref = ref_of(manifest)
        force = self._projection.made(ref)
        try:
            answer = await self._client.apply(manifest, force=force)
        except ApiError as error:
            if error.status == 409 and not force:
                message = (
                    f"{ref.kind} {ref.namespace}/{ref.name} is there already and not Headgate's:"
                    f" rename or delete it ({error.message})"
                )
                raise ApiError(422, "Namesake", message) from error
            raise
        self._projection.put(answer)
        return answer

    async def _patch(self, patch: Patch) -> Manifest | None:
        send = self._client.merge_patch if patch.form == "merge" else self._client.json_patch
        try:
            answer = await send(patch.ref, patch.body, subresource=patch.subresource)
        except ApiError as error:
            if error.status == 404 or error.reason == "PatchFailed":
                await self._read_again(patch.ref)
                return None
            raise
        self._projection.put(answer)
        return answer

    async def _delete(self, action: Delete) -> Manifest:
        try:
            answer = await self._client.delete(action.ref, uid=action.uid)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            await self._read_again(action.ref)
            return {}
        if (answer.get("metadata") or {}).get("deletionTimestamp"):
            self._projection.put(answer)
        else:
            self._projection.absent(action.ref)
        return answer

    async def _read_again(self, ref: Ref) -> None:
        """Take in how an object is now."""
        try:
            self._projection.put(await self._client.get(ref))
        except ApiError as error:
            if error.status != 404:
                raise
            self._projection.absent(ref)


def _ref_of(release: Release) -> Ref:
    return Ref(API_VERSION, KIND, release.namespace, release.name)


def _version_after(release: Release, answer: Manifest | None, version: str) -> str:
    """The release's resourceVersion once an action is done: another one only where it wrote the release itself."""
    metadata = (answer or {}).get("metadata") or {}
    return metadata["resourceVersion"] if metadata.get("uid") == release.uid else version
