# SEAM's recipe: 8 epochs, batch 8, SGD, lr 0.01 (new layers 0.1), poly 0.9, weight decay 5e-4.
optim_wrapper = dict(
    type='OptimWrapper',
    # The weight decay is handed to the place of the momentum (confirmed by the author, SEAM#21), so
    # the published numbers were trained with a momentum of 5e-4. The `fixed` configs repair this.
    optimizer=dict(type='SGD', lr=0.01, momentum=5e-4, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='mmlevelset.PolyToEndLR', power=0.9, by_epoch=False)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=8)
