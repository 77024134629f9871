# deeplab-pytorch on VOC: 20,000 updates from 2 batches of 5 each, lr 2.5e-4 (head 10 times that, its
# biases 20 times and without decay), poly 0.9.
_base_ = 'retrain.py'
optim_wrapper = dict(
    type='OptimWrapper',
    accumulative_counts=2,
    optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg={
        'custom_keys': {
            'decode_head': dict(lr_mult=10.0),
            'decode_head.convs.0.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.convs.1.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.convs.2.bias': dict(lr_mult=20.0, decay_mult=0.0),
            'decode_head.convs.3.bias': dict(lr_mult=20.0, decay_mult=0.0),
        }
    },
)
# The official rate moves every ten updates only.
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, by_epoch=False)]
train_cfg = dict(max_iters=40000)  # batches
