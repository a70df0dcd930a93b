"""RegDB, its ten splits or one of them.

Source: the released CEIL configuration for RegDB.
Published: visible to infrared Rank-1 91.97, mAP 89.13 (94.30, 95.29 re-ranked);
infrared to visible 92.59, 89.09 (94.97, 95.57).
Cost: the released code trains 1.9 hours on one RTX 3090, for one split.

    python -m ceil_jax.main --config configs/regdb.py --workdir runs/regdb \
        --config.data_dir=/path/to/RegDB --config.init_from=RN50.pt --mode trials
    python -m ceil_jax.main --config configs/regdb.py --workdir runs/regdb_1 \
        --config.data_dir=/path/to/RegDB --config.init_from=RN50.pt --config.trial=1
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
        dataset="regdb",
        batch=BatchConfig(
            visible_rows=20, images_per_proxy=5, stage1_steps=200, stage2_steps=150
        ),
        clustering=ClusteringConfig(k1=10, k2=6),
        objective=ObjectiveConfig(num_negatives=50),
        matching=MatchingConfig(k1=18, k2=3),
        rerank=RerankConfig(k1=21, k2=10, camera_weight=0.4),
        evaluation=EvaluationConfig(flip=False),
    )
