# MCTformer's run_seg.sh: 30 epochs of 10,582 images, batch 4, lr 7e-4 (head 7e-3), poly 0.9.
_base_ = 'retrain.py'
max_iters = 79350  # 30 * (10582 // 4)
optim_wrapper = dict(
    type='OptimWrapper',
    # The weight decay of 1e-5 is handed to the place of the momentum, and no group has one: the
    # published numbers were trained with a momentum of 1e-5 and without decay.
    optimizer=dict(type='SGD', lr=7e-4, momentum=1e-5, weight_decay=0.0),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
# lr (1 - t / T)^0.9 at iteration t = 0 .. T - 1: PolyLR counts end - 1 steps.
param_scheduler = [
    dict(type='PolyLR', eta_min=0.0, power=0.9, begin=0, end=max_iters + 1, by_epoch=False)
]
train_cfg = dict(max_iters=max_iters)
