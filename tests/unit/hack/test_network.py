"""The address of a lab's link: steady for a name, never one that the machine uses."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lab.network import choose_link

FOLDERS = st.text("abc-/", min_size=1).map(Path)
INTERFACE_NAME_LIMIT = 15  # IFNAMSIZ without the final NUL


@given(FOLDERS)
def test_a_lab_gets_the_same_link_every_time(folder: Path) -> None:
    assert choose_link(folder, []) == choose_link(folder, [])


@given(st.lists(FOLDERS, unique=True, max_size=20))
def test_labs_that_run_at_once_share_no_address(folders: list[Path]) -> None:
    taken: list[IPv4Network] = []
    for folder in folders:
        link = choose_link(folder, taken)
        network = IPv4Network(f"{link.lab}/30", strict=False)

        assert IPv4Address(link.host) in network
        assert not any(network.overlaps(other) for other in taken)
        taken.append(network)


@given(FOLDERS)
def test_a_wide_route_of_the_host_leaves_the_link_as_it_is(folder: Path) -> None:
    assert choose_link(folder, [IPv4Network("10.0.0.0/8"), IPv4Network("0.0.0.0/0")]) == choose_link(folder, [])


@given(FOLDERS)
def test_the_name_of_a_link_is_one_the_kernel_takes(folder: Path) -> None:
    assert len(choose_link(folder, []).name) <= INTERFACE_NAME_LIMIT
