# Curves and pictures for TensorBoard, in vis_data of the work folder: pip install tensorboard.
# A variable: the leaf says visualizer = dict(vis_backends=_base_.tensorboard).
tensorboard = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
