"""The console stays calm: warnings and errors in one line, the rest in the log files."""

import json
from pathlib import Path

import pytest

from revctx.devstack import console
from revctx.devstack.console import LogFollower, summarise


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (json.dumps({"level": "info", "event": "signal.stored"}), None),
        (json.dumps({"level": "warning", "event": "missed", "worker": "w"}), "warning missed worker=w"),
        (
            json.dumps(
                {"level": "error", "event": "failed", "timestamp": "t", "exception": "T\n x\nKeyError: 1"}
            ),
            "error failed KeyError: 1",
        ),
        ("[WARNING] high load", "[WARNING] high load"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("all is well", None),
        ("7", None),
    ],
)
def test_summarise(line: str, shown: str | None) -> None:
    assert summarise(line) == shown


def test_follower_prints_new_complete_lines_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "web.log"
    log.write_text("ERROR of yesterday\n")
    follower = LogFollower()
    follower.follow(log)
    with log.open("a") as file:
        file.write("ERROR one\ncalm\nERROR tw")
    follower.print_new()
    with log.open("a") as file:
        file.write("o\n")
    follower.print_new()
    follower.print_new()
    said = capsys.readouterr().out.splitlines()
    assert [line.split("| ")[1] for line in said] == ["ERROR one", "ERROR two"]


def test_follower_shows_everything_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "web.log"
    follower = LogFollower(show_all=True)
    follower.follow(log)
    log.write_text("calm\n")
    follower.print_new()
    assert capsys.readouterr().out.endswith("web                        | calm\n")


def test_a_log_that_grew_too_large_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LARGEST_LOG", 10)
    log = tmp_path / "web.log"
    follower = LogFollower()
    follower.follow(log)
    log.write_text("more than ten bytes\n")
    follower.print_new()
    assert (log.read_text(), (tmp_path / "web.1.log").read_text()) == ("", "more than ten bytes\n")
