# PSA's train_aff.py: 8 epochs, batch 8, SGD, lr 0.1 (the new layers 1.0), poly 0.9, weight decay 5e-4.
optim_wrapper = dict(
    type='OptimWrapper',
    # PSA hands its weight decay to the place of the momentum (psa#28): the published numbers of PSA,
    # SEAM and MCTformer were trained with a momentum of 5e-4. A real momentum of 0.9 multiplies the
    # steps by ten and wants a tenth of the rate:
    #   --cfg-options optim_wrapper.optimizer.momentum=0.9 optim_wrapper.optimizer.lr=0.01
    optimizer=dict(type='SGD', lr=0.1, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, by_epoch=False)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=8)
