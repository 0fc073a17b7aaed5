"""The witness signs what continues what it signed; two histories shown to two people are found."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from domain.errors import InvalidInput, Refused
from domain.seals import Signed, read_checkpoint, write_checkpoint
from sinks.sealing.keys import load_keys, rotate, take_over
from sinks.sealing.outcome import Report
from sinks.sealing.outside import HttpHolder, _key_changes, proofs
from sinks.sealing.verifying import _check_cosigned
from sinks.sealing.witness import Offer, Witness
from sinks.sealing.witness_http import serve
from sinks.sealing.witnessed import cosignatures, keep_cosignature
from tests.support.events import T0, dossier_event
from tests.support.sealed_folder import LOG_ID, SealedFolder


@pytest.fixture
def sealed(tmp_path: Path) -> SealedFolder:
    """One checkpoint."""
    folder = SealedFolder(tmp_path / "log", tmp_path / "signing.json")
    add(folder, 1)
    return folder


@pytest.fixture
def witness(tmp_path: Path, sealed: SealedFolder) -> Witness:
    """Trusts the log's key."""
    return Witness(tmp_path / "witness", "Thanh tra tỉnh", load_keys(sealed.config.key_file).public)


def add(folder: SealedFolder, number: int, verb: str = "accepted") -> Signed:
    """One more event, sealed."""
    folder.seal([dossier_event("H44.1-1", verb, T0 + number, number)])
    last = folder.chain.last()
    assert last is not None
    return last


def offer(folder: SealedFolder, held: Signed | None) -> Offer:
    """What a sealer hands over."""
    last = folder.chain.last()
    assert last is not None
    old = None if held is None else held.checkpoint()
    body = {
        "checkpoint": last,
        "consistency": proofs(folder.config.folder / "trees", old, last.checkpoint()),
        "between": [] if old is None else _key_changes(folder.chain, old, last.checkpoint()),
    }
    return msgspec.convert(msgspec.to_builtins(body), Offer)


def test_what_continues_is_signed_and_the_same_again_the_same_way(witness: Witness, sealed: SealedFolder) -> None:
    first = witness.take(offer(sealed, None))
    assert witness.take(offer(sealed, None)) == first
    for number in range(2, 6):
        held = witness.last(LOG_ID)
        for more in range(2):  # It may have missed some.
            last = add(sealed, number * 10 + more)
        cosigned = witness.take(offer(sealed, held))
        assert cosigned.covers(last.body)
        assert (cosigned.key, cosigned.witness) == (witness.key, "Thanh tra tỉnh")
    assert [k.cosigned.number for k in witness.after(LOG_ID, 3)] == [5, 7, 9]


def test_a_continuation_without_its_proof_is_refused(witness: Witness, sealed: SealedFolder) -> None:
    witness.take(offer(sealed, None))
    add(sealed, 2)
    with pytest.raises(Refused, match="not shown to continue"):
        witness.take(Offer(offer(sealed, None).checkpoint))


def test_two_histories_shown_to_two_people_are_found(
    witness: Witness, sealed: SealedFolder, tmp_path: Path
) -> None:
    # Whoever has all keys shows one person one history and another person another.
    other = SealedFolder(tmp_path / "other", sealed.config.key_file)
    add(other, 1)
    shown = witness.take(offer(sealed, None))
    assert witness.take(offer(other, None)) == shown  # The same until here.
    held = sealed.chain.last()
    add(sealed, 2, "finished")
    add(other, 2, "withdrawn")
    witness.take(offer(sealed, held))
    with pytest.raises(Refused, match="a fork: this witness signed another checkpoint 2"):
        witness.take(offer(other, held))
    add(other, 3)
    with pytest.raises(Refused, match="fork"):
        witness.take(offer(other, sealed.chain.find(1)))
    refused = witness.refused(LOG_ID)
    assert len(refused) == 2
    assert read_checkpoint(refused[0]["checkpoint"]["body"]).number == 2
    # The second person's copy has no signature of the witness, or one over another checkpoint.
    for kept in witness.after(LOG_ID, 0):
        keep_cosignature(other.config.folder, kept.cosigned)
    report = Report()
    _check_cosigned(other.config, list(other.chain), witness.key, report)
    assert [d.checkpoint for d in report.differences] == [2]


def test_a_shorter_log_and_strange_keys_are_refused(
    witness: Witness, sealed: SealedFolder, tmp_path: Path
) -> None:
    old = offer(sealed, None)
    add(sealed, 2)
    witness.take(offer(sealed, None))
    with pytest.raises(Refused, match="shorter"):
        witness.take(old)
    strange = SealedFolder(tmp_path / "strange")
    for number in range(1, 5):
        add(strange, number)
    with pytest.raises(Refused, match="does not lead from 2 to 4"):
        witness.take(offer(strange, sealed.chain.last()))
    with pytest.raises(Refused, match="told to trust"):
        Witness(tmp_path / "second", "x", ["0" * 64]).take(offer(strange, None))
    signed = strange.chain.last()
    assert signed is not None
    with pytest.raises(Refused, match="signature"):
        Witness(tmp_path / "third", "x").take(Offer(replace_signature(signed)))
    with pytest.raises(InvalidInput):
        witness.take(Offer(Signed("{}", "")))


def replace_signature(signed: Signed) -> Signed:
    return Signed(write_checkpoint(signed.checkpoint()), signed.signature[::-1])


def test_a_new_key_is_followed_over_checkpoints_that_the_witness_missed(
    witness: Witness, sealed: SealedFolder
) -> None:
    witness.take(offer(sealed, None))
    held = sealed.chain.last()
    rotate(sealed.config.key_file)
    add(sealed, 2)
    take_over(sealed.config.key_file)
    add(sealed, 3)
    add(sealed, 4)
    assert len(offer(sealed, held).between) == 1
    witness.take(offer(sealed, held))


@contextmanager
def running(witness: Witness) -> Iterator[str]:
    server = serve(witness, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_the_sealer_pushes_over_http_and_stops_where_it_is_refused(
    witness: Witness, sealed: SealedFolder, tmp_path: Path
) -> None:
    with running(witness) as url:
        holder = HttpHolder(url, LOG_ID, sealed.config.folder / "trees", sealed.chain)
        assert holder.last() is None
        signed = sealed.chain.last()
        assert signed is not None
        cosigned = holder.give([signed], None)
        assert cosigned is not None
        keep_cosignature(sealed.config.folder, cosigned)
        assert holder.last() == signed
        assert list(cosignatures(sealed.config.folder, {1})) == [cosigned]
        report = Report()
        _check_cosigned(sealed.config, list(sealed.chain), witness.key, report)
        assert (report.verdict, report.checked) == ("holds", {"witness_signatures": 1})

        other = SealedFolder(tmp_path / "other", sealed.config.key_file)
        forged = add(other, 9)
        with pytest.raises(Refused, match="refuses the checkpoint"):
            HttpHolder(url, LOG_ID, other.config.folder / "trees", other.chain).give([forged], None)
        assert httpx.get(f"{url}/key").json() == {"key": witness.key}
        assert len(httpx.get(f"{url}/refused", params={"log": LOG_ID}).json()["refused"]) == 1
        assert httpx.get(f"{url}/checkpoints", params={"log": "../x"}).status_code == 422
        assert httpx.post(f"{url}/checkpoints", content=b"{").status_code == 422
        assert httpx.get(f"{url}/nothing").status_code == 404
