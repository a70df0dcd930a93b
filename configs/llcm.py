"""LLCM, both directions.

Source: the released CEIL configuration for LLCM.
Published: visible to infrared Rank-1 51.55, mAP 55.14 (65.96, 68.19 re-ranked);
infrared to visible 44.39, 49.95 (57.65, 62.49).
Cost: the released code trains 9.3 hours on one RTX 3090.

    python -m ceil_jax.main --config configs/llcm.py --workdir runs/llcm \
        --config.data_dir=/path/to/LLCM --config.init_from=RN50.pt
"""

from ceil_jax.experiment.config import (
    BatchConfig,
    ClusteringConfig,
    Config,
    EvaluationConfig,
    MatchingConfig,
    ObjectiveConfig,
    RerankConfig,
)


def get_config() -> Config:
    """The configuration."""
    return Config(
        dataset="llcm",
        batch=BatchConfig(
            visible_rows=80, images_per_proxy=10, stage1_steps=250, stage2_steps=200
        ),
        clustering=ClusteringConfig(k1=25, k2=6),
        objective=ObjectiveConfig(num_negatives=100),
        matching=MatchingConfig(k1=15, k2=3),
        rerank=RerankConfig(k1=19, k2=5, camera_weight=0.7),
        evaluation=EvaluationConfig(flip=True),
    )
