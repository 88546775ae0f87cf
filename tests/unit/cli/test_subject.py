"""The release that a file holds, and what is said of a file that holds none."""

from pathlib import Path

import pytest

from headgate.cli.subject import Subject, UsageError, subject_from_file
from tests.unit.cli.conftest import Write

INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "shop", "namespace": "prod"},
    "spec": {"rules": []},
}


def of(path: Path, namespace: str | None = None) -> Subject:
    return subject_from_file(str(path), namespace)


def test_a_release_is_read_with_its_defaults(release: Write) -> None:
    found = of(release())

    assert (found.title, found.entry) == ("prod/shop", None)
    assert found.spec.analysis.confidence == 0.99


def test_the_ingress_beside_it_is_found(release: Write) -> None:
    other = {**INGRESS, "metadata": {"name": "other"}}

    assert of(release(other, INGRESS)).entry == INGRESS


def test_the_namespace_may_be_given(release: Write) -> None:
    assert of(release(), "test").title == "test/shop"


def test_a_list_of_kubectl_is_read_too(release: Write) -> None:
    path = release(INGRESS)
    lines = "\n".join(f"  {line}" for line in path.read_text().splitlines())
    items = lines.replace("  ---", "---").split("---\n")
    listed = "".join("- " + item[2:] for item in items)
    path.write_text(f"apiVersion: v1\nkind: List\nitems:\n{listed}")

    assert of(path).entry is not None


@pytest.mark.parametrize(("text", "words"), [
    ("", "holds no CanaryRelease: give a file with one"),
    ("kind: Deployment", "holds no CanaryRelease"),
    ("- a\n- b", "holds something that is no Kubernetes object"),
    ("kind: [", "is not YAML: while parsing a flow node"),
    ("kind: CanaryRelease\n---\nkind: CanaryRelease", "holds several CanaryReleases"),
    ("kind: CanaryRelease\napiVersion: flagger.app/v1beta1", "apiVersion must be headgate.dev/v1alpha1"),
    ("kind: CanaryRelease\napiVersion: headgate.dev/v1alpha1", "targetRef"),
    ("kind: CanaryRelease\napiVersion: headgate.dev/v1alpha1\n"
     "spec: {targetRef: {kind: Deployment, name: a}, steps: [{setWeight: 50}, {setWeight: 5}]}",
     "weights must not fall from step to step"),
    ("kind: CanaryRelease\napiVersion: headgate.dev/v1alpha1\nspec: 5", "spec"),
    ("kind: CanaryRelease\napiVersion: headgate.dev/v1alpha1\nspec: [a]\nmetadata: 5",
     "holds something that is no Kubernetes object"),
    ("kind: List\nitems: [5]", "holds something that is no Kubernetes object"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(text)

    with pytest.raises(UsageError) as refused:
        of(path)

    assert str(refused.value).startswith(str(path))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"release\.yaml can't be read: No such file or directory"):
        of(tmp_path / "release.yaml")


def test_standard_input_is_a_file(release: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    with release().open() as opened:
        monkeypatch.setattr("sys.stdin", opened)

        assert subject_from_file("-", None).title == "prod/shop"
