# IRN's CAM recipe: 5 epochs, batch 16, SGD, lr 0.1 (classifier 1.0), poly 0.9, weight decay 1e-4.
optim_wrapper = dict(
    type='OptimWrapper',
    # IRN hands its weight decay to the place of the momentum, so it trains with momentum 1e-4.
    # A real momentum of 0.9 multiplies the steps by ten and wants a tenth of the rates:
    #   --cfg-options optim_wrapper.optimizer.momentum=0.9 optim_wrapper.optimizer.lr=0.01
    optimizer=dict(type='SGD', lr=0.1, momentum=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, by_epoch=False)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=5)
