"""The draft that every agent returns: sentences with kind and evidence, nothing that addresses or links."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "draft/1"
SentenceKind = Literal["claim", "value", "question", "cta"]


class _Strict(BaseModel):
    """Every key required and none extra, as strict structured output demands."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sentence(_Strict):
    """One sentence; `signal_ids` are references of the pack such as `s1`."""

    paragraph: int = Field(description="1 for the first paragraph, rising")
    kind: SentenceKind
    text: str
    signal_ids: list[str]


class Reason(_Strict):
    """One reason for the reviewer."""

    point: str
    signal_ids: list[str]


class Abstention(_Strict):
    """Whether the agent declines to write, and why."""

    flag: bool
    reason: str


class DraftV1(_Strict):
    """A whole draft. Recipient, greeting, links, signature and unsubscribe are added by the renderer."""

    angle: str = Field(description="two to four words")
    subject: str
    sentences: list[Sentence]
    rationale: list[Reason]
    risk_flags: list[str]
    self_confidence: float = Field(description="0 to 1: could this be sent as it is?")
    abstain: Abstention

    def paragraphs(self) -> list[list[Sentence]]:
        """Return the sentences by paragraph, in order."""
        numbers = sorted({sentence.paragraph for sentence in self.sentences})
        return [[s for s in self.sentences if s.paragraph == number] for number in numbers]

    def words(self) -> int:
        """Count the words of the body."""
        return sum(len(sentence.text.split()) for sentence in self.sentences)
