"""Your own cameras: images without identity labels, sorted by modality and camera.

    FOLDER/visible/CAMERA/**/*.jpg      to train on; names of cameras are free
    FOLDER/infrared/CAMERA/**/*.jpg
    FOLDER/query/visible/CAMERA/IDENTITY/*.jpg       labelled, to be scored; optional,
    FOLDER/gallery/infrared/CAMERA/IDENTITY/*.jpg    any pair of modalities

Each image shows one person, cut out by a person detector. With one modality alone
training is stage 1, which is unsupervised re-identification within that modality.
Source: the released CEIL configuration for SYSU-MM01, whose cameras come closest.
The re-ranking's k1 and k2 are chosen from the features, as nobody has tuned them.
What to fit to your data: `clustering.k1`, somewhat below the number of images of one
person in one modality, and the number of epochs.

    python -m ceil_jax.main --config configs/folder.py --workdir runs/mine \
        --config.data_dir=/path/to/FOLDER --config.init_from=RN50.pt
    python -m ceil_jax.main --config configs/folder.py --workdir runs/mine \
        --config.data_dir=/path/to/FOLDER --mode export
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
        dataset="folder",
        batch=BatchConfig(
            visible_rows=80, images_per_proxy=10, stage1_steps=175, stage2_steps=150
        ),
        clustering=ClusteringConfig(k1=30, k2=6),
        objective=ObjectiveConfig(num_negatives=100),
        matching=MatchingConfig(k1=15, k2=3),
        rerank=RerankConfig(auto=True),
        evaluation=EvaluationConfig(flip=True),
    )
