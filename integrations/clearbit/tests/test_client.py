"""What is read of a company document, hostile or honest."""

from typing import Any

import pytest

from integrations.clearbit.client import ClearbitAdapter

read = ClearbitAdapter().read


class TestRead:
    @pytest.mark.parametrize("tech", [{"name": "Kafka"}, "Kafka", 7, [None, {}]])
    def test_technologies_of_another_form_are_none(self, tech: Any) -> None:
        assert read({"tech": tech}) == {}

    def test_hostile_values_are_dropped_or_cleaned(self) -> None:
        facts = read(
            {
                "category": {"industry": "Retail\u200b<script>"},
                "metrics": {"employees": -5, "annualRevenue": "many"},
                "geo": None,
                "tech": ["Kafka", 7, None, "x" * 500],
            }
        )

        assert facts["industry"] == "Retail script"
        assert "employees" not in facts
        assert "annual_revenue" not in facts
        assert facts["technologies"] == ["Kafka", "x" * 60]
