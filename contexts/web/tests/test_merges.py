"""The pages of identity."""

import pytest

from compliance import subjects
from contexts import selectors
from contexts.identity_models import IdentityMerge, MergeCandidate
from contexts.tests.factories import make_draft, score_signals
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db


def make_pair():
    score_signals(
        make_draft(account={"crm_id": "001A", "domain": "acme.example"}, email="a@acme.example"),
        make_draft(account={"crm_id": "001B", "domain": "acme.example"}, email="b@acme.example"),
    )
    return selectors.get_account_id("001A"), selectors.get_account_id("001B")


def test_a_pair_is_reviewed_merged_and_split_again():
    stays, goes = make_pair()
    client = sign_in("approver")

    listed = client.get("/identity")
    preview = client.get("/identity/merge", {"merged": "001B", "survivor": "001A"})
    sent = {"kind": "account", "merged": str(goes), "survivor": str(stays)}
    merged = client.post("/identity/merge", sent, follow=True)

    check_page(listed)
    check_page(preview)
    check_page(merged)
    assert "Two CRM ids share a reference" in listed.content.decode()
    assert preview.context["preview"].survivor_id == stays
    assert merged.redirect_chain == [(f"/accounts/{stays}", 302)]
    assert "was merged into this account" in merged.content.decode()
    assert client.get(f"/accounts/{goes}").context["account"].id == stays

    row = IdentityMerge.objects.get()
    split = client.post(f"/identity/merges/{row.id}/undo", {"back": str(stays)}, follow=True)
    assert split.redirect_chain == [(f"/accounts/{stays}", 302)]
    assert client.get(f"/accounts/{goes}").context["account"].id == goes
    check_page(client.get("/identity"))


def test_persons_are_merged_from_the_account_page():
    score_signals(*[make_draft(email=f"{name}@acme.example") for name in "ab"])
    account_id = selectors.get_account_id("crm-1")
    ids = [str(subjects.find_subject(email=f"{name}@acme.example")) for name in "ab"]
    client = sign_in("approver")
    pair = {"kind": "contact", "merged": ids[0], "survivor": ids[1], "back": str(account_id)}

    preview = client.get("/identity/merge", pair)
    merged = client.post("/identity/merge", pair, follow=True)

    check_page(preview)
    check_page(merged)
    assert merged.redirect_chain == [(f"/accounts/{account_id}", 302)]
    assert "is the same person as" in merged.content.decode()


def test_what_cannot_be_merged_says_why_and_a_dismissed_pair_is_gone():
    make_pair()
    client = sign_in("approver")

    refused = client.get("/identity/merge", {"merged": "001A", "survivor": "001A"})
    unknown = client.get("/identity/merge", {"kind": "contact", "merged": "x", "survivor": "y"})
    row = MergeCandidate.objects.get()
    dismissed = client.post(f"/identity/candidates/{row.id}/dismiss", follow=True)

    check_page(refused)
    assert "one already" in refused.content.decode()
    assert "not known here" in unknown.content.decode()
    assert "Nothing to review" in dismissed.content.decode()
    assert client.post(f"/identity/candidates/{row.id}/dismiss").status_code == 404


def test_a_reviewer_sees_matches_but_does_not_merge():
    stays, goes = make_pair()
    client = sign_in("reviewer")

    assert client.get("/identity").status_code == 200
    assert client.get("/identity/merge", {"merged": str(goes), "survivor": str(stays)}).status_code == 403
    assert client.post("/identity/merge", {"merged": str(goes), "survivor": str(stays)}).status_code == 403
