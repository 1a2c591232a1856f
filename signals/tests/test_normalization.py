"""The pure rules of the stored form."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.canonical import canonical_json
from signals.normalization import (
    Catalogue,
    InvalidDraft,
    account_reference,
    attribute_kinds,
    clamp_occurred_at,
    comparable,
    normalize,
    slug,
    source_label,
    split_attributes,
    without_person,
)
from signals.tests.factories import SignalDraftFactory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CATALOGUE = Catalogue(
    types={
        "pricing_page_view": {
            "count": "number",
            "positive": "boolean",
            "starts_at": "date",
            "stage": "code:stage",
        }
    },
    codes={"stage": frozenset({"demo_scheduled"})},
)


def _normalize(**fields):
    return normalize(SignalDraftFactory(occurred_at=NOW, **fields), now=NOW, catalogue=CATALOGUE)


class TestNormalize:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"source": "Sales Force"}, "invalid_source"),
            ({"source": "a" * 65}, "invalid_source"),
            ({"type": "horoscope"}, "unknown_type"),
            ({"external_id": ""}, "invalid_external_id"),
            ({"external_id": "x" * 501}, "invalid_external_id"),
            ({"natural_key": ""}, "invalid_external_id"),
            ({"strength": 0}, "invalid_strength"),
            ({"strength": 10.1}, "invalid_strength"),
            ({"strength": float("nan")}, "invalid_strength"),
            ({"account": {}}, "no_account"),
            ({"account": {"nickname": "x"}}, "no_account"),
            ({"account": {"crm_id": " "}}, "invalid_account"),
            ({"account": {"name": "jane@customer.test"}}, "invalid_account"),
            ({"account": {"name": "a\u200bb"}}, "invalid_account"),
            ({"account": {"id": "17"}}, "invalid_account"),
            ({"account": {"domain": "no domain"}}, "invalid_account"),
            ({"person__email": "nobody", "with_person": True}, "invalid_email"),
            ({"person__name": "x" * 201, "with_person": True}, "invalid_person"),
        ],
    )
    def test_refuses(self, fields, code):
        with pytest.raises(InvalidDraft) as refused:
            _normalize(**fields)

        assert refused.value.code == code

    def test_an_error_repeats_nothing_personal(self):
        with pytest.raises(InvalidDraft) as refused:
            _normalize(with_person=True, person__email="jane doe secret")

        assert "secret" not in str(refused.value)

    def test_the_most_telling_reference_is_the_key(self):
        signal = _normalize(account={"name": "Acme", "domain": "ACME.test.", "crm_id": " 001 "})

        assert signal.account == {"crm_id": "001", "domain": "acme.test", "name": "Acme"}
        assert account_reference(signal.account) == "001"


class TestClampOccurredAt:
    @pytest.mark.parametrize(
        ("occurred_at", "expected"),
        [
            (NOW - timedelta(days=900), NOW - timedelta(days=900)),
            (NOW + timedelta(minutes=5), NOW),
            (datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=2))), NOW - timedelta(hours=1)),
        ],
    )
    def test_accepts(self, occurred_at, expected):
        clamped = clamp_occurred_at(occurred_at, now=NOW)

        assert clamped == expected
        assert clamped.tzinfo is UTC

    @pytest.mark.parametrize(
        ("occurred_at", "code"),
        [
            (datetime(2026, 11, 22), "naive_time"),
            (datetime(1999, 12, 31, tzinfo=UTC), "too_early"),
            (NOW + timedelta(minutes=5, microseconds=1), "in_the_future"),
            (datetime.max.replace(tzinfo=UTC), "in_the_future"),
        ],
    )
    def test_refuses(self, occurred_at, code):
        with pytest.raises(InvalidDraft) as refused:
            clamp_occurred_at(occurred_at, now=NOW)

        assert refused.value.code == code


class TestSplitAttributes:
    @pytest.mark.parametrize(
        ("name", "value", "stored"),
        [
            ("count", 3, 3),
            ("count", 3.5, 3.5),
            ("positive", True, True),
            ("starts_at", "2026-11-22", "2026-11-22"),
            ("starts_at", "2026-11-22T14:00:00+02:00", "2026-11-22T12:00:00+00:00"),
            ("stage", "demo_scheduled", "demo_scheduled"),
            ("stage", "unmapped", "unmapped"),
        ],
    )
    def test_what_fits_stays_readable(self, name, value, stored):
        assert split_attributes({name: value}, "pricing_page_view", CATALOGUE) == ({name: stored}, {})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("count", True),
            ("count", "3"),
            ("count", float("inf")),
            ("count", 1e16),
            ("positive", 1),
            ("starts_at", "tomorrow"),
            ("starts_at", "2026-11-22T14:00:00"),
            ("starts_at", 17),
            ("note", "call Jane"),
            ("jane@customer.test", 1),
        ],
    )
    def test_everything_else_is_sealed(self, name, value):
        assert split_attributes({name: value}, "pricing_page_view", CATALOGUE) == ({}, {name: value})

    @pytest.mark.parametrize("value", ["Jane's stage", 7, None, ["demo_scheduled"]])
    def test_a_code_that_no_list_has_reads_unmapped(self, value):
        readable, sealed = split_attributes({"stage": value}, "pricing_page_view", CATALOGUE)

        assert readable == {"stage": "unmapped"}
        assert sealed == {"stage": value}


class TestComparable:
    def test_a_time_of_ours_takes_no_part(self):
        ours = _normalize(external_id="1", account={"crm_id": "1"}, occurred_at_is_ours=True)
        later = normalize(
            SignalDraftFactory(
                occurred_at=NOW + timedelta(minutes=1),
                external_id="1",
                account={"crm_id": "1"},
                occurred_at_is_ours=True,
            ),
            now=NOW + timedelta(hours=1),
            catalogue=CATALOGUE,
        )

        assert comparable(ours) == comparable(later)

    def test_transport_takes_no_part(self):
        one = _normalize(external_id="1", account={"crm_id": "1"}, natural_key="webhook:1")
        two = _normalize(external_id="1", account={"crm_id": "1"}, natural_key="webhook:2")

        assert comparable(one) == comparable(two)

    def test_without_person_keeps_nothing_free(self):
        signal = _normalize(
            with_person=True, external_id="j@x.test", sealed={"phone": "1"}, attributes={"a": "b"}
        )

        rest = without_person(signal)

        assert (rest.person, rest.sealed, rest.external_id) == (None, {}, "")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


class TestCanonicalJson:
    @given(JSON_VALUES)
    def test_survives_a_round_trip(self, value):
        once = canonical_json(value)

        assert canonical_json(json.loads(once)) == once

    def test_five_is_five(self):
        assert canonical_json({"b": 5.0, "a": [5]}) == b'{"a":[5],"b":5}'


class TestSlug:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Demo Scheduled", "demo_scheduled"),
            (" Proposal/Price Quote ", "proposal_price_quote"),
            ("Id. Decision Makers", "id_decision_makers"),
            ("見積", ""),
        ],
    )
    def test_makes_a_code(self, text, code):
        assert slug(text) == code


def test_attribute_kinds_reads_a_payload_schema():
    schema = {
        "properties": {
            "count": {"type": "number"},
            "hard": {"type": "boolean"},
            "at": {"type": "string", "format": "date-time"},
            "stage": {"type": "string", "x-codes": "stage"},
        }
    }

    assert attribute_kinds(schema) == {
        "count": "number",
        "hard": "boolean",
        "at": "date",
        "stage": "code:stage",
    }


def test_metric_labels_stay_few():
    assert source_label("salesforce") == "salesforce"
    assert source_label("made-up-by-a-caller") == "other"
