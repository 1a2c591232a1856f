"""Start-up checks of the webhook secrets."""

import pytest

from integrations.checks import check_outbound_keys, check_webhook_secrets


@pytest.mark.parametrize(
    ("secrets", "problems"), [([], 0), (["a-secret-of-sixteen-or-more"], 0), (["short"], 1), (["whsec_"], 1)]
)
def test_a_weak_secret_stops_the_start(settings, secrets, problems):
    settings.SALESFORCE_WEBHOOK_SECRETS = secrets

    assert len(check_webhook_secrets(None)) == problems


@pytest.mark.parametrize(
    ("keys", "organization", "problems"),
    [
        ([], "", 0),
        (["a-key-of-sixteen-or-more"], "00D5g00000ABCde", 0),
        (["short"], "00D5g00000ABCde", 1),
        (["a-key-of-sixteen-or-more"], "", 1),
    ],
)
def test_a_weak_outbound_key_stops_the_start(settings, keys, organization, problems):
    settings.SALESFORCE_OUTBOUND_KEYS, settings.SALESFORCE_ORGANIZATION_ID = keys, organization

    assert len(check_outbound_keys(None)) == problems
