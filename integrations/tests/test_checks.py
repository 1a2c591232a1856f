"""Start-up checks of the webhook secrets."""

import pytest

from integrations.checks import check_webhook_secrets


@pytest.mark.parametrize(
    ("secrets", "problems"), [([], 0), (["a-secret-of-sixteen-or-more"], 0), (["short"], 1), (["whsec_"], 1)]
)
def test_a_weak_secret_stops_the_start(settings, secrets, problems):
    settings.SALESFORCE_WEBHOOK_SECRETS = secrets

    assert len(check_webhook_secrets(None)) == problems
