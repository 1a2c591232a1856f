"""HubSpot's signature, against a value made by other hands."""

import base64
import hashlib
import hmac

from integrations.hubspot.signature import SignedRequest, decode_uri, sign


def test_what_is_signed():
    request = SignedRequest("POST", "https://www.example.com/hook", b'{"a":"\xc3\xa9"}', "1795345200000")
    text = 'POSThttps://www.example.com/hook{"a":"é"}1795345200000'

    expected = hmac.new(b"secret", text.encode(), hashlib.sha256).digest()

    assert sign(request, secret="secret") == base64.b64encode(expected).decode()


def test_only_the_listed_escapes_are_undone_and_each_once():
    escapes = "%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B"

    assert decode_uri(f"?x={escapes}&y=%20%26%3D%25") == "?x=:/?@!$'()*,;&y=%20%26%3D%25"
    assert decode_uri("%253A") == "%253A"
