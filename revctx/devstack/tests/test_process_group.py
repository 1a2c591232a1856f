"""Who ends is started again by the rules, and who keeps ending is reported plainly."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from revctx.devstack import process_group
from revctx.devstack.process_group import ProcessGroup
from revctx.devstack.processes import WORKER_PAUSE, ProcessSpec, list_processes

SLEEP = "import time; time.sleep(600)"


def python(code: str, name: str = "child", stage: int = 0, restart_after: float = 0.3) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code), stage, restart_after=restart_after)


def tick_until(group: ProcessGroup, condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        group.tick()
        time.sleep(0.02)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., ProcessGroup]]:
    made: list[ProcessGroup] = []

    def build(*specs: ProcessSpec, **environment: str) -> ProcessGroup:
        group = ProcessGroup(specs, tmp_path, tmp_path, lambda _spec: os.environ | environment)
        made.append(group)
        for stage in sorted({spec.stage for spec in specs}):
            group.start(stage)
        return group

    yield build
    for group in made:
        group.stop()


def test_a_killed_process_comes_back_after_its_pause(make, capsys) -> None:
    group = make(python(SLEEP))
    member = group.members["child"]
    first = member.process
    assert first is not None
    killed_at = time.monotonic()
    first.kill()
    tick_until(group, lambda: member.process is not None and member.process is not first)
    assert time.monotonic() - killed_at >= 0.3
    assert "child ended (signal 9); starting it again in 0 s" in capsys.readouterr().out


def test_a_process_that_keeps_ending_is_told_once_with_its_last_words(make, capsys, monkeypatch) -> None:
    monkeypatch.setattr(process_group, "PAUSE_WHEN_LOOPING", 0.2)
    group = make(python("print('no such table'); raise SystemExit(3)", restart_after=0.05))
    tick_until(group, lambda: group.members["child"].short_lives >= 5)
    said = capsys.readouterr().out
    assert said.count("child keeps ending (exit code 3)") == 1
    assert said.count("starting it again") == process_group.SHORT_LIVES_TO_REPORT - 1
    assert "    no such table" in said


def test_restart_takes_the_chosen_ones_and_a_fresh_environment(make) -> None:
    chosen = python("import os, time; print(os.environ['WORD'], flush=True); time.sleep(600)", "chosen")
    group = make(chosen, python(SLEEP, "other"), WORD="one")
    tick_until(group, lambda: group.members["chosen"].log_path.read_text() == "one\n")
    other = group.members["other"].process
    group.environment_of = lambda _spec: os.environ | {"WORD": "two"}
    group.restart(lambda spec: spec.name == "chosen")
    tick_until(group, lambda: group.members["chosen"].log_path.read_text() == "one\ntwo\n")
    assert group.members["other"].process is other


def test_later_stages_stop_first(make, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        f"def leave(*_): open({str(order)!r}, 'a').write(NAME); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave); print('ready', flush=True)\n"
        "while True: time.sleep(0.05)"  # a signal just before a long sleep would be noticed after it
    )
    group = make(*(python(f"NAME = '{stage}'\n{code}", f"stage{stage}", stage) for stage in (0, 1, 2)))
    tick_until(group, lambda: all(m.log_path.read_text() for m in group.members.values()))
    group.stop()
    assert order.read_text() == "210"


def test_what_a_dead_process_left_in_its_session_is_killed(make, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
    )
    group = make(python(code, restart_after=600))
    tick_until(group, lambda: group.members["child"].process is None)
    pid = int(pid_file.read_text())
    tick_until(group, lambda: not process_group.children.is_alive(pid) or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" in status.read_text()


def test_the_products_processes_and_their_pauses() -> None:
    specs = {spec.name: spec for spec in list_processes(web_port=8000, sandbox_port=8001)}
    assert list(specs) == [
        "sandbox", "relay", "sealer", "bridge-context-engine", "bridge-orchestration-engine",
        "context-engine-1", "context-engine-2", "context-engine-3",
        "orchestration-engine-1", "orchestration-engine-2", "default-1", "beat", "lab-worker", "web",
    ]  # fmt: skip
    slow = {name for name, spec in specs.items() if spec.restart_after == WORKER_PAUSE}
    assert len(slow) == 6
    assert {spec.restart_after for name, spec in specs.items() if name not in slow} == {1.0}
    assert {name for name, spec in specs.items() if spec.uses_broker} == {
        "relay", "bridge-context-engine", "bridge-orchestration-engine",
    }  # fmt: skip
