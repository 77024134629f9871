# MCTformer+ with the level set; F is the map of patch tokens.
_base_ = ['deit-s_voc12.py', '../../_base_/level_set/default.py']
model = dict(
    auxiliary_head=dict(
        _base_.level_set,
        in_channels=(384,),
        in_index=(0,),
        data_index=0,
        num_classes=20,
        # On a map of stride 16, 5 px are as long as the default's 20 px at stride 4.
        truncate=5.0,
        loss_sdf=dict(_base_.level_set.loss_sdf, truncate=5.0),
        loss_anchor=dict(_base_.level_set.loss_anchor, truncate=5.0),
    )
)
tta_model = dict(seed_source='phi', background=0.5)
test_evaluator = dict(threshold=0.5)  # the zero level set
