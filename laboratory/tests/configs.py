"""Configurations for tests of the pure parts: one type of signal, numbers easy to reckon with."""

from typing import Any

DAY = 86_400  # seconds


def make_config(
    *, half_life: int = 7 * DAY, weight: float = 200.0, hot_threshold: float = 72.0
) -> dict[str, Any]:
    """Return a configuration in which a few demo requests within days make an account hot."""
    return {
        "decay": {"version": 1, "half_lives": {"demo_requested": half_life}, "default_half_life": 7 * DAY},
        "weight": {
            "version": 1,
            "weights": {"demo_requested": weight},
            "saturations": {"demo_requested": 1.0},
            "default_weight": 0.0,
            "default_saturation": 1.0,
            "rho": 100.0,
            "stage_strengths": {},
            "default_stage_strength": 1.0,
            "damping": {},
            "lifting": {},
            "hot_threshold": hot_threshold,
            "warm_threshold": 35.0,
            "leave_ratio": 0.8,
            "icp": {"version": 1, "name": "any", "criteria": []},
        },
    }
