"""Ed25519 keys of the seal in the forms of C2SP's signed notes, and the hand-over from key to key."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "revctx/audit"
ROTATION = f"{ORIGIN}/rotation"
ED25519 = b"\x01"
SIGNATURE_START = "— "


class InvalidNote(ValueError):
    """A text that is no signed note, or a key that is none."""


@dataclass(frozen=True)
class PublicKey:
    """A key that can check seals. ``str()`` gives the verifier form: name+id+base64."""

    raw: bytes

    @property
    def id_bytes(self) -> bytes:
        """Return the four bytes that signatures carry (C2SP signed-note)."""
        return sha256(ORIGIN.encode() + b"\n" + ED25519 + self.raw).digest()[:4]

    @property
    def id(self) -> str:
        """Return the id in hex, 8 characters."""
        return self.id_bytes.hex()

    def __str__(self) -> str:
        return f"{ORIGIN}+{self.id}+{base64.b64encode(ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the verifier form.

        Raises:
            InvalidNote: it is not one of this log.
        """
        parts = text.strip().split("+", 2)
        try:
            raw = base64.b64decode(parts[2], validate=True)
        except (IndexError, ValueError) as error:
            raise InvalidNote("a public key has the form name+id+base64") from error
        key = cls(raw[1:])
        if len(raw) != 33 or raw[:1] != ED25519 or parts[:2] != [ORIGIN, key.id]:
            raise InvalidNote("the public key is not one of this log, or its id does not fit")
        return key

    def has_signed(self, text: str, signature: bytes) -> bool:
        """Tell whether the signature is this key's over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """A key that can seal."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> bytes:
        """Return the 64-byte signature over the text."""
        return self._key.sign(text.encode())

    def make_note(self, text: str) -> str:
        """Return the text with its signature line (C2SP signed-note)."""
        return add_signature(text + "\n", self.public, self.sign(text))


def add_signature(note: str, key: PublicKey, signature: bytes) -> str:
    """Return the note with one signature line more."""
    return f"{note}{SIGNATURE_START}{ORIGIN} {base64.b64encode(key.id_bytes + signature).decode()}\n"


@dataclass(frozen=True)
class SignedText:
    """A note taken apart: its text and the signatures by key id."""

    text: str
    signatures: dict[str, bytes]

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a signed note; signatures of foreign names are ignored, as C2SP asks.

        Raises:
            InvalidNote: it has no blank line or no signature of this log.
        """
        text, blank, lines = note.rpartition("\n\n")
        signatures: dict[str, bytes] = {}
        for line in lines.splitlines():
            name, _, encoded = line.removeprefix(SIGNATURE_START).partition(" ")
            if line.startswith(SIGNATURE_START) and name == ORIGIN:
                signatures |= _signature(encoded)
        if not blank or not signatures:
            raise InvalidNote("not a signed note of this log")
        return cls(text + "\n", signatures)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Tell whether one signature is the key's and true."""
        return key.id in self.signatures and key.has_signed(self.text, self.signatures[key.id])


def _signature(encoded: str) -> dict[str, bytes]:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise InvalidNote("a signature is not base64") from error
    if len(raw) != 68:
        raise InvalidNote("a signature has the wrong length")
    return {raw[:4].hex(): raw[4:]}


@dataclass(frozen=True)
class Rotation:
    """The hand-over: ``old`` sealed up to ``size`` leaves, ``new`` from there on; both signed it."""

    old: PublicKey
    new: PublicKey
    size: int
    note: str

    @classmethod
    def make(cls, *, old: Signer, new: Signer, size: int) -> Self:
        """Let both keys sign the hand-over."""
        text = f"{ROTATION}\n{old.public}\n{new.public}\n{size}\n"
        note = add_signature(old.make_note(text), new.public, new.sign(text))
        return cls(old.public, new.public, size, note)

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a hand-over and check both signatures.

        Raises:
            InvalidNote: it is none, or a signature is missing or false.
        """
        signed = SignedText.parse(note)
        lines = signed.text.splitlines()
        if len(lines) != 4 or lines[0] != ROTATION or not lines[3].isdecimal():
            raise InvalidNote("not a key rotation")
        rotation = cls(PublicKey.parse(lines[1]), PublicKey.parse(lines[2]), int(lines[3]), note)
        if not (signed.is_signed_by(rotation.old) and signed.is_signed_by(rotation.new)):
            raise InvalidNote("a key rotation needs the signatures of both keys")
        return rotation


@dataclass(frozen=True)
class Span:
    """A key and the tree sizes that it may sign: above ``after``, up to ``until`` (None: no limit)."""

    key: PublicKey
    after: int = 0
    until: int | None = None


class KeyRing:
    """The keys that may have sealed: a trusted one, and those that rotations lead to from there."""

    def __init__(self, trusted: PublicKey, rotations: Iterable[Rotation] = ()) -> None:
        """Follow the rotations, given in order, onward and back; the first one from a key stands."""
        spans = {trusted.id: Span(trusted)}
        chain = list(rotations)
        for step in chain:
            before = spans.get(step.old.id)
            if before and before.until is None and step.new.id not in spans:
                spans[step.old.id] = Span(step.old, before.after, step.size)
                spans[step.new.id] = Span(step.new, step.size)
        for step in reversed(chain):
            later = spans.get(step.new.id)
            if later and not later.after and step.old.id not in spans:
                spans[step.new.id] = Span(step.new, step.size, later.until)
                spans[step.old.id] = Span(step.old, 0, step.size)
        self.spans = spans

    def find_signer(self, signed: SignedText, *, size: int) -> PublicKey | None:
        """Return the key of the ring that truly signed a tree of this size, if any did."""
        for key_id in signed.signatures:
            span = self.spans.get(key_id)
            if span and size > span.after and (span.until is None or size <= span.until):
                return span.key if signed.is_signed_by(span.key) else None
        return None
