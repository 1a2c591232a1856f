"""Expressions stay within their size and their steps."""

import time

import pytest

from integrations.generic.expressions import (
    Evaluation,
    EvaluationFailed,
    InvalidExpression,
    compile_expression,
)

DOCUMENT = {"a": {"b": [{"c": 1, "d": "x"}, {"c": 2, "d": "y"}]}, "first": "Ada", "last": "Buyer"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a.b[0].c", 1),
        ("a.b[?d == 'y'].c | [0]", 2),
        ("join(' ', [first, last])", "Ada Buyer"),
        ("missing || first", "Ada"),
        ("'demo_requested'", "demo_requested"),
        ("length(a.b)", 2),
        ("a.missing", None),
    ],
)
def test_what_mappings_need(expression, value):
    assert Evaluation().find(expression, DOCUMENT) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a.",
        "a[",
        "nonsense(a)",
        "a" * 301,
        "(" * 150 + "a" + ")" * 150 + "|" + "!" * 10,
        "[@, @] | [@, @]",
        "{a: @, b: [@]}",
        "a[][]",
        "join(first, b)",
        "to_string(to_array(to_string(@)))",
        "|".join(["abs(a)"] * 40),
    ],
)
def test_what_could_grow_is_refused(expression):
    with pytest.raises(InvalidExpression):
        compile_expression(expression)


def test_a_body_that_takes_too_many_steps_is_given_up():
    rows = {"rows": [{"n": n} for n in range(40_000)]}
    started = time.process_time()

    with pytest.raises(EvaluationFailed, match="too_expensive"):
        Evaluation().find("rows[?n > `1` && n > `2` && n > `3`]", rows)

    assert time.process_time() - started < 1


def test_the_steps_are_those_of_the_whole_body():
    evaluation = Evaluation(max_steps=2)

    evaluation.find("a", DOCUMENT)
    evaluation.find("a", DOCUMENT)
    with pytest.raises(EvaluationFailed):
        evaluation.find("a", DOCUMENT)


def test_a_function_that_does_not_take_a_value_says_so():
    with pytest.raises(EvaluationFailed, match="not_applicable") as failed:
        Evaluation().find("abs(first)", DOCUMENT)

    assert "abs" in failed.value.detail
