"""A Service's selector and its pin."""

from headgate.api.fields import Manifest
from headgate.api.ownership import disown_patch, managed_at
from headgate.routing.service import pin_patch, read_service


def service(**selector: str) -> Manifest:
    return {
        "metadata": {"name": "shop", "namespace": "prod", "resourceVersion": "7"},
        "spec": {"selector": selector, "ports": [{"port": 80}]},
    }


def test_a_pin_is_told_from_the_users_own_selector() -> None:
    read = read_service(service(**{"app": "shop", "pod-template-hash": "aaa"}))
    assert (dict(read.selector), read.pin) == ({"app": "shop"}, "aaa")


def test_a_pin_writes_one_key_only() -> None:
    assert pin_patch("aaa") == {"spec": {"selector": {"pod-template-hash": "aaa"}}}
    assert pin_patch(None) == {"spec": {"selector": {"pod-template-hash": None}}}


def test_an_external_service_leads_to_no_pods() -> None:
    manifest = service()
    manifest["spec"] = {"type": "ExternalName", "externalName": "example.test"}
    read = read_service(manifest)
    assert (read.external, read.selector, read.ports) == (True, (), ())


def test_our_entry_in_managed_fields_is_found_and_removed_by_name() -> None:
    metadata = {"managedFields": [{"manager": "kubectl"}, {"manager": "headgate"}]}
    position = managed_at(metadata)
    assert position == 1
    assert disown_patch(position) == [
        {"op": "test", "path": "/metadata/managedFields/1/manager", "value": "headgate"},
        {"op": "remove", "path": "/metadata/managedFields/1"},
    ]
    assert managed_at({}) is None
