# WeakTr: 60 epochs, batch 64, AdamW, lr 6e-4 * 64 / 512. Its code hands over the bare parameters, so the weight
# decay of 0.03 spares nothing, neither vectors nor `cls_token` nor `pos_embed`.
optim_wrapper = dict(
    type='OptimWrapper',  # the official code trains in half precision: --amp
    optimizer=dict(type='AdamW', lr=7.5e-5, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.03),
)
# Two epochs at 1e-6; the cosine goes on after the warm-up instead of beginning there.
param_scheduler = [
    dict(type='mmlevelset.TimmCosineLR', warmup=5, warmup_start=1e-6, eta_min=1e-5, by_epoch=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60)
