# MuSCLe's recipe: 16 epochs, batch 16, Adam, lr 1e-4, L2 penalty 5e-5, halved on a plateau.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=5e-5),
)
# The authors watch the mIoU on the masks of the training images, see *_paper-gt-plateau.py. Here no
# mask is read: the classification loss of the training images, which all epochs share, is watched.
param_scheduler = [
    dict(
        type='mmlevelset.LabelFreePlateauLR',
        monitor='decode.loss_softmargin',
        rule='less',
        factor=0.5,
        patience=0,
        min_value=1e-5,
    )
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=16)
