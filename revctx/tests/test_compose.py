"""docker-compose.yml runs what `make run` runs, needs every secret, and opens no port to others."""

import base64
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from revctx.devstack.paths import PROJECT_ROOT
from revctx.devstack.processes import list_processes

COMPOSE_TEXT = (PROJECT_ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PREPARATION = {"roles", "migrate"}
PRODUCT = {name: service for name, service in SERVICES.items() if service["image"].startswith("revctx:")}
PROCESSES = {name: service for name, service in PRODUCT.items() if name not in PREPARATION}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}")
# Values of these may be empty: what they open is then off, and the product says so.
OPTIONAL_KEYS = {
    *("OPENAI_API_KEY", "OUTREACH_API_KEY", "ENRICHMENT_API_KEY", "GRAFANA_ADMIN_PASSWORD"),
    *("OUTREACH_CLIENT_SECRET", "OUTREACH_REFRESH_TOKEN"),
    *("SALESFORCE_CLIENT_SECRET", "SALESFORCE_OUTBOUND_KEYS"),
    *("HUBSPOT_WEBHOOK_SECRETS", "SEGMENT_WEBHOOK_SECRETS"),
}
# Arguments that say where or under which name a process runs, not what it does.
PLACE_OPTIONS = {"-n", "-s", "--port", "--host", "--workers", "--blocking-threads"}


def identity_of(command: Iterable[str]) -> tuple[str, ...]:
    """Return what a command line does, without interpreter, names, ports and counts."""
    words = [word for word in command if word not in {sys.executable, "python", "-m"}]
    kept, skip = [], False
    for word in words:
        if skip or word in PLACE_OPTIONS:
            skip = not skip
            continue
        kept.append(word)
    return tuple(kept)


def dockerfile_command() -> list[str]:
    """Return the image's default command: the web process."""
    text = (PROJECT_ROOT / "Dockerfile").read_text().replace("\\\n", "")
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command is not None
    words: list[str] = yaml.safe_load(command.group(1))
    return words


def render(value: str, given: Mapping[str, str]) -> str:
    """Fill in variables as compose does."""

    def fill(match: re.Match[str]) -> str:
        default = (match.group(2) or "").removeprefix(":-") if (match.group(2) or "").startswith(":-") else ""
        return given.get(match.group(1), default)

    return VARIABLE.sub(fill, value)


def given_values() -> dict[str, str]:
    """Return a value for every required variable, as a filled-in .env would."""
    required = {name for name, rule in VARIABLE.findall(COMPOSE_TEXT) if rule.startswith(":?")}
    key = base64.b64encode(b"k" * 32).decode()
    values = dict.fromkeys(required, "0123456789abcdef")
    kinds = ("_HASH_KEY", "_ENCRYPTION_KEY", "_SIGNING_KEY")
    values |= {name: key for name in required if name.endswith(kinds)}
    return values | {"SECRET_KEY": "s" * 50, "SENDER_NAME": "Test Sender"}


def environment_of(service: str) -> dict[str, str]:
    """Return the environment that compose would give a service."""
    values = given_values()
    return {name: render(str(value), values) for name, value in SERVICES[service]["environment"].items()}


def test_runs_the_same_processes_as_make_run() -> None:
    ours = Counter(identity_of(spec.command) for spec in list_processes(web_port=1, sandbox_port=2))
    composed: Counter[tuple[str, ...]] = Counter()
    for service in PROCESSES.values():
        command = service.get("command") or dockerfile_command()
        composed[identity_of(command)] += service.get("deploy", {}).get("replicas", 1)
    # `make run` has no organisation of Salesforce to follow.
    assert composed == ours + Counter({("manage.py", "salesforce_cdc"): 1})


def test_only_what_not_everybody_has_is_left_out_of_a_plain_up() -> None:
    optional = {name for name, service in PROCESSES.items() if "profiles" in service}
    assert optional == {"sandbox", "lab-worker", "salesforce-changes"}
    assert SERVICES["sandbox"]["profiles"] == ["local"]
    assert {name for name, s in SERVICES.items() if s.get("profiles") == ["monitoring"]} == {
        "prometheus",
        "grafana",
    }


def test_no_port_is_open_to_other_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_has_a_default() -> None:
    for name, rule in VARIABLE.findall(COMPOSE_TEXT):
        if re.search("KEY|SECRET|PASSWORD|TOKEN|CLUSTER_ID", name) and not name.endswith("_PER_TOKEN"):
            assert rule.startswith(":?") or (name in OPTIONAL_KEYS and rule == ":-"), name


@pytest.mark.parametrize("name", sorted(set(PROCESSES) - {"sandbox"}))
def test_nothing_starts_before_what_it_needs(name: str) -> None:
    needs = {other: rule["condition"] for other, rule in SERVICES[name]["depends_on"].items()}
    assert needs["migrate"] == "service_completed_successfully"
    if name != "lab-worker":
        assert needs["postgres"] == needs["redis"] == needs["kafka"] == "service_healthy"
    for other, condition in needs.items():
        assert condition != "service_healthy" or "healthcheck" in SERVICES[other]


def test_the_owner_role_is_known_to_the_preparation_alone() -> None:
    knows_owner = {
        name for name, s in SERVICES.items() if "revctx_owner" in str(list(s.get("environment", {}).values()))
    }
    assert knows_owner == PREPARATION


def test_the_sealer_alone_knows_the_signing_key_and_writes_the_anchors() -> None:
    assert {name for name, s in SERVICES.items() if "AUDIT_SIGNING_KEY" in s.get("environment", {})} == {
        "sealer"
    }
    mounts = {
        name: [v for v in s.get("volumes", []) if v.startswith("anchors:")] for name, s in SERVICES.items()
    }
    writers = {name for name, found in mounts.items() if found and not found[0].endswith(":ro")}
    assert writers == {"sealer"}
    assert {name for name, found in mounts.items() if found} == {"sealer", "default-worker"}


def test_the_laboratory_gets_nothing_but_its_own_database() -> None:
    environment = environment_of("lab-worker")
    assert environment["EXECUTION_MODE"] == "laboratory"
    assert {name for name in environment if name.endswith("_URL")} == {"LAB_DATABASE_URL"}
    assert not {"REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "OUTREACH_API_KEY", "SUBJECT_HASH_KEY"} & set(
        environment
    )


@pytest.mark.parametrize("name", ["web", "migrate", "lab-worker"])
def test_the_settings_accept_the_environment_of_a_service(name: str, tmp_path: Path) -> None:
    result = start_settings(environment_of(name), tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_settings_refuse_to_start_without_a_webhook_secret(tmp_path: Path) -> None:
    result = start_settings(environment_of("web") | {"SALESFORCE_WEBHOOK_SECRETS": ""}, tmp_path)
    assert result.returncode != 0
    assert "SALESFORCE_WEBHOOK_SECRETS" in result.stderr


def start_settings(environment: Mapping[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process that has nothing but this environment."""
    given = {"PATH": os.environ["PATH"], **environment, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", "import django; django.setup()"]
    settings = {"DJANGO_SETTINGS_MODULE": "revctx.settings"}
    return subprocess.run(
        command, env=given | settings, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )


def test_the_files_that_are_mounted_exist() -> None:
    mounts = [volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])]
    for mount in mounts:
        assert mount in COMPOSE["volumes"] or (PROJECT_ROOT / mount).exists(), mount


def test_kafka_is_the_version_that_the_tests_run_against() -> None:
    pom = (PROJECT_ROOT / ".ci" / "kafka" / "pom.xml").read_text()
    version = re.search(r"<kafka.version>(.*)</kafka.version>", pom)
    assert version is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version.group(1)}"


def test_the_example_file_names_every_variable() -> None:
    documented = set(
        re.findall(r"^(?:# )?([A-Z_]+)=", (PROJECT_ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    settings = (PROJECT_ROOT / "revctx" / "settings.py").read_text()
    read = set(re.findall(r"(?:env\.\w+|_key|_database)\(\s*\"([A-Z_]+)\"", settings))
    composed = {name for name, _ in VARIABLE.findall(COMPOSE_TEXT)}
    assert len(read) > 30
    assert (read | composed) - documented == set()


def test_the_example_file_shows_the_defaults_of_the_settings() -> None:
    example = dict(
        re.findall(r"^# ([A-Z_]+)=(\S*)$", (PROJECT_ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    settings = (PROJECT_ROOT / "revctx" / "settings.py").read_text()
    defaults = re.findall(r"env\.(?:int|float)\(\"([A-Z_]+)\", ([\d_.]+)\)", settings)
    assert len(defaults) > 8
    for name, default in defaults:
        assert float(example[name]) == float(default), name


def test_the_docker_client_accepts_it(tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker client has no compose plugin")
    shutil.copy(PROJECT_ROOT / "docker-compose.yml", tmp_path)
    lines = [f"{name}={value}" for name, value in given_values().items()]
    (tmp_path / ".env").write_text("\n".join(lines) + "\n")
    command = ["docker", "compose", "--profile", "*", "config", "--quiet"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
