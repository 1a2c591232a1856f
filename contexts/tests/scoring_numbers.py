"""Configurations and evidence that the scoring tests share."""

from contexts.scoring import DecayConfigData, IcpData, WeightConfigData

HOUR, DAY = 3_600, 86_400

DECAY = DecayConfigData(
    version=1,
    half_lives={
        "page_view": 3 * DAY,
        "demo_requested": 7 * DAY,
        "opportunity_stage_changed": 21 * DAY,
        "blink": HOUR,
    },
    default_half_life=7 * DAY,
)
WEIGHT = WeightConfigData(
    version=1,
    weights={
        "page_view": 20.0,
        "demo_requested": 45.0,
        "opportunity_stage_changed": 60.0,
        "opportunity_lost": 0.0,
    },
    saturations={"page_view": 1.5, "demo_requested": 0.7, "opportunity_stage_changed": 1.2},
    default_weight=10.0,
    default_saturation=1.0,
    rho=50.0,
    stage_strengths={"demo_scheduled": 2.0, "qualification": 0.8},
    default_stage_strength=0.3,
    damping={"opportunity_lost": 0.3, "unsubscribed": 0.6},
    lifting={"opportunity_lost": ("demo_requested",), "unsubscribed": ()},
    hot_threshold=70.0,
    warm_threshold=35.0,
    leave_ratio=0.8,
    icp=IcpData(version=1, name="any", criteria=()),
)
