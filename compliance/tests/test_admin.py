import pytest
from django.contrib.auth.models import User
from django.test import Client

from compliance import subjects
from compliance.models import AuditLog, ConsentRevision, Subject, Suppression
from compliance.tests.factories import NOW, grant_consent


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(
        User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


@pytest.mark.parametrize("model", [AuditLog, ConsentRevision, Subject, Suppression])
class TestReadOnlyAdmin:
    def test_lists_without_a_way_to_add(self, admin, model):
        grant_consent()

        page = admin.get(f"/admin/compliance/{model._meta.model_name}/")

        assert page.status_code == 200
        assert "northwind" not in page.content.decode()
        assert admin.get(f"/admin/compliance/{model._meta.model_name}/add/").status_code == 403


def test_a_row_of_the_log_can_be_looked_at_but_not_changed(admin):
    grant_consent()
    row = AuditLog.objects.get(name="consent.granted")
    url = f"/admin/compliance/auditlog/{row.id}/change/"

    assert admin.get(url).status_code == 200
    assert admin.post(url, {"actor": "user:0"}).status_code == 403
    assert admin.post(f"/admin/compliance/auditlog/{row.id}/delete/").status_code == 403


def test_a_person_is_shown_as_an_id(admin):
    subject_id = subjects.ensure_subjects(emails=["ada@northwind.example"], now=NOW)["ada@northwind.example"]

    page = admin.get(f"/admin/compliance/subject/{subject_id}/change/").content.decode()

    assert str(subject_id) in page
    for name in ("address_hash", "wrapped_key", "sealed_address", "northwind"):
        assert name not in page
