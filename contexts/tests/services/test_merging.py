"""Merging and splitting accounts and persons, on a real database."""

from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import consent, erasure, subjects
from compliance.selectors import list_audit_events
from contexts import consequences, selectors
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.models import Account, AccountContext
from contexts.services.contacts import open_contact
from contexts.services.enrichment import record_enrichment
from contexts.services.matching import UnknownCandidate, apply_due_merges, dismiss
from contexts.services.merge_preview import preview_merge
from contexts.services.merging import MergeRefused, merge, undo
from contexts.services.sweeping import sweep
from contexts.tests.factories import NOW, make_draft, score_of, score_signals
from revctx.eventbus.models import OutboxEvent
from signals.contracts import PersonDraft

pytestmark = pytest.mark.django_db

_numbers = count(1)
TYPES = ("page_view", "pricing_page_view", "demo_requested", "opportunity_lost", "trial_started")
HOT = ("demo_requested", "pricing_page_view", "meeting_booked", "trial_started", "usage_limit_reached")
_DIGEST = """
SELECT md5(coalesce(string_agg(row, '' ORDER BY row), '')) FROM (
    SELECT to_jsonb(t)::text AS row FROM contexts_account t WHERE id = ANY(%(ids)s)
    UNION ALL SELECT to_jsonb(t)::text FROM contexts_accountalias t WHERE account_id = ANY(%(ids)s)
    UNION ALL SELECT to_jsonb(t)::text FROM contexts_contact t WHERE account_id = ANY(%(ids)s)
    UNION ALL SELECT to_jsonb(t)::text FROM contexts_ledgerentry t WHERE account_id = ANY(%(ids)s)
    UNION ALL SELECT to_jsonb(t)::text FROM contexts_scorebucket t WHERE account_id = ANY(%(ids)s)
    UNION ALL SELECT (to_jsonb(t) - 'version')::text FROM account_contexts t WHERE account_id = ANY(%(ids)s)
) AS rows
"""


def digest(*account_ids) -> str:
    """Return a digest of every context row of accounts; only `version` may differ, which always rises."""
    with connection.cursor() as cursor:
        cursor.execute(_DIGEST, {"ids": list(account_ids)})
        return cursor.fetchone()[0]


def account(ref: str):
    return selectors.get_account_id(ref)


def person(email: str):
    return subjects.find_subject(email=email)


def join(merged: str, survivor: str, *, kind: str = "account", now=NOW):
    find = account if kind == "account" else person
    ids = {"merged_id": find(merged), "survivor_id": find(survivor)}
    return merge(kind=kind, **ids, actor="user:1", now=now)


def make_hot(crm_id: str, **fields) -> None:
    score_signals(
        *[make_draft(kind, crm_id=crm_id, strength=3.0, ago=timedelta(hours=1), **fields) for kind in HOT]
    )


def parts(ref: str, *, as_of=NOW):
    score = score_of(ref, as_of=as_of)
    told = sorted((c.type, c.points, c.signal_count, c.latest_at) for c in score.contributions)
    return score.intent, score.damping, told


def events() -> list[dict]:
    rows = OutboxEvent.objects.filter(type="context.updated").order_by("id")
    return [row.data for row in rows]


signal_lists = st.lists(
    st.tuples(
        st.sampled_from(TYPES),
        st.sampled_from(["", "p", "q"]),
        st.booleans(),  # names the account that goes
        st.booleans(),  # arrives after the merge
        st.integers(0, 20 * 24),
    ),
    min_size=1,
    max_size=9,
)


SHORT, LONG = settings(max_examples=4), settings(max_examples=150)


class TestProperties:
    @SHORT
    @given(signal_lists)
    def test_a_merged_score_is_as_if_all_signals_had_named_the_survivor(self, signals):
        self.check_accounts(signals)

    @SHORT
    @given(signal_lists)
    def test_merged_persons_score_as_if_all_signals_had_named_the_one(self, signals):
        self.check_persons(signals)

    @pytest.mark.long
    @LONG
    @given(signal_lists)
    def test_accounts_at_length(self, signals):
        self.check_accounts(signals)

    @pytest.mark.long
    @LONG
    @given(signal_lists)
    def test_persons_at_length(self, signals):
        self.check_persons(signals)

    def check_accounts(self, signals):
        run = next(_numbers)
        score_signals(make_draft(crm_id=f"gone-{run}"), make_draft(crm_id=f"stays-{run}"))
        score_signals(make_draft(crm_id=f"always-{run}"), make_draft(crm_id=f"always-{run}"))

        def send(late: bool) -> None:
            chosen = [s for s in signals if s[3] == late]
            for told in (lambda goes: f"gone-{run}" if goes else f"stays-{run}", lambda _: f"always-{run}"):
                score_signals(
                    *[
                        make_draft(
                            kind,
                            crm_id=told(goes),
                            email=f"{who}{run}@acme.example" if who else None,
                            ago=timedelta(hours=age),
                        )
                        for kind, who, goes, _, age in chosen
                    ]
                )

        send(late=False)
        ids = account(f"gone-{run}"), account(f"stays-{run}")
        before = digest(*ids)
        for _ in range(2):  # there, back to the byte, and there again
            merge_id = join(f"gone-{run}", f"stays-{run}")
            assert parts(f"gone-{run}") == parts(f"stays-{run}") == parts(f"always-{run}")
            if _ == 0:
                undo(merge_id=merge_id, actor="user:1", now=NOW)
                assert digest(*ids) == before
        send(late=True)

        assert parts(f"stays-{run}") == parts(f"always-{run}")
        stored = AccountContext.objects.get(account_id=ids[1])
        assert stored.intent_score == score_of(f"always-{run}").intent
        past = NOW - timedelta(days=5)
        assert parts(f"stays-{run}", as_of=past) == parts(f"always-{run}", as_of=past)

    def check_persons(self, signals):
        run = next(_numbers)
        emails = {"p": f"p{run}@acme.example", "q": f"q{run}@acme.example", "": None}
        always = {"p": f"r{run}@acme.example", "q": f"r{run}@acme.example", "": None}
        for crm_id, names in ((f"two-{run}", emails), (f"one-{run}", always)):
            firsts = [make_draft(crm_id=crm_id, email=names[who]) for who in "pq"]
            told = [
                make_draft(kind, crm_id=crm_id, email=names[who], ago=timedelta(hours=age))
                for kind, who, _, _, age in signals
            ]
            score_signals(*firsts, *told)
        before = digest(account(f"two-{run}"))

        merge_id = join(emails["p"], emails["q"], kind="contact")

        assert parts(f"two-{run}") == parts(f"one-{run}")
        assert AccountContext.objects.get(account_id=account(f"two-{run}")).intent_score == pytest.approx(
            score_of(f"one-{run}").intent, abs=0
        )
        assert [c.subject_id for c in selectors.list_contacts(account(f"two-{run}"))] == [person(emails["q"])]
        undo(merge_id=merge_id, actor="user:1", now=NOW)
        assert digest(account(f"two-{run}")) == before


class TestMergeAccounts:
    def test_everything_that_named_the_one_names_the_other(self):
        score_signals(
            make_draft(account={"crm_id": "001A", "domain": "acme.example"}, email="a@acme.example"),
            make_draft(account={"crm_id": "001B", "external_id": "seg-9"}, email="b@acme.example"),
        )
        gone, survivor = account("001B"), account("001A")

        join("001B", "001A")

        assert account("seg-9") == account(str(gone)) == survivor
        assert dict(selectors.get_account("001A").aliases)["external_id"] == "seg-9"
        assert len(selectors.list_contacts(survivor)) == 2
        assert [row.id for row in selectors.list_accounts()] == [survivor]
        assert [row.id for row in selectors.list_accounts(search="seg-9")] == [survivor]
        assert [row.id for row in selectors.list_accounts(as_of=NOW)] == [survivor]
        assert len(selectors.get_timeline(survivor)) == 2
        assert selectors.get_history(account_id=gone, since=NOW - timedelta(days=1), until=NOW, points=2)[
            1
        ] == (NOW, score_of("001A").intent)
        [entry] = list_audit_events(name="account.merged")
        assert entry.payload["merged_id"] == str(gone)

    def test_new_signals_and_facts_count_for_the_survivor_and_go_back_with_the_split(self):
        score_signals(make_draft(crm_id="001A"), make_draft(crm_id="001B"))
        gone, alone = account("001B"), parts("001B")
        merge_id = join("001B", "001A")

        score_signals(make_draft("demo_requested", crm_id="001B"))
        record_enrichment(account_id=gone, provider="p", facts={"industry": "retail"}, now=NOW)
        sweep(now=NOW + timedelta(minutes=2))

        assert AccountContext.objects.get(account_id=gone).intent_score == 0
        assert Account.objects.get(id=account("001A")).attributes == {"industry": "retail"}
        undo(merge_id=merge_id, actor="user:1", now=NOW)
        assert account("001B") == gone
        assert {c.type for c in score_of("001A").contributions} == {"page_view"}
        assert parts("001B") != alone
        assert {c.type for c in score_of("001B").contributions} == {"page_view", "demo_requested"}
        assert AccountContext.objects.get(account_id=gone).intent_score == score_of("001B").intent

    def test_bands_alone_are_published_there_and_back(self):
        make_hot("001B")
        score_signals(make_draft(crm_id="001A"))
        told = len(events())

        merge_id = join("001B", "001A")
        there = {(e["account_id"], e["old_band"], e["new_band"], e["direction"]) for e in events()[told:]}
        told = len(events())
        undo(merge_id=merge_id, actor="user:1", now=NOW)
        back = {(e["account_id"], e["old_band"], e["new_band"], e["direction"]) for e in events()[told:]}

        gone, survivor = str(account("001B")), str(account("001A"))
        assert there == {(gone, "hot", "cold", "down"), (survivor, "cold", "hot", "up")}
        assert back == {(gone, "cold", "hot", "up"), (survivor, "hot", "cold", "down")}

    def test_without_a_change_of_band_nothing_is_published(self):
        score_signals(make_draft(crm_id="001A"), make_draft(crm_id="001B"))
        told = len(events())

        merge_id = join("001B", "001A")
        undo(merge_id=merge_id, actor="user:1", now=NOW)

        assert len(events()) == told

    @pytest.mark.parametrize("order", [(1, 0), (0, 1)])
    def test_chains_come_apart_in_any_order(self, order):
        score_signals(*[make_draft(kind, crm_id=ref) for ref, kind in zip("ABC", TYPES, strict=False)])
        ids = {ref: account(ref) for ref in "ABC"}
        before = {ref: parts(ref) for ref in "ABC"}
        stored = digest(*ids.values())
        chain = [join("A", "B"), join("B", "C")]
        assert account("A") == account("B") == ids["C"]

        undo(merge_id=chain[order[0]], actor="user:1", now=NOW)
        assert account("A") == (ids["B"] if order[0] == 1 else ids["A"])
        undo(merge_id=chain[order[1]], actor="user:1", now=NOW)

        assert {ref: parts(ref) for ref in "ABC"} == before
        if order == (1, 0):
            assert digest(*ids.values()) == stored

    def test_the_past_is_shown_as_it_was_known(self):
        score_signals(make_draft(crm_id="001A"), make_draft("trial_started", crm_id="001B"))
        ids, later = (account("001A"), account("001B")), NOW + timedelta(hours=1)
        join("001B", "001A", now=later)

        then = [selectors.get_score(account_id=pk, as_of=NOW, known_at=NOW) for pk in ids]
        now = [selectors.get_score(account_id=pk, as_of=NOW, known_at=later) for pk in ids]

        assert [s.account_id for s in then] == list(ids)
        assert [len(s.contributions) for s in then] == [1, 1]
        assert [s.account_id for s in now] == [ids[0], ids[0]]
        assert [len(s.contributions) for s in now] == [2, 2]

    def test_what_makes_no_sense_is_refused(self):
        score_signals(make_draft(crm_id="001A"), make_draft(crm_id="001B"), make_draft(crm_id="001C"))
        join("001B", "001A")
        gone = IdentityMerge.objects.get().merged_id

        for merged, survivor, code in (
            (account("001A"), gone, "same_account"),
            (gone, account("001C"), "already_merged"),
            (account("001C"), uuid4(), "unknown_account"),
        ):
            with pytest.raises(MergeRefused) as refusal:
                merge(kind="account", merged_id=merged, survivor_id=survivor, actor="user:1", now=NOW)
            assert refusal.value.code == code
        with pytest.raises(MergeRefused):
            undo(merge_id=uuid4(), actor="user:1", now=NOW)

    def test_the_preview_tells_what_then_happens_and_changes_nothing(self):
        make_hot("001B")
        score_signals(make_draft(crm_id="001A"))
        ids = account("001B"), account("001A")
        before = digest(*ids)

        preview = preview_merge(kind="account", merged_id=ids[0], survivor_id=ids[1], now=NOW)

        assert digest(*ids) == before
        assert not IdentityMerge.objects.exists()
        join("001B", "001A")
        stays, goes = preview.accounts
        assert (stays.intent_after, stays.band_after) == (score_of("001A").intent, score_of("001A").band)
        assert (goes.band, goes.intent_after) == ("hot", None)
        assert preview.drafts_end
        assert preview.aliases == (("crm_id", "001B"),)
        assert consequences.list_counters() == ["actions"]


class TestMergeContacts:
    def grant(self, email: str) -> None:
        case = {"jurisdiction": "US", "notice_version": "v1", "source": "test"}
        consent.grant(email=email, actor="user:1", now=NOW, **case)

    def allowed(self, *emails: str) -> list[bool]:
        found = consent.list_status(subject_ids=[person(email) for email in emails], now=NOW)
        return [found[person(email)].allowed for email in emails]

    def test_consent_is_the_strictest_of_both_until_they_are_split(self):
        emails = ("p@acme.example", "q@acme.example")
        score_signals(*[make_draft(email=email) for email in emails])
        for email in emails:
            self.grant(email)
        merge_id = join(*emails, kind="contact")
        assert self.allowed(*emails) == [True, True]

        consent.revoke(subject_id=person(emails[0]), source="test", actor="user:1", now=NOW)

        assert self.allowed(*emails) == [False, False]
        withdrawn = OutboxEvent.objects.filter(type="consent.changed", data__status="revoked")
        assert {row.key for row in withdrawn} == {str(person(email)) for email in emails}
        undo(merge_id=merge_id, actor="user:1", now=NOW)
        assert self.allowed(*emails) == [False, True]

    def test_the_preview_says_whose_consent_ends(self):
        emails = ("p@acme.example", "q@acme.example")
        score_signals(*[make_draft(email=email) for email in emails])
        self.grant(emails[1])
        ids = {"merged_id": person(emails[0]), "survivor_id": person(emails[1])}

        preview = preview_merge(kind="contact", **ids, now=NOW)

        changes = {c.subject_id: (c.allowed, c.allowed_after) for c in preview.consents}
        assert changes == {person(emails[0]): (False, False), person(emails[1]): (True, False)}
        assert preview.drafts_end
        [change] = preview.accounts
        join(*emails, kind="contact")
        assert self.allowed(*emails) == [False, False]
        assert change.intent_after == score_of().intent

    def test_erasing_one_erases_all_and_cannot_be_split_again(self):
        emails = ("p@acme.example", "q@acme.example")
        score_signals(*[make_draft(email=email) for email in emails])
        ids = [person(email) for email in emails]
        contacts = [c.id for c in selectors.list_contacts(account("crm-1"))]
        merge_id = join(*emails, kind="contact")

        erasure.erase(subject_id=ids[0], actor="user:1", now=NOW)

        assert subjects.list_erased(ids) == set(ids)
        assert {e.target_id for e in list_audit_events(name="subject.erased")} == {str(i) for i in ids}
        assert [open_contact(contact_id=c, actor="user:1", now=NOW) for c in contacts] == [("", "")] * 2
        assert score_of().contributions == ()
        with pytest.raises(MergeRefused):
            undo(merge_id=merge_id, actor="user:1", now=NOW)


class TestMatches:
    def test_references_that_lead_to_two_accounts_go_on_the_list_once(self):
        score_signals(make_draft(account={"crm_id": "001A"}), make_draft(account={"domain": "acme.example"}))
        both = {"crm_id": "001A", "domain": "acme.example"}

        score_signals(make_draft(account=both), make_draft(account=both))
        score_signals(make_draft(account=both))

        [row] = MergeCandidate.objects.all()
        assert (row.survivor_id, row.merged_id) == (account("001A"), account("acme.example"))
        assert (row.reason, row.state) == ("shared_reference", "open")
        join("acme.example", "001A")
        row.refresh_from_db()
        assert row.state == "merged"

    def test_two_crm_ids_with_one_domain_are_listed_and_can_be_dismissed_for_good(self):
        for crm_id in ("001A", "001B"):
            score_signals(make_draft(account={"crm_id": crm_id, "domain": "acme.example"}))
        [row] = MergeCandidate.objects.all()
        assert row.reason == "two_crm_ids"

        dismiss(candidate_id=row.id, actor="user:1", now=NOW)
        score_signals(make_draft(account={"crm_id": "001B", "domain": "acme.example"}))

        assert MergeCandidate.objects.filter(state="open").count() == 0
        with pytest.raises(UnknownCandidate):
            dismiss(candidate_id=row.id, actor="user:1", now=NOW)

    def test_the_domain_of_an_address_finds_an_account_that_has_it_and_free_mail_none(self):
        score_signals(make_draft(account={"crm_id": "001A", "domain": "acme.example"}))

        score_signals(make_draft(account={"external_id": "seg-1"}, email="kim@acme.example"))
        score_signals(make_draft(account={"external_id": "seg-2"}, email="kim@gmail.com"))
        score_signals(make_draft(account={"external_id": "seg-3"}, email="kim@nowhere.example"))

        assert account("seg-1") == account("001A")
        assert len({account(f"seg-{n}") for n in (1, 2, 3)}) == 3
        assert not Account.objects.filter(aliases__value__in=["gmail.com", "nowhere.example"]).exists()

    def test_a_vendors_merge_of_accounts_is_done_even_of_one_not_seen_yet(self):
        score_signals(make_draft(crm_id="001A"), make_draft("trial_started", crm_id="001B"))
        for gone in ("001B", "001Z"):
            score_signals(
                make_draft("account_merged", crm_id="001A", attributes={"merged_crm_id": gone}),
                make_draft("account_merged", crm_id="001A", attributes={"merged_crm_id": gone}),
            )
        assert apply_due_merges(now=NOW) == 2
        score_signals(make_draft("demo_requested", crm_id="001Z"))

        assert account("001B") == account("001Z") == account("001A")
        assert "demo_requested" in {c.type for c in score_of("001A").contributions}
        assert apply_due_merges(now=NOW) == 0
        assert IdentityMerge.objects.exclude(source_signal_id=None).count() == 2

    def test_a_vendors_merge_of_contacts_is_done_and_an_impossible_one_fails_visibly(self):
        score_signals(make_draft(email="p@acme.example"), make_draft(email="q@acme.example"))
        gone = {"merged_email": "p@acme.example"}
        score_signals(make_draft("contact_merged", email="q@acme.example", attributes=gone))
        erased = person("p@acme.example")
        erasure.erase(subject_id=erased, actor="user:1", now=NOW)
        apply_due_merges(now=NOW)

        [row] = MergeCandidate.objects.all()
        assert (row.state, row.error_code) == ("failed", "unknown_contact")
        assert list_audit_events(name="match.failed").count() == 1

        score_signals(make_draft(person=PersonDraft(email="r@acme.example", name="R")))
        gone = {"merged_email": "r@acme.example"}
        score_signals(make_draft("contact_merged", email="q@acme.example", attributes=gone))
        apply_due_merges(now=NOW)
        assert IdentityMerge.objects.get().kind == "contact"
