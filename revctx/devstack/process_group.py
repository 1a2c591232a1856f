"""Keep a set of processes running, and stop them in order."""

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM

from revctx.devstack import children
from revctx.devstack.console import LogFollower, last_lines, say
from revctx.devstack.processes import ProcessSpec

SHORT_LIFE = 15.0  # seconds; a process that ends sooner has not really started
SHORT_LIVES_TO_REPORT = 3
PAUSE_WHEN_LOOPING = 30.0  # seconds
STAGE_STOP_SECONDS = 6.0  # for the processes of one stage to end by themselves
STOP_SECONDS = 12.0  # for all of them together


@dataclass
class Member:
    """A process and how it has fared."""

    spec: ProcessSpec
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    short_lives: int = 0

    @property
    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def is_looping(self) -> bool:
        """Tell whether it keeps ending right after its start."""
        return self.short_lives >= SHORT_LIVES_TO_REPORT


@dataclass
class ProcessGroup:
    """Processes with one log file each; the caller calls `tick` a few times a second.

    ``environment_of`` gives a process its variables at each start, so a changed address reaches it.
    """

    specs: Sequence[ProcessSpec]
    logs: Path
    cwd: Path
    environment_of: Callable[[ProcessSpec], Mapping[str, str]]
    follower: LogFollower = field(default_factory=LogFollower)
    members: dict[str, Member] = field(default_factory=dict)

    def start(self, stage: int) -> None:
        """Start the processes of a stage."""
        for spec in self.specs:
            if spec.stage == stage:
                member = Member(spec, self.logs / f"{spec.name}.log")
                self.members[spec.name] = member
                self.follower.follow(member.log_path)
                self._spawn(member)

    def tick(self) -> None:
        """Notice who has ended, and start again who is due."""
        now = time.monotonic()
        for member in self.members.values():
            if member.process is not None and member.process.poll() is not None:
                self._note_end(member, now)
            elif member.process is None and now >= member.due_at:
                self._spawn(member)
        self.follower.print_new()

    def restart(self, which: Callable[[ProcessSpec], bool]) -> None:
        """Stop the processes chosen and start them with a fresh environment."""
        chosen = [member for member in self.members.values() if which(member.spec)]
        _stop_together(chosen, STAGE_STOP_SECONDS)
        for member in chosen:
            self._spawn(member)

    def stop(self) -> None:
        """Stop all, the last stage first; what does not end by itself in time is killed."""
        deadline = time.monotonic() + STOP_SECONDS
        for stage in sorted({member.spec.stage for member in self.members.values()}, reverse=True):
            members = [member for member in self.members.values() if member.spec.stage == stage]
            patience = min(STAGE_STOP_SECONDS, max(1.0, deadline - time.monotonic()))
            for member in _stop_together(members, patience):
                say(f"  {member.spec.name} did not end by itself and was killed")
            self.follower.print_new()

    def _spawn(self, member: Member) -> None:
        with member.log_path.open("ab") as log:
            member.process = children.spawn(
                member.spec.command, output=log, env=self.environment_of(member.spec), cwd=self.cwd
            )
        member.started_at = time.monotonic()

    def _note_end(self, member: Member, now: float) -> None:
        """Plan the next start and say what happened; a loop is told once, with its last words."""
        assert member.process is not None
        children.kill_group(member.process)
        code = member.process.returncode
        member.process = None
        was_looping = member.is_looping
        member.short_lives = member.short_lives + 1 if now - member.started_at < SHORT_LIFE else 0
        pause = PAUSE_WHEN_LOOPING if member.is_looping else member.spec.restart_after
        member.due_at = now + pause
        if not member.is_looping:
            say(f"  {member.spec.name} ended ({_describe(code)}); starting it again in {pause:.0f} s")
        elif not was_looping:
            self._report_loop(member, code)

    def _report_loop(self, member: Member, code: int) -> None:
        say(
            f"  {member.spec.name} keeps ending ({_describe(code)}); "
            f"trying every {PAUSE_WHEN_LOOPING:.0f} s. Its last words, from {member.log_path}:"
        )
        for line in last_lines(member.log_path):
            say(f"    {line}")


def _describe(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _stop_together(members: Iterable[Member], seconds: float) -> list[Member]:
    """Ask all at once, then wait for each; return those that had to be killed."""
    living = [member for member in members if member.process is not None]
    deadline = time.monotonic() + seconds
    for member in living:
        assert member.process is not None
        children.send(member.process, SIGTERM)
    stubborn = []
    for member in living:
        assert member.process is not None
        if not children.finish(member.process, seconds=max(0.0, deadline - time.monotonic())):
            stubborn.append(member)
        member.process = None
    return stubborn
