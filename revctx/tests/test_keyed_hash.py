"""The keyed hash of many messages is HMAC-SHA256."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revctx.keyed_hash import make_keyed_hash


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), max_size=3))
def test_each_message_is_hashed_as_by_hmac(key, messages):
    keyed_hash = make_keyed_hash(key)

    assert [keyed_hash(m) for m in messages] == [hmac.digest(key, m, hashlib.sha256) for m in messages]


def test_a_key_longer_than_a_block_is_refused():
    with pytest.raises(ValueError, match="64"):
        make_keyed_hash(b"x" * 65)
