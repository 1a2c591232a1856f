"""What goes out, and that the hash binds all of it."""

from dataclasses import replace

from orchestration.contracts import Span
from orchestration.rendering import Letter, editable_body, rewrite
from orchestration.tests.factories import make_letter


class TestLetter:
    def test_the_renderer_adds_greeting_signature_and_a_way_out(self) -> None:
        body = make_letter().body()

        assert body.startswith("Hi Dana,\n\n")
        assert "\n\nMia\n\nYou get this because you agreed on 18 November 2026" in body
        assert body.endswith("Unsubscribe: http://revctx.test/api/unsubscribe/token")
        assert make_letter().headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_a_nameless_contact_is_greeted_without_a_name(self) -> None:
        assert make_letter(recipient_name="").greeting == "Hello,"

    def test_the_hash_changes_with_everything_that_is_sent(self) -> None:
        letter = make_letter()
        changed = [
            replace(letter, recipient="somebody else"),
            replace(letter, subject="Your question"),
            replace(letter, greeting="Hi Dan,"),
            replace(letter, paragraphs=((Span(text="Plans came up on 19 November."),),)),
            replace(letter, signature="Max"),
            replace(letter, footer=""),
            replace(letter, headers={}),
            replace(letter, salt=bytes(31) + b"\x01"),
        ]

        assert len({item.content_hash() for item in [letter, *changed]}) == len(changed) + 1

    def test_what_is_only_shown_is_no_part_of_the_hash(self) -> None:
        letter = make_letter()

        assert replace(letter, reasoning=(Span(text="Because."),)).content_hash() == letter.content_hash()

    def test_it_survives_its_own_json(self) -> None:
        letter = make_letter()

        assert Letter.from_json(letter.to_json()) == letter


class TestRewrite:
    def test_untouched_sentences_keep_their_evidence(self) -> None:
        letter = make_letter()

        edited = rewrite(
            letter, subject="New", body=editable_body(letter) + " A new one!\n\nEnd.", salt=b"1" * 32
        )

        first, second = edited.paragraphs
        assert [span.refs for span in first] == [("s1",), ()]
        assert [span.kind for span in first] == ["claim", "edited"]
        assert second[0].text == "End."
        assert edited.content_hash() != letter.content_hash()
