"""A call that was not awaited says so when it is shown: nothing was sent yet."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

__all__ = ["Unawaited", "says_unsent"]

P = ParamSpec("P")
T = TypeVar("T")


class Unawaited(Coroutine[Any, Any, T]):
    """A coroutine like any other, for `await`, tasks and task groups; shown, it tells what was forgotten."""

    def __init__(self, work: Coroutine[Any, Any, T], name: str) -> None:
        self._work = work
        self.__name__ = self.__qualname__ = name

    def __await__(self) -> Generator[Any, Any, T]:
        return self._work.__await__()

    def send(self, value: Any) -> Any:
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __repr__(self) -> str:
        name = self.__name__
        return (
            f"<{name}(...): nothing is sent yet; await it: `await ...{name}(...)`, in a script sw.run(...)>"
        )


def says_unsent(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let what an async function returns tell that it was not awaited."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return Unawaited(function(*args, **kwargs), function.__name__)

    return call
