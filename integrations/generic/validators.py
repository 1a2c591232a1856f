"""What the admin may save in a mapping."""

from typing import Any

from django.core.exceptions import ValidationError

from integrations.generic.expressions import InvalidExpression, compile_expression
from signals.normalization import NAMED_SOURCES

_MAX_ENTRIES = 500
_MAX_ATTRIBUTES = 20


def check_expression(expression: str) -> None:
    """Refuse what is no bounded JMESPath expression."""
    try:
        compile_expression(expression)
    except InvalidExpression as error:
        raise ValidationError(str(error)) from error


def check_not_reserved(slug: str) -> None:
    """Refuse the name of a source that has a door of its own."""
    if slug in NAMED_SOURCES or slug == "unknown":
        raise ValidationError(f"{slug} is the name of another door.")


def check_attributes(attributes: Any) -> None:
    """Refuse anything but an object of attribute and expression."""
    if not isinstance(attributes, dict) or len(attributes) > _MAX_ATTRIBUTES:
        raise ValidationError(f"An object of at most {_MAX_ATTRIBUTES} attributes and their expressions.")
    for name, expression in attributes.items():
        if not isinstance(expression, str):
            raise ValidationError(f"{name}: an expression is a text.")
        try:
            compile_expression(expression)
        except InvalidExpression as error:
            raise ValidationError(f"{name}: {error}") from error


def check_translations(translations: Any) -> None:
    """Refuse anything but an object of objects of texts."""
    message = 'An object such as {"type": {"form.sent": "demo_requested"}}.'
    if not isinstance(translations, dict):
        raise ValidationError(message)
    for words in translations.values():
        if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
            raise ValidationError(message)
    if sum(len(words) for words in translations.values()) > _MAX_ENTRIES:
        raise ValidationError(f"At most {_MAX_ENTRIES} translations.")
