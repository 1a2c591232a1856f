"""Client processes that make load; they stay between rounds, so that no round pays for their start."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import django

from revctx.garbage import spare_loaded_code


class ClientFailed(RuntimeError):
    """A client process ended or its work raised an exception; the message says which."""


class Clients:
    """``count`` processes that do the same work side by side, each with Django and a database of its own.

    ``work`` is a module's own function; it gets the client's number and the task's keywords.
    """

    def __init__(self, *, count: int, work: Callable[..., Any]) -> None:
        context = get_context("spawn")  # a fork would share the database connection
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, work.__module__, work.__qualname__, number), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self._collect()  # each says once that it is ready

    def run(self, **task: Any) -> list[Any]:
        """Have all of them work at once; return what each brought back, in order of their numbers.

        Raises:
            ClientFailed: the work of one raised an exception, or it ended.
        """
        for pipe in self._pipes:
            pipe.send(task)
        return self._collect()

    def close(self) -> None:
        """End them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=10)
            process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _collect(self) -> list[Any]:
        return [result for result, _ in list(self._answers())]

    def _answers(self) -> Iterable[tuple[Any, str]]:
        for number, pipe in enumerate(self._pipes):
            try:
                result, failure = pipe.recv()
            except EOFError as error:
                raise ClientFailed(f"client {number} ended") from error
            if failure:
                raise ClientFailed(f"client {number}: {failure}")
            yield result, failure


def _serve(pipe: Connection, module: str, function: str, number: int) -> None:
    """Work off tasks until the other end is closed, so that no client outlives its parent for long."""
    django.setup()
    work = getattr(importlib.import_module(module), function)
    spare_loaded_code()
    pipe.send((None, ""))
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer = (work(number, **task), "")
        except Exception as error:
            answer = (None, repr(error))
        pipe.send(answer)
