"""The compact tree against a naive one, written down straight from RFC 9162."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.sealing import merkle

LEAVES = st.lists(st.binary(max_size=4), max_size=70).map(lambda rows: [merkle.leaf_hash(r) for r in rows])


def naive_root(leaves):
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def proof_of(ranges, leaves):
    return [
        merkle.range_root(start, end, lambda a, b: merkle.perfect_root(leaves[a:b])) for start, end in ranges
    ]


def flipped(value):
    return bytes([value[0] ^ 1]) + value[1:]


class TestTree:
    @given(LEAVES)
    def test_appending_gives_the_naive_root(self, leaves):
        edge, bulk = merkle.Edge(), merkle.Edge()
        for leaf in leaves:
            edge.extend([leaf])
        bulk.extend(leaves)

        assert edge == bulk
        assert edge.root() == naive_root(leaves)

    def test_names_each_perfect_subtree_of_a_tile_once(self):
        leaves = [merkle.leaf_hash(bytes([n % 256, n // 256])) for n in range(1100)]

        first, second = merkle.Edge(), merkle.Edge()
        tiles = first.extend(leaves)

        assert tiles == [tile for leaf in leaves for tile in second.extend([leaf])]
        assert [(t.height, t.index) for t in tiles] == [(8, 0), (8, 1), (8, 2), (8, 3)]
        assert tiles[2].root == naive_root(leaves[512:768])

    def test_matches_the_values_of_certificate_transparency(self):
        # RFC 9162 has no vectors; these are the ones of google/certificate-transparency.
        inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
        inputs.append("606162636465666768696a6b6c6d6e6f")
        edge = merkle.Edge()
        edge.extend(merkle.leaf_hash(bytes.fromhex(text)) for text in inputs)

        assert edge.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


class TestProofs:
    @given(LEAVES.filter(bool), st.data())
    def test_inclusion_holds_for_its_leaf_alone(self, leaves, data):
        index = data.draw(st.integers(0, len(leaves) - 1))
        proof = proof_of(merkle.inclusion_ranges(index, len(leaves)), leaves)
        claim = {"index": index, "size": len(leaves), "proof": proof, "root": naive_root(leaves)}

        assert merkle.verify_inclusion(leaf=leaves[index], **claim)
        assert not merkle.verify_inclusion(leaf=flipped(leaves[index]), **claim)
        assert not merkle.verify_inclusion(leaf=leaves[index], **(claim | {"proof": [*proof, b"\0" * 32]}))
        for place in range(len(proof)):
            bent = [flipped(node) if place == at else node for at, node in enumerate(proof)]
            assert not merkle.verify_inclusion(leaf=leaves[index], **(claim | {"proof": bent}))

    @given(LEAVES.filter(bool), st.data())
    def test_consistency_holds_for_its_trees_alone(self, leaves, data):
        first = data.draw(st.integers(1, len(leaves)))
        proof = proof_of(merkle.consistency_ranges(first, len(leaves)), leaves)
        claim = {
            "first": first,
            "first_root": naive_root(leaves[:first]),
            "second": len(leaves),
            "second_root": naive_root(leaves),
            "proof": proof,
        }

        assert merkle.verify_consistency(**claim)
        for name in ("first_root", "second_root"):
            assert not merkle.verify_consistency(**(claim | {name: flipped(claim[name])}))
        assert not merkle.verify_consistency(**(claim | {"proof": [*proof, b"\0" * 32]}))
        for place in range(len(proof)):
            bent = [flipped(node) if place == at else node for at, node in enumerate(proof)]
            assert not merkle.verify_consistency(**(claim | {"proof": bent}))

    def test_there_is_none_for_what_is_not_there(self):
        with pytest.raises(ValueError, match="no leaf 3"):
            merkle.inclusion_ranges(3, 3)
        with pytest.raises(ValueError, match="from 0"):
            merkle.consistency_ranges(0, 3)
        assert not merkle.verify_inclusion(leaf=b"", index=1, size=1, proof=[], root=b"")
        assert not merkle.verify_consistency(first=0, first_root=b"", second=1, second_root=b"", proof=[])
