"""RFC 9162 trees: proofs verify, tampered proofs do not, whatever the sizes."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    LeafList,
    consistency_path,
    inclusion_path,
    is_consistent,
    node_hash,
    root_from_inclusion,
    root_of,
)

# The published test vectors of certificate-transparency (MerkleTreeTest): inputs and roots.
INPUTS = [
    bytes.fromhex(h)
    for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [sha256(b"\x00" + data).digest() for data in INPUTS]


def leaves(count: int) -> list[bytes]:
    return [sha256(b"\x00" + n.to_bytes(4, "big")).digest() for n in range(count)]


def test_published_vectors_hold() -> None:
    for size, root in enumerate(ROOTS, 1):
        frontier = Frontier()
        frontier.append(LEAVES[:size])
        assert frontier.root().hex() == root
        assert root_of(LeafList(LEAVES), size).hex() == root
    assert Frontier().root() == EMPTY_ROOT


@given(size=st.integers(1, 300), data=st.data())
def test_every_leaf_has_a_proof_that_fails_for_any_other_place(size: int, data: st.DataObject) -> None:
    all_leaves = leaves(size)
    nodes = LeafList(all_leaves)
    root = root_of(nodes, size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(nodes, index, size)
    assert root_from_inclusion(all_leaves[index], index, size, path) == root
    other = data.draw(st.integers(0, size + 3))
    if other != index:
        assert root_from_inclusion(all_leaves[index], other, size, path) != root
    assert root_from_inclusion(sha256(b"x").digest(), index, size, path) != root
    assert root_from_inclusion(all_leaves[index], index, size, (*path, root)) != root
    if path:
        assert root_from_inclusion(all_leaves[index], index, size, path[:-1]) != root


@given(sizes=st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted), changed=st.integers(0, 199))
def test_a_longer_tree_is_consistent_only_with_its_own_beginning(sizes: list[int], changed: int) -> None:
    old, new = sizes
    nodes = LeafList(leaves(new))
    path = consistency_path(nodes, old, new)
    old_root, new_root = root_of(nodes, old), root_of(nodes, new)
    assert is_consistent(old, new, old_root, new_root, path)
    if changed < old:
        forged = leaves(new)
        forged[changed] = sha256(b"forged").digest()
        other = LeafList(forged)
        assert not is_consistent(old, new, old_root, root_of(other, new), consistency_path(other, old, new))


@given(size=st.integers(0, 600), cut=st.integers(0, 600))
def test_a_frontier_continues_where_it_was_left(size: int, cut: int) -> None:
    cut = min(cut, size)
    whole = leaves(size)
    made: dict[int, list[bytes]] = {2: [], 8: []}
    frontier = Frontier()
    frontier.append(whole[:cut], made)
    again = Frontier(frontier.size, list(frontier.peaks))
    again.append(whole[cut:], made)
    assert again.root() == root_of(LeafList(whole), size)
    assert made[2] == [LeafList(whole).node(2, n) for n in range(size // 4)]
    assert made[8] == [LeafList(whole).node(8, n) for n in range(size // 256)]


def test_an_inner_node_is_no_leaf() -> None:
    assert node_hash(LEAVES[0], LEAVES[1]) != sha256(b"\x00" + LEAVES[0] + LEAVES[1]).digest()
