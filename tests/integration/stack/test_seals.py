"""Seals of a live stack, as an auditor meets them: verified, tampered with, and carried away in a bundle."""

import shutil
import subprocess
import sys
from pathlib import Path

from sinks.sealing.offline import verify_bundle
from tests.integration.stack.conftest import Start
from tests.support.lifecycles import lifecycles


def test_a_stack_proves_its_log_and_its_rows_until_one_is_changed(start: Start, tmp_path: Path) -> None:
    stack = start()
    events = lifecycles(30)
    stack.load(events)
    stack.settle()
    assert stack.json("verify")["verdict"] == "holds"
    assert stack.json("verify", "--sample", "2")["verdict"] == "holds"

    code = events[0].subject
    bundle = tmp_path / "bundle.zip"
    stack.run("evidence", code, "--out", str(bundle))
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(str(verify_bundle.__file__), alone / "v.py")
    done = subprocess.run([sys.executable, "-I", "v.py", str(bundle)], cwd=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"dossier {code}: {sum(e.subject == code for e in events)} sự kiện" in done.stdout

    # A figure, recounted by the verifier alone; an answer with its evidence; a paper equal to its sealed hash.
    figure = tmp_path / "figure.zip"
    stack.run(
        "evidence", "--figure", "PROCESSED_ON_TIME", "--unit", "H44", "--period", "2026-08", "--out", str(figure)
    )  # fmt: skip
    found = verify_bundle.check_bundle(figure.read_bytes())
    assert (found.read_again, found.stated) == (30, 0)
    taken = tmp_path / "answer.zip"
    late = stack.json("audit", "apologies", "H44", "--period", "2026-08", "--bundle", str(taken), check=(0, 1))
    assert len(verify_bundle.check_bundle(taken.read_bytes()).complete) == len(late["differences"])
    stack.run("report", "brief", "--issue", "--out", str(tmp_path / "brief.pdf"))
    stack.run("seal")
    with stack.http() as client:
        shown = client.get("/v1/audit/as-shown", params={"at": "2099-01-01"}).json()
        assert (shown["verdict"], [row["equal"] for row in shown["files"]]) == ("holds", [True, True]), shown
        assert client.get("/kiem-tra?cau=verify").text.count("● ĐẠT") == 1
    report = shown["report"]["id"]
    paper = tmp_path / "report.zip"
    assert stack.json("audit", "figure", report, "--bundle", str(paper))["verdict"] == "holds"
    assert verify_bundle.check_bundle(paper.read_bytes()).unproven == []

    with stack.http() as client:
        chain = client.get("/v1/audit/checkpoints").json()["checkpoints"]
        assert [c["number"] for c in chain] == list(range(1, len(chain) + 1))
        assert client.get("/v1/audit/checkpoints/last").json() == chain[-1]
        proof = client.get("/v1/audit/proof/dossier-events:0:0:0").json()
        assert proof["event"].startswith('{"')
        trees = client.get("/v1/audit/consistency", params={"from": 1, "to": len(chain)}).json()["trees"]
        assert len(trees) == 5
        assert client.get("/v1/audit/proof/nonsense").status_code == 422
        assert client.get("/v1/audit/checkpoints/999999").status_code == 422
        assert client.get("/v1/audit/bundles/dossiers/none").status_code == 404

    stack.tamper(
        "ALTER TABLE events UPDATE data = '{}' WHERE subject = '" + code + "' SETTINGS mutations_sync = 2",
    )
    found = stack.json("verify", check=(1,))
    assert (found["verdict"], found["differences"][0]["where"]) == ("fails", "events")
