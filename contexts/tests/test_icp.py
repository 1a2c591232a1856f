"""Fit to the ideal customer profile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexts.icp import Criterion, IcpData, measure_fit

ICP = IcpData(
    version=1,
    name="mid-market",
    criteria=(
        Criterion(field="industry", weight=2, one_of=("retail", "software")),
        Criterion(field="employees", weight=2, low=200, high=5_000),
    ),
)


class TestMeasureFit:
    @pytest.mark.parametrize(
        ("attributes", "fit", "outcomes"),
        [
            ({"industry": "Retail", "employees": 820}, 1.0, ["met", "met"]),
            ({"industry": "mining", "employees": 150}, 0.25, ["missed", "near"]),
            ({"industry": "retail", "employees": 12}, 0.5, ["met", "missed"]),
            ({}, 0.5, ["unknown", "unknown"]),
            ({"employees": True, "industry": "retail"}, 0.75, ["met", "unknown"]),
        ],
    )
    def test_is_the_weighted_mean_of_the_credits(self, attributes, fit, outcomes):
        result = measure_fit(attributes, ICP)

        assert result.score == fit
        assert [reason.outcome for reason in result.reasons] == outcomes

    @given(
        st.dictionaries(
            st.sampled_from(["industry", "employees"]), st.one_of(st.none(), st.text(), st.floats())
        )
    )
    def test_stays_in_range_whatever_the_attributes(self, attributes):
        assert 0 <= measure_fit(attributes, ICP).score <= 1

    def test_a_profile_without_criteria_fits_everybody(self):
        assert measure_fit({}, IcpData(version=1, name="all", criteria=())).score == 1.0


class TestIcpData:
    def test_the_json_form_returns(self):
        assert IcpData.from_dict(ICP.to_dict()) == ICP

    @pytest.mark.parametrize(
        "bad", [{"weight": 0, "one_of": ["a"]}, {"weight": 1}, {"weight": 1, "one_of": ["a"], "low": 1}]
    )
    def test_refuses_malformed_criteria(self, bad):
        with pytest.raises(ValueError, match="criterion"):
            IcpData.from_dict({"version": 1, "name": "x", "criteria": [{"field": "industry", **bad}]})
