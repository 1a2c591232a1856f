"""The admin shows the laboratory and changes nothing of it."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments
from laboratory.tests.factories import LONGER, make_history, work_off

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NOW = datetime.now(UTC)


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(
        User.objects.create_superuser(username="root"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


@pytest.mark.parametrize("model", ["experiment", "run", "crossingdecision", "promotion"])
def test_every_table_is_shown_and_none_can_be_added_to(admin, model):
    make_history(now=NOW)
    experiment = experiments.create_experiment(
        draft=ExperimentDraft(name="shown", challenger=LONGER), user_id=1, now=NOW
    )
    experiments.request_run(experiment_id=experiment.pk, user_id=1, now=NOW)
    work_off(now=NOW)

    assert admin.get(f"/admin/laboratory/{model}/").status_code == 200
    assert admin.get(f"/admin/laboratory/{model}/add/").status_code == 403
