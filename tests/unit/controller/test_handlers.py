"""How kopf is set: it watches, and does nothing else."""

import kopf

from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import INGRESSES
from headgate.cluster.watching import WATCHED
from headgate.controller import handlers


def test_an_outage_of_some_minutes_does_not_end_the_watches() -> None:
    """The delays are given anew for each request."""
    backoffs = handlers.Backoffs()
    for delays in (list(backoffs), list(backoffs)):
        assert 400 < sum(delays) < 800
        assert delays[0] < 2
        assert max(delays) < 20


def test_only_what_is_made_for_releases_is_selected_by_label() -> None:
    selectors = handlers.settings().watching.label_selectors
    found = {
        resource.plural: selectors.collect(kopf.Resource(resource.group, resource.version, resource.plural))
        for resource in (*WATCHED, INGRESSES)
    }
    label = ["headgate.dev/release"]
    assert found == {
        "canaryreleases": [],
        "deployments": [],
        "services": [],
        "replicasets": label,
        "endpointslices": label,
        "ingresses": [],
    }


def test_kopf_posts_nothing_scans_nothing_and_elects_nobody() -> None:
    settings = handlers.settings()
    assert (settings.posting.enabled, settings.scanning.disabled, settings.peering.standalone) == (False, True, True)


def test_each_kind_has_one_handler_of_events_and_no_other() -> None:
    """Any other handler of kopf's writes annotations or finalizers on the objects it handles."""

    async def log_in() -> object:
        raise NotImplementedError

    registry = handlers.registry((*WATCHED, INGRESSES), Projection(_wake_nobody), log_in, "https://api")  # type: ignore[arg-type]
    counts = {name: len(list(part.get_all_handlers())) for name, part in vars(registry).items()}
    assert {name: count for name, count in counts.items() if count} == {"_activities": 1, "_watching": 6}


def _wake_nobody(_: Key) -> None:
    pass
