import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revctx.api.errors import ApiError, BadRequest, PayloadTooLarge
from revctx.api.parsing import parse_json

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXT
DOCUMENTS = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


class TestParseJson:
    @given(DOCUMENTS)
    def test_reads_every_sane_document_as_it_is(self, document):
        assert parse_json(json.dumps(document).encode()) == document

    @given(st.binary(max_size=200))
    def test_refuses_or_reads_any_bytes(self, raw):
        try:
            parse_json(raw)
        except ApiError as error:
            assert error.status in {400, 413}  # noqa: PT017 - any bytes may also be read

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (b'{"a": 1', "invalid_json"),
            (b"\xff\xfe{}", "invalid_encoding"),
            (b"[" * 2000 + b"]" * 2000, "too_deep"),
            (b'{"a": "x\\u0000y"}', "invalid_text"),
            (b'{"a\\u0000": 1}', "invalid_text"),
            (b'{"a": "\\ud800"}', "invalid_text"),
            (b'{"a": NaN}', "invalid_json"),
            (b'{"a": 1e400}', "invalid_json"),
            (b'{"a": ' + b"9" * 5000 + b"}", "invalid_json"),
            (b'{"a": 1, "a": 2}', "invalid_json"),
        ],
    )
    def test_refuses_what_cannot_be_kept(self, raw, code):
        with pytest.raises(BadRequest) as refusal:
            parse_json(raw)

        assert refusal.value.code == code

    def test_brackets_inside_texts_are_no_nesting(self):
        assert parse_json(json.dumps({"a": "[" * 500 + '"' + "{" * 500}).encode())

    @pytest.mark.parametrize("text", ["]" * 40, 'a"' + "]" * 40, "]" * 40 + "\\", "é]" * 40, '""' + "}" * 40])
    def test_brackets_inside_texts_hide_no_nesting(self, text):
        deep = "[" * 33 + "]" * 33

        for document in (f'{{"a": {json.dumps(text)}, "b": {deep}}}', f'[{json.dumps(text)}, "", {deep}]'):
            with pytest.raises(BadRequest) as refusal:
                parse_json(document.encode())
            assert refusal.value.code == "too_deep"

    def test_as_deep_as_allowed_is_read(self):
        assert parse_json(b"[" * 32 + b'"]"' + b"]" * 32)

    def test_refuses_a_body_over_the_limit(self):
        with pytest.raises(PayloadTooLarge):
            parse_json(b'"' + b"x" * 300_000 + b'"')
