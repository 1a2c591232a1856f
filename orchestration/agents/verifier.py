"""The deterministic verifier: every claim cited, every number, date and name found in what it cites."""

import re
from collections.abc import Iterable, Sequence

from contexts.contracts import ContextPack
from orchestration.agents.evidence import Evidence, has_invisible, list_evidence
from orchestration.agents.prompting import read_phrases
from orchestration.agents.protocol import DraftConfig
from orchestration.agents.schema import DraftV1, Sentence
from orchestration.contracts import Check
from orchestration.policy import Kind
from orchestration.rendering import Letter

BANNED_LIST = "banned/1.txt"
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DATE_WORDS = {*MONTHS, *WEEKDAYS}
_NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
# "one" is a pronoun far more often than a count, so it is not taken for a number.
NUMBERS = {word: str(value) for value, word in enumerate(_NUMBER_WORDS) if word != "one"}
_DIGITS = re.compile(r"\d[\d.,'\u00a0]*")
_WORD = re.compile(r"[^\W\d_][\w'’&-]*")
_LINK = re.compile(
    r"https?:|www\.|\S@\S|\]\(|\b[\w-]+\.(?:com|org|net|io|ai|dev|app|co|eu|de|uk|example)\b|<\s*a\b", re.I
)
_PHONE = re.compile(r"\+?\d[\d\s()./-]{7,}\d")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;]\s+|[\"“(]\s*)([^\W\d_][\w'’&-]*)")
_COMMON_CAPITALS = {"i", "i'm", "i'd", "i'll", "i've", "e-mail", "crm", "faq", "ok", "eu", "uk", "us"}


def verify(draft: DraftV1, pack: ContextPack, config: DraftConfig) -> list[Check]:
    """Check a draft against the pack that it was made from; all checks must be ok for it to be used."""
    evidence = {fact.ref: fact for fact in list_evidence(pack)}
    names = _account_words(pack)
    return [
        _check_citations(draft, evidence),
        _check_values(draft, evidence, names),
        *verify_text(draft.subject, [sentence.text for sentence in draft.sentences], config),
    ]


def check_edited(letter: Letter, pack: ContextPack, config: DraftConfig) -> list[Check]:
    """Check a person's text: what is not in the signals is a warning, for a person may know more."""
    evidence = {fact.ref: fact for fact in list_evidence(pack)}
    spans = [span for paragraph in letter.paragraphs for span in paragraph]
    used = [evidence[ref] for ref in sorted({ref for s in spans for ref in s.refs}) if ref in evidence]
    names = _account_words(pack) | {word.lower() for word in _WORD.findall(letter.recipient_name)}
    foreign = [token for span in spans for token in find_unsupported(span.text, used, names)]
    foreign += find_unsupported(letter.subject, used, names)
    own = sum(span.kind == "edited" for span in spans)
    return [
        Check(ok=not own, code="edited", text=_say_edited(own)),
        _bad("unsupported", f"Not in the cited signals: {', '.join(dict.fromkeys(foreign))}")
        if foreign
        else Check(ok=True, code="values", text="Numbers, dates and names found in the signals"),
        *verify_text(letter.subject, letter.sentences(), config),
    ]


def _say_edited(own: int) -> str:
    if not own:
        return "Unedited"
    return "One sentence written by a person" if own == 1 else f"{own} sentences written by a person"


def verify_text(subject: str, sentences: Sequence[str], config: DraftConfig) -> list[Check]:
    """Check what any text of ours must keep, whoever wrote it."""
    everything = [subject, *sentences]
    return [
        _check_banned(everything),
        _check_links(everything),
        _check_invisible(everything),
        _check_length(subject, sentences, config),
    ]


def _check_citations(draft: DraftV1, evidence: dict[str, Evidence]) -> Check:
    cited = [ref for item in draft.sentences for ref in item.signal_ids]
    cited += [ref for reason in draft.rationale for ref in reason.signal_ids]
    unknown = sorted(set(cited) - set(evidence))
    if unknown:
        return _bad("unknown_reference", f"Cites {', '.join(unknown[:5])}, which is not in the facts.")
    for sentence in draft.sentences:
        if sentence.kind in {"claim", "value"} and not sentence.signal_ids:
            return _bad("uncited", f"This {sentence.kind} cites no signal: “{_short(sentence.text)}”")
    if not any(sentence.kind == "claim" for sentence in draft.sentences):
        return _bad("no_claim", "No sentence says why it is written now.")
    return Check(ok=True, code="citations", text="Every claim cites a signal")


def _check_values(draft: DraftV1, evidence: dict[str, Evidence], names: set[str]) -> Check:
    for sentence in draft.sentences:
        cited = [evidence[ref] for ref in sentence.signal_ids if ref in evidence]
        foreign = find_unsupported(sentence.text, cited, names)
        if foreign:
            return _bad("unsupported", f"Not in the cited signals: {', '.join(foreign[:5])}.")
    foreign = find_unsupported(draft.subject, _cited_by(draft.sentences, evidence), names)
    if foreign:
        return _bad("unsupported", f"The subject is not backed by a cited signal: {', '.join(foreign[:5])}.")
    return Check(ok=True, code="values", text="Numbers, dates and names found in the signals")


def _cited_by(sentences: Iterable[Sentence], evidence: dict[str, Evidence]) -> list[Evidence]:
    refs = {ref for sentence in sentences for ref in sentence.signal_ids}
    return [evidence[ref] for ref in sorted(refs) if ref in evidence]


def find_unsupported(text: str, cited: Sequence[Evidence], names: set[str]) -> list[str]:
    """Return the numbers, dates and names of a text that none of the cited facts holds."""
    numbers, words = _supported(cited)
    found = [token for token in _numbers_in(text) if token not in numbers]
    lowered = {word.lower() for word in _WORD.findall(text)}
    found += [word for word, value in NUMBERS.items() if word in lowered and value not in numbers]
    starts = {match.group(1) for match in _SENTENCE_START.finditer(text)}
    for word in _WORD.findall(text):
        plain = word.removesuffix("'s").removesuffix("’s")
        if not plain[0].isupper() or plain.lower() in _COMMON_CAPITALS | names | words:
            continue
        # A capital at the start of a sentence says nothing, unless it begins a date.
        if word not in starts or plain in DATE_WORDS - {"May"}:
            found.append(plain)
    return list(dict.fromkeys(found))


def _numbers_in(text: str) -> list[str]:
    return [_plain_number(match) for match in _DIGITS.findall(text)]


def _plain_number(token: str) -> str:
    """Fold `1,200`, `1'200`, `3.0` and `07` to one spelling."""
    digits = re.sub(r"[,'\u00a0](?=\d{3})", "", token).rstrip(".,'")
    try:
        return f"{float(digits):g}"
    except ValueError:
        return digits


def _supported(cited: Sequence[Evidence]) -> tuple[set[str], set[str]]:
    numbers = _totals(cited)
    words: set[str] = set()
    for fact in cited:
        moment = fact.occurred_at
        numbers |= {f"{value:g}" for value in (fact.count, moment.day, moment.year)}
        words |= {f"{moment:%B}".lower(), f"{moment:%A}".lower()}
        for text in (fact.label, fact.type.replace("_", " "), *map(str, fact.attributes.values())):
            numbers |= set(_numbers_in(text))
            words |= {word.lower() for word in _WORD.findall(text)}
    return numbers, words


def _totals(cited: Sequence[Evidence]) -> set[str]:
    """Return how many signals and people the facts of each type add up to."""
    by_type: dict[str, list[Evidence]] = {}
    for fact in cited:
        by_type.setdefault(fact.type, []).append(fact)
    totals: set[str] = set()
    for facts in by_type.values():
        totals |= {f"{sum(fact.count for fact in facts):g}", f"{len({fact.person for fact in facts}):g}"}
    return totals


def _account_words(pack: ContextPack) -> set[str]:
    industry = (pack.account.get("attributes") or {}).get("industry")
    texts = [str(text or "") for text in (pack.account.get("name"), pack.account.get("domain"), industry)]
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def _check_banned(texts: Sequence[str]) -> Check:
    flat = " ".join(" ".join(texts).lower().replace("’", "'").split())
    hits = [
        phrase
        for phrase in read_phrases(BANNED_LIST)
        if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", flat)
    ]
    if hits:
        return _bad("banned", f"Not allowed: “{hits[0]}”.", blocking=True)
    return Check(ok=True, code="banned", text="No banned phrase")


def _check_links(texts: Sequence[str]) -> Check:
    for text in texts:
        if _LINK.search(text) or _PHONE.search(text):
            return _bad("link", "A link, address or phone number may not be part of the text.", blocking=True)
    return Check(ok=True, code="links", text="No links or addresses in the text")


def _check_invisible(texts: Sequence[str]) -> Check:
    if any(has_invisible(text) for text in texts):
        return _bad("invisible", "The text holds invisible characters.", blocking=True)
    return Check(ok=True, code="invisible", text="No invisible characters")


def _check_length(subject: str, sentences: Sequence[str], config: DraftConfig) -> Check:
    low, high = config.words
    words = sum(len(text.split()) for text in sentences)
    if not subject.strip() or not all(text.strip() for text in sentences) or not sentences:
        return _bad("empty", "Subject and sentences may not be empty.", blocking=True)
    if len(subject) > config.subject_length:
        return _bad("subject_length", f"Subject has {len(subject)} characters; {config.subject_length} fit.")
    if not low <= words <= high:
        return _bad("length", f"{words} words; {low} to {high} are wanted.")
    noun = "letter" if config.kind is Kind.EMAIL else "task"
    return Check(ok=True, code="length", text=f"{words} words, a fitting length for a {noun}")


def _bad(code: str, text: str, *, blocking: bool = False) -> Check:
    return Check(ok=False, code=code, text=text, blocking=blocking)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
