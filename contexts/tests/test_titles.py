"""Classes of job titles."""

import pytest

from contexts.titles import classify_title


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Chief Revenue Officer", "c_level"),
        ("Co-Founder & CTO", "c_level"),
        ("Vice President, Sales", "vp"),
        ("Head of Operations", "director"),
        ("Product Manager", "manager"),
        ("Engineer", "other"),
        ("  ", "unknown"),
    ],
)
def test_classify_title(title, expected):
    assert classify_title(title) == expected
