"""The quick writers of columns and documents say what the plain ones say."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from revctx.arrays import to_array
from revctx.json_text import make_encoder

MOMENT = datetime(2026, 11, 22, 10, 30, 5, 123456, tzinfo=UTC)
COLUMNS = [
    (
        "text",
        ["plain", "", 'a "quote"', "back\\slash", "a,b{c}", "NULL", "tab\tand\nline", "ß漢🙂", " edge "],
    ),
    ("text", ["one", None, "three"]),
    ("text", [None, None]),
    ("text", []),
    ("uuid", [UUID(int=1), UUID(int=2**128 - 1)]),
    ("uuid", [UUID(int=7), None]),
    ("bytea", [b"", b"\x00\xff\\", b'"']),
    ("bytea", [b"x", None]),
    ("timestamptz", [MOMENT, MOMENT, MOMENT - timedelta(days=9000), MOMENT.replace(microsecond=0)]),
    ("float8", [1.5, 1e-7, 3, None]),
    ("int2", [1, 1]),
    ("bool", [True, False]),
]

DOCUMENTS = [
    {"b": 1, "a": {"ä": [1.5, -0.0, 1e22, 1e-7, 2**70], "": None}},
    ["\x00\u2028\ud800", 'quote " and \\', True, False, []],
    {},
    "text",
    float("inf"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "column"), COLUMNS)
def test_an_array_comes_back_as_it_went(kind, column):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [to_array(column)])
        [(read,)] = cursor.fetchall()
    assert [bytes(value) if kind == "bytea" and value is not None else value for value in read] == column


def test_a_nul_is_never_taken_for_the_border_of_two_texts():
    assert to_array(["a\x00b", "c"]).count("\x00") == 1  # PostgreSQL refuses it


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("compact", [True, False])
def test_an_encoder_that_is_kept_prints_the_same(ensure_ascii, compact, document):
    separators = (",", ":") if compact else None
    plain = json.dumps(document, sort_keys=True, ensure_ascii=ensure_ascii, separators=separators)

    assert make_encoder(sort_keys=True, ensure_ascii=ensure_ascii, compact=compact)(document) == plain
