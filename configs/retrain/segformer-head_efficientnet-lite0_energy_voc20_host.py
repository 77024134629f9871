# The same with the level-set energy of the model's own logits beside the cross-entropy: docs/en/level_set_loss.md.
_base_ = 'segformer-head_efficientnet-lite0_voc20_host.py'
model = dict(
    type='mmlevelset.LevelSetEncoderDecoder',
    decode_head=dict(
        loss_decode=[
            dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            dict(type='mmlevelset.LevelSetLoss', loss_weight=0.1),
        ]
    ),
)
