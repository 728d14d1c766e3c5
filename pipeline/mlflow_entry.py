"""The code that MLflow runs to make the model of `pipeline.mlflow_model` (models from code); nothing imports it."""

from mlflow.models import set_model

from pipeline.mlflow_model import Spur

set_model(Spur())
