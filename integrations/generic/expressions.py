"""JMESPath expressions, held to a size and a number of steps. Pure.

Source: jmespath.org/specification.html; the parser and interpreter of jmespath 1.1.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser
from jmespath.visitor import TreeInterpreter

MAX_LENGTH = 300  # characters
MAX_NODES = 100
MAX_STEPS = 50_000  # over all expressions of one body; about 50 ms
# Each of these can repeat or multiply what it is given, so one expression may do each once.
_ONCE = ("multi-select", "flatten", "join", "to_string", "to_array", "merge", "map")
_FUNCTIONS = frozenset(
    {"abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by"}
    | {"merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array"}
    | {"to_number", "to_string", "type", "values"}
)


class InvalidExpression(ValueError):
    """An expression can't be used; the message says what to change."""


class EvaluationFailed(Exception):
    """An expression can't be applied to this body.

    Args:
        code: `too_expensive` or `not_applicable`.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        """Keep why; the detail may repeat parts of the body."""
        super().__init__(code)
        self.code, self.detail = code, detail


class Evaluation(TreeInterpreter):
    """Evaluates expressions on one body until their steps are used up."""

    def __init__(self, max_steps: int = MAX_STEPS) -> None:
        """Start with `max_steps` steps."""
        super().__init__()
        self._left = max_steps

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate one node.

        Raises:
            EvaluationFailed: no step is left.
        """
        self._left -= 1
        if self._left < 0:
            raise EvaluationFailed("too_expensive")
        return super().visit(node, *args, **kwargs)

    def find(self, expression: str, document: Any) -> Any:
        """Return what a valid expression finds in a body, or None.

        Raises:
            EvaluationFailed: a function got a value of a kind that it does not take, or no step is left.
        """
        try:
            return self.visit(compile_expression(expression), document)
        except (JMESPathError, TypeError, RecursionError) as error:
            raise EvaluationFailed("not_applicable", str(error)) from error


@lru_cache(maxsize=1024)
def compile_expression(expression: str) -> Any:
    """Return the syntax tree of an expression.

    Raises:
        InvalidExpression: too long, no JMESPath, or one whose cost could grow faster than the body.
    """
    if len(expression) > MAX_LENGTH:
        raise InvalidExpression(f"At most {MAX_LENGTH} characters.")
    try:
        tree = Parser().parse(expression).parsed
        nodes = list(_walk(tree))
    except RecursionError as error:
        raise InvalidExpression("Nested too deeply.") from error
    except JMESPathError as error:
        raise InvalidExpression(f"Not JMESPath: {str(error).splitlines()[0]}") from error
    if len(nodes) > MAX_NODES:
        raise InvalidExpression(f"More than {MAX_NODES} parts.")
    _check_functions(nodes)
    return tree


def _check_functions(nodes: list[dict[str, Any]]) -> None:
    used = Counter(_multiplier(node) for node in nodes)
    for name in _ONCE:
        if used[name] > 1:
            raise InvalidExpression(f"{name} may be used once in an expression.")
    for node in nodes:
        if node["type"] != "function_expression":
            continue
        if node["value"] not in _FUNCTIONS:
            raise InvalidExpression(f"There is no function {node['value']}.")
        if node["value"] == "join" and node["children"] and node["children"][0]["type"] != "literal":
            raise InvalidExpression("join needs a fixed separator, such as join(' ', …).")


def _multiplier(node: dict[str, Any]) -> str:
    if node["type"] == "function_expression":
        return str(node["value"])
    return "multi-select" if node["type"].startswith("multi_select") else str(node["type"])


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "type" in node:
        yield node
        for child in node.get("children", ()):
            yield from _walk(child)
