# MCTformer+: 45 epochs, batch 32, AdamW, lr 5e-4 * 32 / 512, weight decay 0.05 except for vectors
# and `cls_token`. DeiT also spares `pos_embed`; that name misses the two position parameters of +,
# which the official code therefore decays.
optim_wrapper = dict(
    type='OptimWrapper',  # the official code trains in half precision: --amp
    optimizer=dict(type='AdamW', lr=3.125e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05),
    paramwise_cfg=dict(flat_decay_mult=0.0, custom_keys=dict(cls_token=dict(decay_mult=0.0))),
)
# Two epochs at 1e-6, the largest rate is 3.061e-5 in the seventh, the last is 1.010e-5.
param_scheduler = [
    dict(type='mmlevelset.TimmCosineLR', warmup=5, warmup_start=1e-6, eta_min=1e-5, by_epoch=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=45)
