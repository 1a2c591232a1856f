import json

import pytest

from signals.addresses import MAX_PERSONS, read_addresses

ZOE = "zoe@firma.example"


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (json.dumps({"e": "jörg@firma.example"}), "jörg@firma.example"),
        (json.dumps({"e": "zoe@shop.bücher.example"}), "zoe@shop.xn--bcher-kva.example"),
        (r'{"e": "\u007aoe\u0040firma.example"}', ZOE),
        (r'{"note": "Write to\nzoe@firma.example\nsoon"}', ZOE),
        ('{"note": "Write to zoe@firma.example!"}', ZOE),
        ('{"note": "für zoe@firma.exampleまで"}', ZOE),
        ('{"note": "„zoe@firma.example“"}', ZOE),
        ('{"zoe@firma.example": 1}', ZOE),
        ('{"url": "https://x.example/?email=zoe@firma.example&a=1"}', ZOE),
        ('{"url": "https://x.example/a?b=1&email=zoe%40firma.example"}', ZOE),
        ('{"link": "mailto:zoe@firma.example?subject=x"}', ZOE),
        (json.dumps({"raw": json.dumps({"e": "jörg@firma.example"})}), "jörg@firma.example"),
        ('{"e": "o\'brien@firma.example"}', "o'brien@firma.example"),
        ("'zoe@firma.example'", ZOE),
        ("<a>zoe&#64;firma.example</a>", ZOE),
        ("zoe＠firma.example", ZOE),
    ],
)
def test_an_address_is_found_however_it_is_written(body, address):
    assert set(read_addresses(body.encode())) == {address}


def test_all_are_found():
    body = b"zoe@firma.example|bo@firma.example, <CY@Firma.example>."

    assert set(read_addresses(body)) == {ZOE, "bo@firma.example", "cy@firma.example"}


@pytest.mark.parametrize("body", [b"@zoe wrote", b"a @ b", b"", b"\x00\xff", b"zoe at firma"])
def test_where_none_stands_none_is_found(body):
    assert read_addresses(body) == {}


def test_nobody_can_tell_where_an_address_begins_in_what_is_no_text():
    assert read_addresses(b"\x02\x22zoe@firma.example\x02\x00") is None
    assert read_addresses(b"\xff\xfe zoe@firma.example") is None


def test_too_many_are_a_list_of_addresses():
    body = " ".join(f"p{n}@firma.example" for n in range(MAX_PERSONS + 1))

    assert read_addresses(body.encode()) is None
