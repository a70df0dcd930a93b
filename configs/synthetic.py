"""The embedded data set: the whole of CEIL in a few minutes on two CPU cores.

Generated people in SYSU-MM01's structure; its figures compare with no data set's. It
starts from a small encoder pretrained on other generated people in visible light, which
stands for CLIP. The strong view is made from the image: wrapped modulo 256, as
released, it is more noise than so small an encoder can learn from in so few steps.

    python -m ceil_jax.main --config configs/synthetic.py --workdir runs/demo
"""

from ceil_jax.experiment.config import (
    AugmentConfig,
    BatchConfig,
    ClusteringConfig,
    Config,
    EncoderConfig,
    EvaluationConfig,
    MatchingConfig,
    ObjectiveConfig,
    OptimizerConfig,
    RerankConfig,
)
from ceil_jax.pretrained import DEMO_CONTROL, SYNTHETIC


def get_config() -> Config:
    """The configuration."""
    return Config(
        dataset="synthetic",
        image_size=(64, 32),
        init_from=str(SYNTHETIC),
        stage1_epochs=4,
        stage2_epochs=14,
        save_epoch=2,
        eval_step=0,
        encoder=EncoderConfig(stage_sizes=(1, 1, 1, 1), width=16),
        batch=BatchConfig(
            visible_rows=32, images_per_proxy=4, stage1_steps=40, stage2_steps=40
        ),
        augment=AugmentConfig(pad=4, strong_view_from="image"),
        clustering=ClusteringConfig(k1=14, k2=6),
        objective=ObjectiveConfig(num_negatives=50),
        matching=MatchingConfig(k1=15, k2=3),
        optimizer=OptimizerConfig(rate=1e-3, schedule="cosine", warmup_epochs=2),
        evaluation=EvaluationConfig(baselines=True, control=str(DEMO_CONTROL)),
        rerank=RerankConfig(k1=28, k2=7, camera_weight=0.5),
    )
