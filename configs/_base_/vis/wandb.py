# Curves and pictures for Weights & Biases, offline in vis_data of the work folder, until `wandb sync` sends them:
# pip install wandb. A variable: the leaf says visualizer = dict(vis_backends=_base_.wandb).
wandb = [
    dict(type='LocalVisBackend'),
    dict(type='WandbVisBackend', init_kwargs=dict(project='mmlevelset', mode='offline')),
]
