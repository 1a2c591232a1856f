"""What import-linter can't see."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
OURS = ("revctx", "signals", "contexts", "orchestration", "compliance", "laboratory", "integrations")
MODULES = [
    path
    for package in OURS
    for path in (ROOT / package).rglob("*.py")
    if not {"tests", "migrations", "__pycache__"} & set(path.relative_to(ROOT).parts)
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - _first_line_after_docstring(node) + 1 > 30
    ]
    assert text.count("\n") <= 300
    assert not long


def _first_line_after_docstring(node: ast.FunctionDef) -> int:
    """Return the line of the first statement; a docstring may be as long as it needs."""
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return body[0].lineno


def test_no_foreign_key_points_at_another_app_of_ours():
    crossing = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model.__module__.split(".")[0] in OURS
        for field in model._meta.get_fields()
        if field.is_relation
        and not field.auto_created
        and field.related_model.__module__.split(".")[0] in OURS
        and field.related_model._meta.app_label != model._meta.app_label
    ]
    assert not crossing


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nobody_reaches_a_model_around_the_linter(path):
    assert "from django.apps import apps" not in path.read_text(encoding="utf-8")


def test_files_are_named_after_their_subject():
    vague = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [name_of(path) for path in MODULES if path.name in vague]
