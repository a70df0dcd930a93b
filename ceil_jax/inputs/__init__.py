"""Images, data sets, batches and augmentation: what goes into the encoder."""
