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
