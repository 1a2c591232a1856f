"""Making a token for an assistant, and starting the server with a token that will not do."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from orchestration.mcp.access import GRANTABLE, READING
from orchestration.tests.stories import make_user, names_of, utc_now
from revctx.api.models import ApiToken
from revctx.api.scopes import SCOPES
from revctx.api.tokens import find_token, issue_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewer() -> User:
    user = make_user("mia")
    user.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    return user


@pytest.mark.parametrize(("options", "scopes"), [([], GRANTABLE), (["--read-only"], READING)])
def test_a_token_comes_in_a_ready_configuration_and_expires(reviewer, options, scopes, capsys):
    call_command("mcp_token", "mia", "--days", "7", *options)

    server = json.loads(capsys.readouterr().out)["mcpServers"]["revctx"]
    assert Path(server["command"]).is_absolute()
    assert Path(server["args"][0]).name == "manage.py"
    secret = server["env"]["REVCTX_MCP_TOKEN"]
    token = find_token(secret=secret, now=utc_now())
    assert (token.user, set(token.scopes)) == (reviewer, scopes)
    assert find_token(secret=secret, now=utc_now() + timedelta(days=8)) is None
    assert names_of(reviewer.pk) == ["mcp_token.issued"]


@pytest.mark.parametrize("arguments", [["nobody"], ["mia", "--days", "0"], ["mia", "--days", "9999"]])
def test_what_makes_no_sense_makes_no_token(reviewer, arguments):
    with pytest.raises(CommandError):
        call_command("mcp_token", *arguments)
    assert not ApiToken.objects.exists()


def test_revoking_ends_the_tokens_of_assistants_alone(reviewer, capsys):
    call_command("mcp_token", "mia")
    secret = json.loads(capsys.readouterr().out)["mcpServers"]["revctx"]["env"]["REVCTX_MCP_TOKEN"]
    other = issue_token(user=reviewer, label="script", scopes=READING, now=utc_now())

    call_command("mcp_token", "mia", "--revoke")

    assert capsys.readouterr().out == "1 revoked\n"
    assert find_token(secret=secret, now=utc_now()) is None
    assert find_token(secret=other, now=utc_now()) is not None
    assert names_of(reviewer.pk) == ["mcp_token.issued", "mcp_token.revoked"]


def test_a_person_without_rights_gets_no_token():
    make_user("pat")
    with pytest.raises(CommandError, match="none of the tools"):
        call_command("mcp_token", "pat")


@pytest.mark.parametrize(("scopes", "reason"), [(None, "unknown, expired"), (SCOPES, "may do more than")])
def test_the_server_does_not_start_with_a_token_that_will_not_do(reviewer, settings, scopes, reason):
    settings.REVCTX_MCP_TOKEN = (
        issue_token(user=reviewer, label="all", scopes=scopes, now=utc_now()) if scopes else "rvx_wrong"
    )
    with pytest.raises(CommandError, match=reason):
        call_command("mcp_server")
