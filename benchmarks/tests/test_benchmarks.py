"""The benchmarks run, each on servers of its own as `make bench` runs them, and judge as they say."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.catalogue import MEASURES, UnknownMeasure, choose
from benchmarks.figures import Figure, Target
from benchmarks.report import render_table, write_results
from benchmarks.rounds import take_turns
from benchmarks.stand import Stand
from revctx.devstack.paths import PROJECT_ROOT


def figure(**changes):
    given = {"name": "some.thing", "what": "things", "unit": "things/s", "ours": 30.0, "ours_is": "ours"}
    return Figure(**(given | {"peer": 20.0, "peer_is": "theirs", "ratio": 1.5} | changes))


def _own_environment():
    """Return the environment without the servers of the tests: a broker named there would be used."""
    return {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run every measure at its smallest, in one go, and return the file of results."""
    output = tmp_path_factory.mktemp("bench") / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--small", "--output", str(output)]
    done = subprocess.run(  # noqa: PLW1510 - the assertion says more than the exception
        command, cwd=PROJECT_ROOT, env=_own_environment(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(output.read_text())


# Long for the suite: the stage `bench` of .ci/run runs the same command.
@pytest.mark.long
@pytest.mark.timeout(300)  # seconds; a fraction of it on a machine that has time
@pytest.mark.parametrize("name", [measure.name for measure in MEASURES])
def test_every_measure_gives_figures(results, name):
    found = [
        entry for key, entry in results.items() if key == name or key.startswith((f"{name}.", f"{name}_"))
    ]
    assert found
    assert all(entry["ours"] > 0 and isinstance(entry["met"], bool | None) for entry in found)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_results_name_the_machine(results):
    assert results["machine"]["fsync"] == "off"  # it is on at full size; see below
    assert results["machine"].keys() > {"cores", "python", "postgresql", "date", "commit_ms"}


def test_a_real_run_pays_for_its_commits():
    assert Stand().postgres.durable
    assert not Stand(small=True).postgres.durable


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("ratio", "least", 1.5), True),
        (Target("ratio", "least", 1.6), False),
        (Target("ratio", "most", 1.4), False),
        (Target("ours", "least", 30), True),
        (None, None),
    ],
)
def test_a_target_judges_the_ratio_or_our_own_value(target, met):
    assert figure(target=target).is_met is met
    assert figure(target=target).to_json()["met"] is met


def test_a_missed_target_stands_out_in_the_table():
    table = render_table([figure(target=Target("ratio", "least", 2.0)), figure(peer=None, ratio=None)])
    assert "MISSED" in table
    assert "1.50×" in table
    assert "≥ 2×" in table


def test_a_partial_run_keeps_the_other_results(tmp_path):
    path = tmp_path / "results.json"
    write_results(path, machine={"cores": 2}, entries={"a": {"ours": 1}, "b": {"ours": 2}})
    write_results(path, machine={"cores": 4}, entries={"b": {"ours": 3}})
    assert json.loads(path.read_text()) == {"machine": {"cores": 4}, "a": {"ours": 1}, "b": {"ours": 3}}


def test_a_name_chooses_all_that_begin_with_it():
    assert [measure.name for measure in choose(["audit"])] == [
        measure.name for measure in MEASURES if measure.name.startswith("audit.")
    ]
    with pytest.raises(UnknownMeasure):
        choose(["audi"])


def test_the_rounds_take_turns():
    order = []

    def note(name, value):
        order.append(name)
        return value

    compared = take_turns(ours=lambda: note("ours", 3.0), peer=lambda: note("peer", 2.0), rounds=3)
    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert (compared.ours, compared.peer, compared.ratio) == (3.0, 2.0, 1.5)
