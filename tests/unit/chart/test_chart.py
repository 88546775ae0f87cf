"""The Helm chart, rendered by Helm: rights, security, configuration and policies follow from the values."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.api.crd import custom_resource_definition
from headgate.api.problems import spec_problems
from headgate.controller.config import load_config
from headgate.metrics.endpoint import Endpoint

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "headgate"
sys.path.insert(0, str(ROOT / "hack"))

from lab import binaries  # noqa: E402 (hack/ is no package of the project)

Manifest = dict[str, Any]

MUTATING = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
VALIDATING = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
NEW, OLD = (MUTATING, VALIDATING), (VALIDATING,)
"""What API servers of 1.36 and of 1.30 to 1.35 have."""


@cache
def helm() -> str:
    """The machine's Helm, or the lab's, built from source once."""
    return shutil.which("helm") or str(binaries.build([binaries.TOOLS])["helm"])


@cache
def template(values: str, has: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """`helm template` with values as JSON, for an API server that has these kinds."""
    command = [helm(), "template", "headgate", str(CHART), "--namespace=headgate-system", "--values=-"]
    versions = [f"--api-versions={version}" for version in has]
    return subprocess.run([*command, *versions], input=values, capture_output=True, text=True, check=False)


def rendered(values: Manifest | None = None, has: tuple[str, ...] = NEW) -> list[Manifest]:
    """The manifests that the values give."""
    done = template(json.dumps(values or {}), has)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.load_all(done.stdout, yaml.CSafeLoader) if manifest]


def notes(values: Manifest) -> str:
    """What Helm says once the chart is installed."""
    command = [helm(), "install", "headgate", str(CHART), "--namespace=headgate-system", "--dry-run=client"]
    done = subprocess.run(
        [*command, "--values=-"], input=json.dumps(values), capture_output=True, text=True, check=True
    )
    return done.stdout.partition("NOTES:\n")[2]


def of_kind(kind: str, manifests: list[Manifest]) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the(kind: str, manifests: list[Manifest]) -> Manifest:
    """The only one of a kind."""
    (manifest,) = of_kind(kind, manifests)
    return manifest


def rights(roles: list[Manifest]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of each right in roles."""
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture(scope="module")
def default() -> list[Manifest]:
    """The chart with no value set, for a new API server."""
    return rendered()


def test_the_pod_runs_with_the_least_that_the_restricted_standard_asks(default: list[Manifest]) -> None:
    pod = the("Deployment", default)["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {volume["name"] for volume in pod["volumes"]} == {"config", "tmp"}


def test_the_pod_is_probed_and_bounded(default: list[Manifest]) -> None:
    (container,) = the("Deployment", default)["spec"]["template"]["spec"]["containers"]

    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["resources"]["limits"]["memory"]


def test_two_pods_stand_on_two_nodes_and_one_survives_a_drain(default: list[Manifest]) -> None:
    spec = the("Deployment", default)["spec"]
    selector = spec["selector"]["matchLabels"]

    assert spec["replicas"] == 2
    assert spec["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == selector
    assert the("PodDisruptionBudget", default)["spec"]["selector"]["matchLabels"] == selector
    assert of_kind("PodDisruptionBudget", rendered({"replicas": 1})) == []


VALUES: dict[str, Manifest] = {
    "defaults": {},
    "namespaced": {"namespaces": ["prod", "stage"]},
    "without ingresses": {"ingress": {"enabled": False}},
    "with a gateway": {"gateway": {"enabled": True, "implementation": "Contour"}},
    "nginx": {"ingress": {"implementation": "IngressNginx"}, "workers": 8, "logging": {"level": "DEBUG"}},
    "with secrets": {
        "prometheus": {
            "default": {"url": "http://prometheus:9090"},
            "team-a": {
                "url": "https://metrics.example.com/prefix",
                "secretName": "team-a",
                "headers": {"X-Scope-OrgID": "a"},
                "bearerTokenFile": "/etc/headgate/prometheus/team-a/token",
                "timeout": "5s",
            },
        }
    },
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_operator_reads_the_configuration_that_the_chart_writes(values: Manifest, tmp_path: Path) -> None:
    """Given any values, the text in the ConfigMap is one that the operator's own loader takes."""
    file = tmp_path / "config.yaml"
    file.write_text(the("ConfigMap", rendered(values))["data"]["config.yaml"])

    config = load_config(file)

    assert list(config.namespaces) == values.get("namespaces", [])
    assert set(config.prometheus) == set(values.get("prometheus", {"default": None}))
    assert (config.ingress is not None) == values.get("ingress", {}).get("enabled", True)
    assert (config.gateway is not None) == ("gateway" in values)
    assert (config.lease.name, config.lease.namespace) == ("headgate", "headgate-system")


def test_the_lease_that_the_operator_may_take_is_the_one_it_is_told(default: list[Manifest]) -> None:
    (role,) = of_kind("Role", default)
    named = [rule for rule in role["rules"] if "resourceNames" in rule]

    assert role["metadata"]["namespace"] == "headgate-system"
    assert [rule["resourceNames"] for rule in named] == [["headgate"]]


def test_credentials_are_mounted_from_secrets_and_stand_in_no_config_map() -> None:
    manifests = rendered(VALUES["with secrets"])
    pod = the("Deployment", manifests)["spec"]["template"]["spec"]

    assert {"name": "prometheus-team-a", "secret": {"secretName": "team-a", "defaultMode": 0o440}} in pod["volumes"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["prometheus-team-a"] == "/etc/headgate/prometheus/team-a"
    assert "secretName" not in the("ConfigMap", manifests)["data"]["config.yaml"]


def test_a_changed_configuration_restarts_the_pods() -> None:
    def checksum(values: Manifest) -> str:
        template = the("Deployment", rendered(values))["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum({}) == checksum({"replicas": 3})
    assert checksum({}) != checksum({"workers": 5})


def operators_rights(manifests: list[Manifest]) -> set[tuple[str, str, str]]:
    """All that the operator's ServiceAccount may do, wherever."""
    bindings = of_kind("ClusterRoleBinding", manifests) + of_kind("RoleBinding", manifests)
    names = {
        (binding["roleRef"]["kind"], binding["roleRef"]["name"])
        for binding in bindings
        if binding["subjects"] == [{"kind": "ServiceAccount", "name": "headgate", "namespace": "headgate-system"}]
    }
    roles = of_kind("ClusterRole", manifests) + of_kind("Role", manifests)
    return rights([role for role in roles if (role["kind"], role["metadata"]["name"]) in names])


def test_the_operator_has_no_right_that_opens_others(default: list[Manifest]) -> None:
    """No wildcard, no Secrets, pods, roles or impersonation, no whole deletion; Deployments are only patched."""
    granted = operators_rights(default)

    assert granted
    assert not [right for right in granted if "*" in right]
    forbidden = {"secrets", "pods", "pods/exec", "serviceaccounts", "roles", "clusterroles", "rolebindings", "users"}
    assert not [right for right in granted if right[1] in forbidden]
    assert not [right for right in granted if right[2] in {"deletecollection", "escalate", "bind", "impersonate"}]
    assert {verb for _, resource, verb in granted if resource == "deployments"} == {"get", "list", "watch", "patch"}
    assert {verb for _, resource, verb in granted if resource == "endpointslices"} == {"list", "watch"}


@pytest.mark.parametrize(
    ("resource", "having", "without"),
    [("ingresses", "defaults", "without ingresses"), ("httproutes", "with a gateway", "defaults")],
)
def test_the_operator_has_a_right_on_ways_in_only_where_releases_use_them(
    resource: str, having: str, without: str
) -> None:
    def rights(values: str) -> set[str]:
        return {verb for _, what, verb in operators_rights(rendered(VALUES[values])) if what == resource}

    assert "create" in rights(having)
    assert rights(without) == set()


def test_namespaced_mode_has_the_same_rights_there_and_none_beyond(default: list[Manifest]) -> None:
    manifests = rendered(VALUES["namespaced"])

    assert of_kind("ClusterRole", manifests) == []
    assert of_kind("ClusterRoleBinding", manifests) == []
    assert {role["metadata"]["namespace"] for role in of_kind("Role", manifests)} == {
        "prod",
        "stage",
        "headgate-system",
    }
    assert operators_rights(manifests) == operators_rights(default)


def test_namespaced_policies_look_at_these_namespaces_only() -> None:
    manifests = rendered(VALUES["namespaced"])
    policies = of_kind("MutatingAdmissionPolicy", manifests) + of_kind("ValidatingAdmissionPolicy", manifests)

    selectors = [policy["spec"]["matchConstraints"]["namespaceSelector"] for policy in policies]
    expected = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["prod", "stage"]}
    assert selectors == [{"matchExpressions": [expected]}] * 4


@pytest.mark.parametrize(
    ("enabled", "has", "policies", "told"),
    [
        ("auto", NEW, {"hold", "pin", "actor", "rights"}, "on"),
        ("auto", OLD, {"rights"}, "off"),
        ("auto", (), set(), "off"),
        (True, (), {"hold", "pin", "actor", "rights"}, "on"),
        (False, NEW, set(), "off"),
    ],
    ids=["1.36", "1.30", "unknown", "forced", "none"],
)
def test_policies_follow_the_api_server_and_the_operator_is_told(
    enabled: str | bool, has: tuple[str, ...], policies: set[str], told: str
) -> None:
    manifests = rendered({"admission": {"enabled": enabled}}, has)

    kinds = {f"{kind}AdmissionPolicy{end}" for kind in ("Mutating", "Validating") for end in ("", "Binding")}
    made = [
        item["metadata"]["name"].removeprefix("headgate-system-headgate-")
        for item in manifests
        if item["kind"] in kinds
    ]
    assert sorted(made) == sorted([*policies, *policies])
    assert yaml.safe_load(the("ConfigMap", manifests)["data"]["config.yaml"])["policies"] == told


def test_the_policies_know_the_operator_by_its_account() -> None:
    manifests = rendered({"serviceAccount": {"name": "gate"}})

    exempt = [item for item in of_kind("MutatingAdmissionPolicy", manifests) if "matchConditions" in item["spec"]]
    assert len(exempt) == 2
    for policy in exempt:
        assert "'system:serviceaccount:headgate-system:gate'" in json.dumps(policy["spec"]["matchConditions"])


def test_the_crd_of_the_chart_is_the_generated_one_and_stays(default: list[Manifest]) -> None:
    found = the("CustomResourceDefinition", default)

    assert found["spec"] == custom_resource_definition()["spec"]
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert of_kind("CustomResourceDefinition", rendered({"crds": {"install": False}})) == []


def test_people_get_roles_and_approving_joins_no_built_in_role(default: list[Manifest]) -> None:
    roles = {role["metadata"]["name"]: role for role in of_kind("ClusterRole", default)}

    def joins(name: str) -> list[str]:
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        return [label.removeprefix(prefix) for label in roles[name]["metadata"]["labels"] if label.startswith(prefix)]

    assert joins("headgate-viewer") == ["view"]
    assert joins("headgate-editor") == ["edit"]
    assert joins("headgate-approver") == []
    approve = ("headgate.dev", "canaryreleases/approve", "update")
    assert [name for name, role in roles.items() if approve in rights([role])] == ["headgate-approver"]


def test_optional_objects_are_off_by_default(default: list[Manifest]) -> None:
    optional = {"PodMonitor", "NetworkPolicy"}
    wanted = {"metrics": {"podMonitor": {"enabled": True}}, "networkPolicy": {"enabled": True}}

    assert not optional & {manifest["kind"] for manifest in default}
    assert optional <= {manifest["kind"] for manifest in rendered(wanted)}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"replicas": "two"}, "replicas"),
        ({"ingress": {"implementation": "Nginx"}}, "ingress/implementation"),
        ({"gateway": {"implementation": "Kong"}}, "gateway/implementation"),
        ({"prometheus": {"default": {"url": "prometheus:9090"}}}, "prometheus/default/url"),
        ({"prometheus": {"team-a": {}}}, "prometheus/team-a"),
        ({"prometheus": {"default": {"url": "http://me:secret@prometheus"}}}, "prometheus/default/url"),
        ({"admission": {"enabled": "yes"}}, "admission/enabled"),
        ({"namespaces": ["Prod"]}, "namespaces/0"),
    ],
    ids=["typo", "type", "implementation", "gateway", "url", "no url", "password", "admission", "namespace"],
)
def test_bad_values_are_refused_with_their_name(values: Manifest, named: str) -> None:
    done = template(json.dumps(values), NEW)

    assert done.returncode != 0
    assert named in done.stderr


def test_the_values_take_all_that_the_operator_takes_of_a_prometheus() -> None:
    """Environment variables aside: the chart gives the pod none to choose from."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(schema["properties"]["prometheus"]["additionalProperties"]["properties"])

    assert known - {"secretName"} == {field.alias for field in Endpoint.model_fields.values()} - {"headerEnv"}


def test_the_schema_knows_every_value() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    assert set(schema["properties"]) - {"global"} == set(yaml.safe_load((CHART / "values.yaml").read_text()))


@pytest.mark.parametrize("values", [{}, {"ingress": {"enabled": False}, "namespaces": ["prod"]}], ids=["all", "least"])
def test_the_notes_lead_to_a_first_release(values: Manifest) -> None:
    said = notes(values)
    manifest = yaml.safe_load(re.sub(r"\bNAME\b", "shop", said.partition("<<EOF\n")[2].partition("EOF")[0]))

    assert "kubectl rollout status deployment/headgate --namespace headgate-system" in said
    assert spec_problems(manifest["spec"]) == []
    assert manifest["metadata"]["namespace"] == values.get("namespaces", ["NAMESPACE"])[0]
    assert ("ingress" in manifest["spec"].get("traffic", {})) is values.get("ingress", {}).get("enabled", True)
