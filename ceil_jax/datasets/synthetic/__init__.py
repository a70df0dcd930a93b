"""Generated pedestrians in the structure of SYSU-MM01; README.md says more."""
