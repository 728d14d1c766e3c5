"""Everything that learns: the only room that imports torch, transformers, datasets and MLflow."""
