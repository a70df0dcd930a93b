"""Generated pedestrians in the structure of SYSU-MM01; see README.md beside this file."""
