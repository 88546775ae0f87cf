"""What Headgate says, written once: status messages, events and logs use these sentences."""

from headgate.api.fields import format_duration
from headgate.api.status import Version


def image(version: Version) -> str:
    """A version by its images, or by its revision when they say nothing."""
    return version.image or version.revision


def released(stable: Version, candidate: Version) -> str:
    if image(stable) == image(candidate):
        return f"template changed: {image(candidate)} in another configuration (revision {candidate.revision})"
    return f"template changed: {image(stable)} -> {image(candidate)} (revision {candidate.revision})"


def weighted(weight: int, version: Version, place: str, ready: int, needed: int) -> str:
    return f"{weight} % to {image(version)} ({place}), {ready} of {needed} endpoints ready"


def lowered(weight: int, version: Version) -> str:
    return f"{weight} % to {image(version)} (spec changed)"


def waiting_for_pods(version: Version, ready: int, needed: int, weight: int) -> str:
    return f"{ready} of {needed} endpoints of {image(version)} are ready; {needed} are needed for {weight} %"


def not_ready(version: Version, ready: int, needed: int, within: float) -> str:
    return (
        f"only {ready} of {needed} endpoints of {image(version)} became ready within {format_duration(within)}:"
        f" look at its pods with `kubectl describe pod`, or raise spec.capacity.readyWithin"
    )


def lost_endpoints(version: Version) -> str:
    return f"{image(version)} has no ready endpoint any more: its traffic goes to stable until it has"


def lost_again(version: Version, times: int, within: float) -> str:
    return (
        f"{image(version)} lost all its ready endpoints {times} times within {format_duration(within)}:"
        f" look at its pods with `kubectl describe pod`"
    )


def no_endpoints(version: Version) -> str:
    return f"{image(version)} has no ready endpoint any more"


def settling(weight: int) -> str:
    return f"{weight} % is written; waiting for every proxy to follow"


def held_by(step_name: str, left: float, evidence: str) -> str:
    return f"{step_name}: at least {format_duration(max(1.0, round(left)))} more; {evidence}"


def watching(step_name: str, left: float, evidence: str) -> str:
    return f"{step_name}: at most {format_duration(max(1.0, round(left)))} more; {evidence}"


def unproven(evidence: str) -> str:
    return f"the step's time is over and nothing is proven: {evidence}"


def inconclusive(evidence: str) -> str:
    return f"{unproven(evidence)}. Approve to go on, or abort"


def blind(problem: str) -> str:
    return f"{problem}; weights stay as they are until there are fresh samples"


def blind_too_long(problem: str) -> str:
    return f"the step's time is over without a verdict: {problem}. Weights stay as they are; promote or abort to end it"


def waits_for_approval(name: str, namespace: str) -> str:
    return f"waiting for approval: kubectl annotate crel -n {namespace} {name} headgate.dev/action=approve"


def paused_by(who: str) -> str:
    return f"paused by {who}: set headgate.dev/action=resume to go on"


def suspended() -> str:
    return "spec.suspend is true: set it to false to go on"


def filling(version: Version) -> str:
    return f"all steps are done; giving {image(version)} all traffic"


def switching(service: str, version: Version) -> str:
    return f"moving service {service} to the pods of {image(version)}"


def baking(left: float, version: Version) -> str:
    return f"{image(version)} has all traffic; the old pods stay for {format_duration(max(1.0, round(left)))} more"


def adopting(target: str, version: Version) -> str:
    return f"deployment {target} takes over the pods of {image(version)}"


def promoted(version: Version, requests: int) -> str:
    judged = f" after {requests:,} requests" if requests else ""
    return f"{image(version)} serves all traffic{judged}; its judged pods are now the Deployment's"


def steady(version: Version) -> str:
    return f"{image(version)} serves all traffic"


def rolled_back(stable: Version, why: str) -> str:
    return f"100 % to {image(stable)}: {why}. The Deployment stays paused until its template changes"


def returning(stable: Version, why: str) -> str:
    return f"100 % to {image(stable)}: {why}"


def reverted(stable: Version) -> str:
    return f"the template went back to {image(stable)}, which serves all traffic"


def superseded(version: Version) -> str:
    return f"a newer template replaces {image(version)}: the release starts again from step 1"


def kept(stable: Version, why: str) -> str:
    return f"100 % to {image(stable)}: {why}. The candidate's pods stay for a look; set action abort or retry"


def stable_is_down(stable: Version) -> str:
    return f"{image(stable)} has no ready endpoint, so traffic cannot go back to it; waiting until it has"


def drifted(what: str) -> str:
    return f"someone changed the traffic ({what}); it was put back, samples of this interval are dropped"


def deleted_while_held(target: str) -> str:
    return (
        f"deployment {target} stays paused, since its template was not released:"
        f" `kubectl rollout resume deployment/{target}` rolls it out, `kubectl rollout undo` needs a resume first"
    )


def bypassed(target: str) -> str:
    return f"deployment {target} rolled out a new template by itself: nothing held it back, so it was not judged"


def replaced(target: str, version: Version) -> str:
    return (
        f"deployment {target} made its own pods of {image(version)} instead of taking the judged ones:"
        f" it had another ReplicaSet with an equal template"
    )


def no_stable(target: str) -> str:
    return f"deployment {target} has 0 replicas, so no stable version serves: scale it up to go on"


def rolling_out(target: str, available: int, replicas: int) -> str:
    return f"deployment {target} is rolling out by itself; {available} of {replicas} pods are available"


def target_gone(target: str) -> str:
    return f"deployment {target} was deleted"


def target_replaced(target: str) -> str:
    return f"deployment {target} was deleted and made anew: the release of its old self ends"


def traffic_changed() -> str:
    return "spec.traffic names another way in: the release starts again from step 1"


def illegible(problem: str) -> str:
    return f"the release is left as it is, for its status cannot be read: {problem}"
