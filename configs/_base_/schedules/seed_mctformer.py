# MCTformer-V1 and -V2: 60 epochs, batch 64, AdamW, lr 5e-4 * 64 / 512, weight decay 0.05 except for
# vectors, `cls_token` and `pos_embed`.
optim_wrapper = dict(
    type='OptimWrapper',  # the official code trains in half precision: --amp
    optimizer=dict(type='AdamW', lr=6.25e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    paramwise_cfg=dict(
        flat_decay_mult=0.0,
        custom_keys=dict(cls_token=dict(decay_mult=0.0), pos_embed=dict(decay_mult=0.0)),
    ),
)
# Two epochs at 1e-6; the cosine goes on after the warm-up instead of beginning there.
param_scheduler = [
    dict(type='mmlevelset.TimmCosineLR', warmup=5, warmup_start=1e-6, eta_min=1e-5, by_epoch=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60)
