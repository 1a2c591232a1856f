"""Pure rendering: what exactly goes out, and the hash that an approval is bound to."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from orchestration.contracts import Check, Span

SALT_BYTES = 32
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One text exactly as it goes out, with what a reviewer is shown about it.

    `recipient` is the subject's id; the address is looked up when it is sent. `salt` makes the hash
    of a destroyed text unguessable, and is destroyed with it.
    """

    kind: str
    recipient: str
    recipient_name: str
    subject: str
    greeting: str
    paragraphs: tuple[tuple[Span, ...], ...]
    signature: str
    footer: str
    headers: Mapping[str, str]
    salt: bytes
    reasoning: tuple[Span, ...] = ()
    checks: tuple[Check, ...] = field(default=())

    def body(self) -> str:
        """Return the plain text that the reader gets."""
        texts = [" ".join(span.text for span in paragraph) for paragraph in self.paragraphs]
        parts = [self.greeting, *texts, self.signature, self.footer]
        return "\n\n".join(part for part in parts if part)

    def sentences(self) -> list[str]:
        """Return the sentences between greeting and signature."""
        return [span.text for paragraph in self.paragraphs for span in paragraph]

    def words(self) -> int:
        """Count the words between greeting and signature."""
        return sum(len(text.split()) for text in self.sentences())

    def canonical_bytes(self) -> bytes:
        """Return everything that reaches the provider, in one spelling."""
        sent = {
            "kind": self.kind,
            "recipient": self.recipient,
            "subject": self.subject,
            "body": self.body(),
            "headers": dict(self.headers),
        }
        return json.dumps(sent, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def content_hash(self) -> str:
        """Return SHA-256 over the canonical bytes and the salt, hexadecimal."""
        return hashlib.sha256(self.canonical_bytes() + self.salt).hexdigest()

    def to_json(self) -> bytes:
        """Print the letter for sealing."""
        document = asdict(self) | {"salt": self.salt.hex(), "headers": dict(self.headers)}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read what `to_json` printed."""
        document: dict[str, Any] = json.loads(raw)
        return cls(
            **document
            | {
                "salt": bytes.fromhex(document["salt"]),
                "paragraphs": tuple(_spans(paragraph) for paragraph in document["paragraphs"]),
                "reasoning": _spans(document["reasoning"]),
                "checks": tuple(Check(**check) for check in document["checks"]),
            }
        )


def _spans(items: Sequence[Mapping[str, Any]]) -> tuple[Span, ...]:
    return tuple(Span(text=item["text"], refs=tuple(item["refs"]), kind=item["kind"]) for item in items)


def render_email(
    *,
    subject: str,
    paragraphs: Sequence[Sequence[Span]],
    recipient: str,
    recipient_name: str,
    sender_name: str,
    consented_at: datetime,
    unsubscribe_url: str,
    salt: bytes,
) -> Letter:
    """Add what no model may write: greeting, signature, why they get this, and how to stop it.

    Source: RFC 8058 for the one-click headers.
    """
    agreed = f"{consented_at.day} {consented_at:%B %Y}"
    return Letter(
        kind="email",
        recipient=recipient,
        recipient_name=recipient_name,
        subject=subject,
        greeting=_greet(recipient_name),
        paragraphs=tuple(tuple(paragraph) for paragraph in paragraphs),
        signature=sender_name,
        footer=f"You get this because you agreed on {agreed} to hear from us. Unsubscribe: {unsubscribe_url}",
        headers={
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        salt=salt,
    )


def _greet(name: str) -> str:
    words = name.split()
    return f"Hi {words[0]}," if words else "Hello,"


def render_task(*, subject: str, paragraphs: Sequence[Sequence[Span]], salt: bytes) -> Letter:
    """Return the text of a task for a colleague: nobody outside is addressed."""
    return Letter(
        kind="review_task",
        recipient="",
        recipient_name="",
        subject=subject,
        greeting="",
        paragraphs=tuple(tuple(paragraph) for paragraph in paragraphs),
        signature="",
        footer="",
        headers={},
        salt=salt,
    )


def rewrite(letter: Letter, *, subject: str, body: str, salt: bytes) -> Letter:
    """Return the letter with a person's text; sentences left as they were keep their evidence."""
    known = {span.text: span for paragraph in letter.paragraphs for span in paragraph}
    paragraphs = []
    for block in re.split(r"\n\s*\n", body.strip()):
        texts = [text for text in _SENTENCE_END.split(" ".join(block.split())) if text]
        paragraphs.append(tuple(known.get(text) or Span(text=text, kind="edited") for text in texts))
    return replace(letter, subject=subject.strip(), paragraphs=tuple(filter(None, paragraphs)), salt=salt)


def editable_body(letter: Letter) -> str:
    """Return the text that a person may edit: paragraphs between blank lines."""
    return "\n\n".join(" ".join(span.text for span in paragraph) for paragraph in letter.paragraphs)


def annotate(letter: Letter, *, reasoning: tuple[Span, ...], checks: tuple[Check, ...]) -> Letter:
    """Return the letter with what its reviewer is shown; the hash does not change."""
    return replace(letter, reasoning=reasoning, checks=checks)
