"""Payload schemas: what is in force says the same as JSON Schema, and costs next to nothing."""

import json
import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from compliance.selectors import list_audit_events
from revctx.observability.metrics import SIGNALS_PROCESSED
from signals.models import Signal, SignalType
from signals.payload_schemas import InvalidSchema, SchemaSet, check_schema, fit_date
from signals.selectors import list_scorable

DATE = {"type": "string", "format": "date-time"}
CODE = {"type": "string", "x-codes": "stage"}
SEATS = {"type": "object", "properties": {"seats": {"type": "number", "minimum": 1}}, "required": ["seats"]}

_formats = FormatChecker(formats=())
_formats.checks("date-time")(lambda value: not isinstance(value, str) or fit_date(value) is not None)
_bounds = st.integers(-5, 5)
_numbers = st.fixed_dictionaries(
    {"type": st.just("number")},
    optional=dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _bounds),
)
_rules = st.one_of(_numbers, st.just({"type": "boolean"}), st.just(DATE), st.just(CODE))
_names = st.sampled_from("abcd")
_values = st.one_of(
    st.integers(-9, 9), st.floats(-9, 9), st.booleans(), st.none(), st.just([1]), st.just({"a": 1}),
    st.sampled_from(["", "7", "won", "2026-06-15", "2026-06-15T12:00:00Z", "2026-06-15T12:00:00", "x" * 300]),
)  # fmt: skip


@st.composite
def _schemas(draw):
    properties = draw(st.dictionaries(_names, _rules, max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": draw(st.booleans()),
    }  # fmt: skip


@given(_schemas(), st.dictionaries(_names, _values, max_size=4))
@settings(max_examples=400, deadline=None)
def test_agrees_with_json_schema(schema, attributes):
    check_schema(schema)
    fits = Draft202012Validator(schema, format_checker=_formats).is_valid(attributes)

    fault = SchemaSet({"t": schema}).find_fault("t", attributes)

    assert (fault is None) == fits, (schema, attributes, fault)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "not JSON Schema"),
        ({"type": "array"}, "must be an object"),
        ({"properties": {"a": {"type": "strin"}}}, "not JSON Schema"),
        ({"properties": {"a": {"type": "object"}}}, "type must be"),
        ({"properties": {"a": {"type": "number", "multipleOf": 2}}}, "multipleOf would not be checked"),
        ({"properties": {"a": {"type": "string"}}}, "either a date"),
        ({"patternProperties": {}}, "would not be checked"),
        ({"properties": {}, "required": ["b"]}, "required but not defined: b"),
    ],
)
def test_refuses_what_nobody_would_check(schema, why):
    with pytest.raises(InvalidSchema, match=why):
        check_schema(schema)


def test_is_compiled_once_and_names_no_value():
    attributes = {"seats": 3, "value": 1.5}
    schemas = SchemaSet({"t": SEATS})
    fault = SchemaSet({"t": SEATS | {"additionalProperties": False}}).find_fault("t", {"jane@x.test": 1})
    schemas.find_fault("t", attributes)

    ours = min(timeit.repeat(lambda: schemas.find_fault("t", attributes), number=2_000, repeat=5))
    plain = Draft202012Validator(SEATS)
    theirs = min(timeit.repeat(lambda: plain.is_valid(attributes), number=2_000, repeat=5))

    assert "jane" not in str(fault)
    assert ours < theirs / 5
    assert SchemaSet({"t": {}}).find_fault("t", attributes) is None


@pytest.mark.django_db
class TestDoors:
    BODY = {
        "source": "web", "type": "demo_requested", "external_id": "e-1", "account": {"domain": "acme.test"},
        "occurred_at": "2026-06-15T12:00:00Z",
    }  # fmt: skip

    def change(self, admin_client, schema, claims='["asked_for_demo"]'):
        row = SignalType.objects.get(name="demo_requested")
        fields = {"label": row.label, "description": row.description, "claims": claims}
        url = "/admin/signals/signaltype/demo_requested/change/"
        return admin_client.post(url, fields | {"payload_schema": json.dumps(schema)})

    def test_a_schema_edited_in_the_admin_is_in_force_at_every_door(
        self, admin_client, api_client, client, settings
    ):
        assert self.change(admin_client, SEATS).status_code == 302
        api = api_client("signals:write")

        refused = api.post("/api/signals", self.BODY | {"attributes": {"seats": 0}})
        missing = api.post("/api/signals", self.BODY)
        taken = api.post("/api/signals", self.BODY | {"attributes": {"seats": 5}})

        assert (refused.status_code, taken.status_code) == (422, 202)
        assert refused.json()["error"]["code"] == "invalid_attributes"
        assert missing.json()["error"]["fields"] == {"attributes.seats": "field required"}
        assert list_audit_events(name="signal_type.changed", target_id="demo_requested").exists()
        SignalType.objects.filter(name="opportunity_stage_changed").update(
            payload_schema={"properties": {"value": {"type": "number", "maximum": 5}}}
        )
        settings.ALLOW_UNSIGNED_WEBHOOKS = True
        answer = client.post(
            "/api/integrations/salesforce/webhook",
            {"Id": "1", "AccountId": "2", "StageName": "Engaging", "Amount": 6},
            content_type="application/json",
        )
        assert answer.status_code == 202
        assert [item["reason"] for item in answer.json()["quarantined"]] == ["invalid_attributes"]

    def test_the_admin_says_what_is_wrong_with_a_schema_or_claims(self, admin_client):
        schema = self.change(admin_client, {"properties": {"a": {"type": "number", "multipleOf": 2}}})
        claims = self.change(admin_client, SEATS, claims='["Not a code"]')

        assert b"multipleOf would not be checked" in schema.content
        assert b"A list of codes" in claims.content

    @pytest.mark.parametrize("name", ["horoscope", "Jane's type"])
    def test_unknown_types_by_setting(self, api_client, settings, name):
        api = api_client("signals:write")
        body = self.BODY | {"type": name, "attributes": {"seats": 5}}
        assert api.post("/api/signals", body).json()["error"]["code"] == "unknown_type"
        settings.UNKNOWN_SIGNAL_TYPES = "accept"

        answer = api.post("/api/signals", body)

        if name != "horoscope":
            assert answer.json()["error"]["code"] == "invalid_type"
            return
        signal = Signal.objects.get(id=answer.json()["id"])
        assert (signal.type, signal.attributes) == ("horoscope", {})
        assert list_scorable(signal_ids=[signal.id]) == []
        assert "horoscope" not in {labels[1] for labels in SIGNALS_PROCESSED._metrics}
        SignalType.objects.create(name="horoscope", label="x", description="x", payload_schema={}, claims=[])
        assert [found.id for found in list_scorable(signal_ids=[signal.id])] == [signal.id]


@pytest.mark.django_db
def test_the_seeded_schemas_pass_their_own_check():
    for row in SignalType.objects.all():
        check_schema(row.payload_schema)
