"""SYSU-MM01, all search and indoor search, single-shot.

Source: the released CEIL configuration for SYSU-MM01.
Published: all search Rank-1 68.19, mAP 63.68 (86.75, 83.97 re-ranked); indoor search
73.28, 76.98 (91.25, 92.21).
Cost: the released code trains 7.0 hours on one RTX 3090.

    python -m ceil_jax.main --config configs/sysu_mm01.py --workdir runs/sysu \
        --config.data_dir=/path/to/SYSU-MM01 --config.init_from=RN50.pt
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
        dataset="sysu_mm01",
        batch=BatchConfig(
            visible_rows=80, images_per_proxy=10, stage1_steps=175, stage2_steps=150
        ),
        clustering=ClusteringConfig(k1=30, k2=6),
        objective=ObjectiveConfig(num_negatives=100),
        matching=MatchingConfig(k1=15, k2=3),
        rerank=RerankConfig(k1=28, k2=7, camera_weight=0.5),
        evaluation=EvaluationConfig(flip=True),
    )
