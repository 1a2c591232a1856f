import unicodedata

import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.normalization import InvalidEmail, normalize_email

LATIN = "abcdefghijklmnopqrstuvwxyz0123456789"
ACCENTED = "äöüéèñçåøžčšőű"

local_parts = st.text(LATIN + ACCENTED + "+-_'", min_size=1, max_size=20)
labels = st.text(LATIN + ACCENTED, min_size=1, max_size=15).filter(lambda t: t[2:4] != "--")
domains = st.lists(labels, min_size=1, max_size=3).map(lambda parts: ".".join([*parts, "example"]))
addresses = st.tuples(local_parts, domains).map("@".join)


def to_a_labels(address):
    local, _, domain = address.rpartition("@")
    return f"{local}@{idna.encode(domain, uts46=True).decode()}"


def with_ideographic_stops(address):
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.replace('.', '。')}"


respellings = st.lists(
    st.sampled_from(
        [
            str.upper,
            str.title,
            lambda a: unicodedata.normalize("NFD", a),
            to_a_labels,
            with_ideographic_stops,
            lambda a: f" {a}\t",
            lambda a: f"{a.rstrip()}.",
        ]
    ),
    max_size=4,
    unique=True,
)


class TestNormalizeEmail:
    @given(addresses, respellings)
    @settings(deadline=None)
    def test_spellings_of_one_address_meet(self, address, respell):
        spelling = address
        for change in respell:
            spelling = change(spelling.strip())

        assert normalize_email(spelling) == normalize_email(address)

    @given(addresses)
    @settings(deadline=None)
    def test_is_idempotent_for_addresses(self, address):
        once = normalize_email(address)

        assert normalize_email(once) == once

    @given(st.text(max_size=40).map(lambda t: f"{t}@example.com") | st.text(max_size=60))
    @settings(deadline=None)
    def test_any_text_is_either_refused_or_normalized_for_good(self, text):
        try:
            once = normalize_email(text)
        except InvalidEmail:
            return
        assert normalize_email(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert once == once.lower()
        assert once.count("@") == 1

    @given(local_parts, local_parts, domains)
    @settings(deadline=None)
    def test_different_mailboxes_stay_apart(self, one, other, domain):
        if one != other:
            assert normalize_email(f"{one}@{domain}") != normalize_email(f"{other}@{domain}")

    def test_sharp_s_is_not_taken_for_double_s(self):
        assert normalize_email("info@faß.example") != normalize_email("info@fass.example")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "ada",
            "@northwind.example",
            "ada@",
            "ada@@northwind.example",
            "ada b@northwind.example",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@-bad.example",
            "ada@under_score.example",
            "ada@bad..example",
            ".ada@northwind.example",
            "ada.@northwind.example",
            "a..da@northwind.example",
            '"ada b"@northwind.example',
            "Ada <ada@northwind.example>",
            "ada\x00@northwind.example",
            "a\u200bda@northwind.example",
            "ada\u202e@northwind.example",
            "a" * 65 + "@northwind.example",
            "a@" + ".".join(["b" * 60] * 5) + ".example",
        ],
    )
    def test_refuses_what_is_no_mailbox_without_repeating_it(self, text):
        with pytest.raises(InvalidEmail) as refusal:
            normalize_email(text)

        assert "northwind" not in str(refusal.value)
