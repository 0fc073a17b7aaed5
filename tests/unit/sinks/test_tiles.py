"""The tree files: any node and proof from them equals the plain tree, also after they were cut back."""

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import Frontier, LeafList, consistency_path, inclusion_path, root_from_inclusion, root_of
from sinks.sealing.closes import find_entries, write_close
from sinks.sealing.tiles import TreeReader, TreeWriter


def leaf(number: int) -> bytes:
    return sha256(b"\x00" + number.to_bytes(4, "big")).digest()


@given(blocks=st.lists(st.integers(1, 90), min_size=1, max_size=14), kept=st.integers(0, 13), data=st.data())
def test_proofs_from_the_files_are_those_of_the_plain_tree(
    blocks: list[int], kept: int, data: st.DataObject
) -> None:
    kept = min(kept, len(blocks))
    with TemporaryDirectory() as folder:
        writer = TreeWriter(Path(folder), Frontier(), 0)
        recorded = Frontier()
        for number, count in enumerate(blocks):
            if number == kept:
                recorded = Frontier(writer.frontier.size, list(writer.frontier.peaks))
            first = writer.frontier.size
            writer.append(2 * number, 1000 + number, [leaf(n) for n in range(first, first + count)])
        writer.sync()
        writer.close()
        if kept < len(blocks):  # a crash: what was appended after the recorded place is taken again
            writer = TreeWriter(Path(folder), recorded, kept)
            for number, count in list(enumerate(blocks))[kept:]:
                first = writer.frontier.size
                writer.append(2 * number, 1000 + number, [leaf(n) for n in range(first, first + count)])
            writer.sync()
            writer.close()
        size = sum(blocks)
        plain = LeafList([leaf(n) for n in range(size)])
        reader = TreeReader(Path(folder))
        assert root_of(reader, size) == root_of(plain, size) == writer.frontier.root()
        index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
        assert inclusion_path(reader, index, size) == inclusion_path(plain, index, size)
        assert consistency_path(reader, old, size) == consistency_path(plain, old, size)
        number = data.draw(st.integers(0, len(blocks) - 1))
        place = reader.record(2 * number, size)
        assert place == (2 * number, sum(blocks[:number]), blocks[number], 1000 + number)
        assert reader.record(2 * number + 1, size) is None
        assert reader.record_of_leaf(sum(blocks[:number]) + blocks[number] - 1, size) == place
        reader.close()


@given(count=st.integers(1, 50), chosen=st.integers(0, 49))
def test_a_close_proves_each_subject_and_nothing_else(count: int, chosen: int) -> None:
    keys = [f"dossier\0{n:03}".encode() for n in range(count)]
    with TemporaryDirectory() as folder:
        digests = [sha256(key).digest()[:16] for key in keys]
        root = write_close(Path(folder), ("dossier-events", 0), 7, digests, [leaf(n) for n in range(count)])
        wanted = f"dossier\0{chosen:03}".encode()
        entries = find_entries(Path(folder), ("dossier-events", 0), 7, [wanted])
        assert entries is not None
        if chosen >= count:
            assert not entries
        else:
            found = entries[wanted]
            assert found[:3] == (chosen, count, leaf(chosen))
            assert (found.root, root_from_inclusion(found.hash, chosen, count, found.path)) == (root, root)
        assert find_entries(Path(folder), ("dossier-events", 0), 8, keys[:1]) is None
