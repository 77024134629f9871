# Curves and pictures for MLflow, in local files: pip install mlflow. Folders of runs, mmengine's default, are refused
# by MLflow 3. A variable: the leaf says visualizer = dict(vis_backends=_base_.mlflow).
mlflow = [
    dict(type='LocalVisBackend'),
    dict(
        type='MLflowVisBackend',
        exp_name='mmlevelset',
        tracking_uri='sqlite:///work_dirs/mlflow.db',
        artifact_location='work_dirs/mlflow',
    ),
]
