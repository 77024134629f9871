# MCTformer's run_seg.sh: 30 epochs of 10,582 images, batch 4, lr 7e-4 (head 7e-3), poly 0.9.
_base_ = 'retrain.py'
optim_wrapper = dict(
    type='OptimWrapper',
    # The weight decay of 1e-5 is handed to the place of the momentum, and no group has one: the
    # published numbers were trained with a momentum of 1e-5 and without decay.
    optimizer=dict(type='SGD', lr=7e-4, momentum=1e-5, weight_decay=0.0),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, by_epoch=False)]
train_cfg = dict(max_iters=79350)  # 30 * (10582 // 4)
