"""Start-up checks of the webhook secrets."""

import pytest

from integrations.checks import check_mappings, check_outbound_keys, check_webhook_secrets


@pytest.mark.parametrize(
    ("secrets", "problems"), [([], 0), (["a-secret-of-sixteen-or-more"], 0), (["short"], 1), (["whsec_"], 1)]
)
@pytest.mark.parametrize("vendor", ["SALESFORCE", "HUBSPOT", "SEGMENT"])
def test_a_weak_secret_stops_the_start(settings, secrets, problems, vendor):
    setattr(settings, f"{vendor}_WEBHOOK_SECRETS", secrets)

    assert len(check_webhook_secrets(None)) == problems


@pytest.mark.parametrize("name", ["HUBSPOT_MAPPING", "SEGMENT_MAPPING"])
@pytest.mark.parametrize(
    ("text", "words"),
    [("version = 2", "version"), ("a = ", "TOML"), ('version = 1\nunknown = "x"', "unknown")],
)
def test_a_mapping_file_that_can_not_be_used_stops_the_start(settings, tmp_path, name, text, words):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    setattr(settings, name, str(path))

    [error] = check_mappings(None)

    assert name in error.msg
    assert words in error.msg


def test_a_law_that_nobody_knows_stops_the_start(settings):
    assert check_mappings(None) == []
    settings.HUBSPOT_PRIVACY_JURISDICTION = "XX"

    assert [error.id for error in check_mappings(None)] == ["integrations.E003"]


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
