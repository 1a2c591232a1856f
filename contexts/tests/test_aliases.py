"""The comparable form of a reference."""

import pytest

from contexts.aliases import display_name, normalize_alias


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("domain", "WWW.Acme.Example.", "acme.example"),
        ("domain", "gmail.com", ""),
        ("name", "  Straße  AG ", "strasse ag"),
        ("crm_id", "001aB", "001aB"),
    ],
)
def test_normalize_alias(kind, value, normal):
    assert normalize_alias(kind, value) == normal


def test_the_name_is_the_most_readable_reference():
    assert display_name({"crm_id": "1", "domain": "acme.example"}) == "acme.example"
    assert display_name({"crm_id": "1", "name": "Acme"}) == "Acme"
