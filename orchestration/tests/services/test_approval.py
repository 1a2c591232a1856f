"""What a person may do to an action, and what the database refuses whoever asks."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from compliance import consent, erasure, subjects
from orchestration import selectors
from orchestration.models import Action, ActionMove, ActionRevision, Approval
from orchestration.rendering import editable_body
from orchestration.services import approval, expiry
from orchestration.services.content import get_current_revision, open_letters
from orchestration.tests.stories import approve, heat, make_user, names_of, run_engines, utc_now
from revctx.api.errors import ApiError, Conflict, Forbidden, Gone, PreconditionRequired, Unprocessable
from revctx.eventbus.models import OutboxEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def action() -> Action:
    return heat().action


def read_body(action: Action) -> str:
    [letter] = open_letters(
        revisions=[get_current_revision(action)], actor="system:test", purpose="test", now=utc_now()
    )
    assert letter is not None
    return editable_body(letter)


def ask(action: Action, user: User, **changes: Any) -> Any:
    fields = {"version": action.version, "content_hash": action.content_hash, "now": utc_now()}
    return approval.approve(action_id=action.id, actor_user_id=user.pk, **fields | changes)


class TestApprove:
    def test_it_binds_the_text_and_holds_it(self, action: Action, approver: User) -> None:
        now = utc_now()

        result = ask(action, approver, now=now, note="Fine by me.")

        assert (result.state, result.version) == ("approved", 2)
        assert result.execute_after == now + timedelta(seconds=30)
        row = Approval.objects.get(action=action)
        assert (row.decision, row.content_hash, row.user_id) == ("approved", action.content_hash, approver.pk)
        assert row.consent_revision_id is not None
        assert b"Fine" not in bytes(row.sealed_note or b"")
        assert names_of(action.id) == ["action.proposed", "action.approved"]
        assert OutboxEvent.objects.filter(type="action.approved").count() == 1

    @pytest.mark.parametrize("missing", ["version", "content_hash"])
    def test_without_version_or_hash_nothing_is_approved(
        self, action: Action, approver: User, missing: str
    ) -> None:
        with pytest.raises(PreconditionRequired):
            ask(action, approver, **{missing: None})

    def test_a_stale_version_returns_the_current_one(self, action: Action, approver: User) -> None:
        with pytest.raises(Conflict) as refusal:
            ask(action, approver, version=7)

        assert refusal.value.extra["current"]["version"] == 1
        assert refusal.value.extra["current"]["content_hash"] == action.content_hash

    def test_another_hash_is_stale(self, action: Action, approver: User) -> None:
        with pytest.raises(Conflict):
            ask(action, approver, content_hash="0" * 64)

    def test_the_editor_cannot_approve(self, action: Action, approver: User, editor: User) -> None:
        approval.edit(
            action_id=action.id, version=1, subject="My words", actor_user_id=editor.pk, now=utc_now()
        )
        action.refresh_from_db()

        with pytest.raises(Forbidden):
            ask(action, editor)
        assert ask(action, approver).state == "approved"

    def test_expired_is_gone_and_never_sends(self, action: Action, approver: User) -> None:
        later = action.expires_at + timedelta(seconds=1)

        with pytest.raises(Gone):
            ask(action, approver, now=later)
        assert expiry.expire_pending(now=later) == 1
        with pytest.raises(Gone):
            ask(action, approver, version=2, now=later)
        assert names_of(action.id)[-1] == "action.expired"

    def test_withdrawn_consent_is_refused(self, action: Action, approver: User) -> None:
        consent.revoke(subject_id=action.subject_id, source="person", actor="system:test", now=utc_now())

        with pytest.raises(Unprocessable) as refusal:
            ask(action, approver)
        assert refusal.value.extra["reason"] == "revoked"

    def test_a_task_needs_no_consent(self, approver: User) -> None:
        assert ask(heat(consented=False).action, approver).state == "approved"

    def test_a_second_approval_is_refused(self, action: Action, approver: User) -> None:
        ask(action, approver)

        with pytest.raises(Conflict):
            ask(action, approver)


class TestReject:
    def test_it_ends_with_a_reason(self, action: Action, approver: User) -> None:
        result = approval.reject(
            action_id=action.id, version=1, reason_code="timing", actor_user_id=approver.pk, now=utc_now()
        )

        assert result.state == "rejected"
        assert Action.objects.get(pk=action.pk).reason_code == "timing"
        assert OutboxEvent.objects.get(type="action.rejected").data["reason_code"] == "timing"

    def test_an_unknown_reason_is_refused(self, action: Action, approver: User) -> None:
        with pytest.raises(Unprocessable):
            approval.reject(
                action_id=action.id, version=1, reason_code="mood", actor_user_id=approver.pk, now=utc_now()
            )


class TestEdit:
    def test_a_new_revision_with_a_new_hash(self, action: Action, editor: User) -> None:
        body = read_body(action) + "\n\nWould next week suit you?"

        result = approval.edit(
            action_id=action.id, version=1, body=body, actor_user_id=editor.pk, now=utc_now()
        )

        assert (result.state, result.version, result.revision) == ("pending", 2, 2)
        assert result.content_hash != action.content_hash
        detail = selectors.get_action_detail(action_id=action.id, viewer=editor.pk, now=utc_now())
        assert detail.own_edit
        assert detail.draft.edited_by == editor.pk
        assert [check.code for check in detail.checks if not check.ok] == ["edited"]
        assert detail.draft.paragraphs[0][0].refs  # an untouched sentence keeps its evidence
        assert ActionRevision.objects.filter(action=action).count() == 2

    def test_what_may_never_be_sent_is_refused(self, action: Action, editor: User) -> None:
        with pytest.raises(Unprocessable):
            approval.edit(
                action_id=action.id,
                version=1,
                body="See https://evil.example",
                actor_user_id=editor.pk,
                now=utc_now(),
            )
        assert Action.objects.get(pk=action.pk).revision == 1

    @pytest.mark.parametrize("text", [{"subject": "x" * 201}, {"body": "Fine words. " * 700}])
    def test_more_than_fits_is_refused(self, action: Action, editor: User, text: dict[str, str]) -> None:
        with pytest.raises(Unprocessable) as refusal:
            approval.edit(action_id=action.id, version=1, actor_user_id=editor.pk, now=utc_now(), **text)
        assert refusal.value.code == "too_long"

    def test_an_editor_does_not_keep_the_approver_waiting(
        self, action: Action, editor: User, approver: User
    ) -> None:
        approval.claim(action_id=action.id, actor_user_id=editor.pk, now=utc_now())
        approval.edit(
            action_id=action.id, version=1, body=read_body(action), actor_user_id=editor.pk, now=utc_now()
        )

        assert ask(Action.objects.get(pk=action.pk), approver, version=2).state == "approved"


class TestClaim:
    def test_a_lease_keeps_others_out_until_it_ends(
        self, action: Action, approver: User, editor: User
    ) -> None:
        now = utc_now()
        approval.claim(action_id=action.id, actor_user_id=editor.pk, now=now)

        with pytest.raises(Conflict) as refusal:
            ask(action, approver, now=now)
        assert refusal.value.code == "claimed"
        with pytest.raises(Conflict):
            approval.claim(action_id=action.id, actor_user_id=approver.pk, now=now)

        later = now + timedelta(seconds=301)
        assert approval.claim(action_id=action.id, actor_user_id=approver.pk, now=later).version == 1

    def test_release_frees_it(self, action: Action, approver: User, editor: User) -> None:
        approval.claim(action_id=action.id, actor_user_id=editor.pk, now=utc_now())
        assert selectors.list_claimed(user_id=editor.pk, now=utc_now()) == [action.id]

        approval.release(action_id=action.id, actor_user_id=editor.pk, now=utc_now())

        assert ask(action, approver).state == "approved"
        assert names_of(action.id)[1:3] == ["action.claimed", "action.released"]


class TestUndo:
    def test_within_the_hold_it_is_pending_again(self, action: Action, approver: User) -> None:
        ask(action, approver)
        assert [held.id for held in selectors.list_holds(user_id=approver.pk, now=utc_now())] == [action.id]

        result = approval.undo(action_id=action.id, actor_user_id=approver.pk, now=utc_now())

        assert (result.state, result.execute_after) == ("pending", None)
        assert ask(Action.objects.get(pk=action.pk), approver).state == "approved"

    def test_after_the_hold_it_is_too_late(self, action: Action, approver: User) -> None:
        ask(action, approver)

        with pytest.raises(Gone):
            approval.undo(
                action_id=action.id, actor_user_id=approver.pk, now=utc_now() + timedelta(seconds=31)
            )


class TestWithdrawal:
    def test_revoking_consent_cancels_what_waits(self, action: Action, approver: User) -> None:
        ask(action, approver)
        consent.revoke(subject_id=action.subject_id, source="person", actor="system:test", now=utc_now())

        run_engines()

        action.refresh_from_db()
        assert (action.state, action.reason_code) == ("cancelled", "consent_revoked")

    def test_erasing_the_person_cancels_and_destroys_every_text(self) -> None:
        story = heat()
        action = story.action
        assert action.subject_id is not None

        erasure.erase(subject_id=action.subject_id, actor="system:test", now=utc_now())

        action.refresh_from_db()
        assert (action.state, action.reason_code) == ("cancelled", "erased")
        assert ActionRevision.objects.get(action=action).sealed is None
        detail = selectors.get_action_detail(action_id=action.id, viewer=1, now=utc_now())
        assert detail.erased
        assert detail.draft.subject == ""
        assert detail.draft.paragraphs == ()
        assert subjects.find_subject(email=story.email) is None


class TestDatabaseRefuses:
    """The guard and the privileges hold against bugs of ours."""

    @pytest.mark.parametrize("state", ["approved", "executing", "executed", "unknown", "failed"])
    def test_a_pending_action_cannot_jump(self, action: Action, state: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            Action.objects.filter(pk=action.pk).update(state=state, version=99)

    def test_an_approved_text_cannot_be_swapped(self, action: Action, approver: User) -> None:
        approve(action, approver)

        with pytest.raises(DatabaseError), transaction.atomic():
            Action.objects.filter(pk=action.pk).update(content_hash="0" * 64)
        with pytest.raises(DatabaseError), transaction.atomic():
            Action.objects.filter(pk=action.pk).update(content_hash="0" * 64, state="executing", version=99)

    def test_an_undone_approval_is_none(self, action: Action, approver: User) -> None:
        approve(action, approver)
        approval.undo(action_id=action.id, actor_user_id=approver.pk, now=utc_now())

        with pytest.raises(DatabaseError), transaction.atomic():
            Action.objects.filter(pk=action.pk).update(state="approved", version=99)

    @pytest.mark.parametrize("model", [Approval, ActionMove])
    def test_decisions_and_history_cannot_be_rewritten(
        self, action: Action, approver: User, model: Any
    ) -> None:
        approve(action, approver)

        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.filter(action=action).update(at=utc_now())
        with pytest.raises(DatabaseError), transaction.atomic():
            model.objects.filter(action=action).delete()


class TestFindNext:
    def test_it_skips_what_others_claim_and_what_one_edited(
        self, action: Action, approver: User, editor: User
    ) -> None:
        other = heat(types=("demo_requested", "trial_started", "meeting_booked", "pricing_page_view")).action
        first, second = sorted([action, other], key=lambda item: (-item.intent, str(item.id)))

        assert selectors.find_next(user_id=approver.pk, now=utc_now()) == first
        approval.claim(action_id=first.id, actor_user_id=editor.pk, now=utc_now())
        assert selectors.find_next(user_id=approver.pk, now=utc_now()) == second
        approval.edit(
            action_id=second.id, version=1, subject="Mine", actor_user_id=approver.pk, now=utc_now()
        )
        assert selectors.find_next(user_id=approver.pk, now=utc_now()) is None


def test_every_refusal_is_an_api_error() -> None:
    user = make_user("nobody")
    for call in (approval.claim, approval.release, approval.undo):
        with pytest.raises(ApiError):
            call(action_id="00000000-0000-4000-8000-00000000dead", actor_user_id=user.pk, now=utc_now())
