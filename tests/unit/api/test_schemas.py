"""The catalogue as people and programs read it is the catalogue that is enforced."""

from pathlib import Path

import jsonschema
from fastapi.testclient import TestClient

from api.schemas import envelope_schema, markdown, schemas
from domain.event_types import EVENT_TYPES

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


def test_docs_are_current() -> None:
    assert DOCS.read_text(encoding="utf-8") == markdown(), "run: gs766 schemas --markdown > docs/events.md"


def test_every_type_has_a_valid_schema_and_a_place_in_the_docs() -> None:
    text = markdown()
    for name in EVENT_TYPES:
        jsonschema.Draft202012Validator.check_schema(schemas()["types"][name]["schema"])
        assert f"`{name}`" in text
    jsonschema.Draft202012Validator.check_schema(envelope_schema())


def test_the_schema_takes_what_the_intake_takes() -> None:
    event = {
        "id": "1",
        "source": "/a",
        "type": "dossier.accepted",
        "time": "2026-08-03T09:12:00+07:00",
        "subject": "x",
    }
    jsonschema.validate(event, envelope_schema())
    data = {"channel": "online", "due_at": "2026-08-10T17:00:00+07:00"}
    jsonschema.validate(data, schemas()["types"]["dossier.accepted"]["schema"])


def test_schemas_are_open_to_everybody(remote: TestClient) -> None:
    assert set(remote.get("/v1/schemas").json()["types"]) == set(EVENT_TYPES)
    assert remote.get("/v1/schemas?type=dossier.finished").json()["kind"] == "dossier"
    assert remote.get("/v1/schemas?type=none").status_code == 422
