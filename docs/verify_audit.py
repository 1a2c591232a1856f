"""Check a proof of the audit log with nothing but Python: python verify_audit.py PROOF.json KEY.pub

PROOF.json is the answer of GET /api/audit/events/<id>/proof, KEY.pub the public key that you kept.
"""

import base64
import json
import sys
from hashlib import sha256, sha512

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):  # RFC 8032, section 5.1.4
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    total = (0, 1, 1, 0)
    while n:
        total, point, n = (add(total, point) if n & 1 else total), add(point, point), n >> 1
    return total


def point_of(raw):
    y, sign = int.from_bytes(raw, "little") % 2**255, raw[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square, "not a point"
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def is_signed(key, text, signature):
    base = point_of(bytes([0x58] + [0x66] * 31))
    s, h = int.from_bytes(signature[32:], "little"), sha512(signature[:32] + key + text).digest()
    left = times(s, base)
    right = add(point_of(signature[:32]), times(int.from_bytes(h, "little") % L, point_of(key)))
    same = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    return s < L and same


def main(proof, key):
    text, _, signatures = proof["checkpoint"].rpartition("\n\n")
    lines, key = text.split("\n"), base64.b64decode(key.split("+", 2)[2])[1:]
    signed = (base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines())
    assert any(is_signed(key, text.encode() + b"\n", raw[4:]) for raw in signed), "SIGNATURE IS FALSE"
    node, i, last = sha256(b"\x00" + proof["row"].encode()).digest(), proof["leaf_index"], int(lines[1]) - 1
    for sibling in map(bytes.fromhex, proof["proof"]):  # RFC 9162, section 2.1.3.2
        node = sha256(b"\x01" + (sibling + node if i & 1 or i == last else node + sibling)).digest()
        while i == last and not i & 1 and i:
            i, last = i >> 1, last >> 1
        i, last = i >> 1, last >> 1
    assert (last, node) == (0, base64.b64decode(lines[2])), "ROW IS NOT IN THE TREE"
    print("TRUE:", proof["row"])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as proof_file, open(sys.argv[2]) as key_file:
        main(json.load(proof_file), key_file.read().strip())
