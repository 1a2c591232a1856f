from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from revctx.api.models import ApiToken
from revctx.api.tokens import digest_of, issue_token
from revctx.tests.database import rows

LIST = "/admin/api/apitoken/"
pytestmark = pytest.mark.django_db


def make_token(label, **given):
    user = User.objects.get_or_create(username="mia")[0]
    secret = issue_token(user=user, label=label, scopes=["signals:read"], now=timezone.now(), **given)
    return secret, ApiToken.objects.get(digest=digest_of(secret))


def staff(*permissions):
    person = User.objects.create_user("root", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(person)
    return client, person


def revoke(client, *tokens):
    chosen = {"action": "revoke", "_selected_action": [token.pk for token in tokens]}
    return client.post(LIST, chosen, follow=True)


def status_with(secret):
    return Client().get("/api/signals", headers={"Authorization": f"Bearer {secret}"}).status_code


def test_shows_who_may_what_and_never_a_token():
    secret, token = make_token("crm")
    make_token("old", expires_at=timezone.now() - timedelta(days=1))
    client, _ = staff("view_apitoken")

    pages = client.get(LIST).content.decode() + client.get(f"{LIST}{token.pk}/change/").content.decode()

    digest = digest_of(secret).hex()
    assert all(text in pages for text in ("crm", "mia", "signals:read", digest[-4:], "live", "expired"))
    assert secret not in pages
    assert digest not in pages
    assert 'value="revoke"' not in pages
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{token.pk}/change/", {"label": "other"}).status_code == 403
    assert client.post(f"{LIST}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_whoever_may_change_tokens_revokes_them_and_it_is_audited():
    secret, token = make_token("crm")
    kept, _ = make_token("other")
    client, person = staff("view_apitoken", "change_apitoken")
    assert status_with(secret) == 200

    first, again = revoke(client, token), revoke(client, token)

    assert (status_with(secret), status_with(kept)) == (401, 200)
    assert "1 revoked." in first.content.decode()
    assert "0 revoked." in again.content.decode()
    audited = rows(
        "SELECT actor, target_id, payload->>'user_id' FROM audit_logs WHERE name = 'api_token.revoked'"
    )
    assert audited == [(f"user:{person.pk}", str(token.pk), str(token.user_id))]


def test_whoever_may_only_look_revokes_nothing():
    secret, token = make_token("crm")

    revoke(staff("view_apitoken")[0], token)

    assert status_with(secret) == 200
