# semantic-segmentation-codebase: 20,000 iterations, batch 10, lr 1e-3 (head 1e-2, its bias 2e-2).
_base_ = 'retrain.py'
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg={
        'custom_keys': {
            'decode_head': dict(lr_mult=10.0),
            'decode_head.conv_seg.bias': dict(lr_mult=20.0, decay_mult=0.0),
        }
    },
)
# lr (1 - t / (T + 1))^0.9 at iteration t = 0 .. T - 1
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, beyond=2, by_epoch=False)]
train_cfg = dict(max_iters=20000)
