"""Where the curves of a training go: TensorBoard, Weights & Biases, MLflow, Trackio."""
