"""Signatures, against the specification's own example and against forgeries."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from integrations.standard_webhooks import (
    InvalidSecret,
    InvalidSignature,
    SignatureHeaders,
    decode_secret,
    sign,
    verify,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
BODY = b'{"Id": "oppty-123"}'


def _headers(*, secret=SECRET, body=BODY, at=NOW, webhook_id="msg_1", prefix=""):
    timestamp = int(at.timestamp())
    signature = sign(secret=secret, webhook_id=webhook_id, timestamp=timestamp, body=body)
    return SignatureHeaders(id=webhook_id, timestamp=str(timestamp), signature=prefix + signature)


def _verify(headers, body=BODY, secrets=(SECRET,), now=NOW):
    verify(headers=headers, body=body, secrets=secrets, now=now)


def test_agrees_with_the_specification():
    # The example of the specification's "Signature scheme" section.
    signature = sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class TestVerify:
    @pytest.mark.parametrize("seconds", [-300, 0, 300])
    def test_accepts_within_five_minutes(self, seconds):
        _verify(_headers(at=NOW + timedelta(seconds=seconds)))

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_refuses_outside(self, seconds):
        with pytest.raises(InvalidSignature, match="stale_timestamp"):
            _verify(_headers(at=NOW + timedelta(seconds=seconds)))

    def test_any_live_secret_and_any_of_several_signatures(self):
        _verify(_headers(secret=OTHER), secrets=(SECRET, OTHER))
        _verify(_headers(prefix="v1,AAAA v1a,BBBB nonsense "))

    @pytest.mark.parametrize(
        "headers",
        [
            _headers(secret=OTHER),
            _headers(body=BODY + b" "),
            SignatureHeaders("", "", ""),
            SignatureHeaders("msg_1", str(int(NOW.timestamp())), ""),
            SignatureHeaders("msg_2", _headers().timestamp, _headers().signature),
            SignatureHeaders("msg_1", str(int(NOW.timestamp()) + 1), _headers().signature),
            SignatureHeaders("msg_1", _headers().timestamp, _headers().signature.removeprefix("v1,")),
            SignatureHeaders("msg_1", _headers().timestamp, _headers().signature.replace("v1,", "v2,")),
            SignatureHeaders("msg_1", _headers().timestamp, "v1,"),
            SignatureHeaders("msg_1", _headers().timestamp, "v1,é"),
            SignatureHeaders("msg_1", "now", _headers().signature),
            SignatureHeaders("msg_1", "-1", _headers().signature),
            SignatureHeaders("msg_1", "²", _headers().signature),
            SignatureHeaders("msg 1", _headers().timestamp, _headers().signature),
            SignatureHeaders("a@b", _headers().timestamp, _headers().signature),
        ],
    )
    def test_refuses(self, headers):
        with pytest.raises(InvalidSignature):
            _verify(headers)

    def test_refuses_without_a_secret(self):
        with pytest.raises(InvalidSignature):
            _verify(_headers(), secrets=())


class TestDecodeSecret:
    def test_plain_text_is_taken_as_it_is(self):
        assert decode_secret("a-secret-of-sixteen-or-more") == b"a-secret-of-sixteen-or-more"

    @pytest.mark.parametrize(
        "secret", ["", "whsec_", "short", "whsec_AAAA", "whsec_%%%%%%%%%%%%%%%%%%%%%%%%"]
    )
    def test_refuses_what_protects_nothing(self, secret):
        with pytest.raises(InvalidSecret) as refused:
            decode_secret(secret)

        assert not secret or secret not in str(refused.value)
