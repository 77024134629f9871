# WeakTr with the level set on COCO 2014.
_base_ = ['deit-s_coco14.py', '../../_base_/level_set/default.py']
model = dict(
    auxiliary_head=dict(
        _base_.level_set,
        in_channels=(384,),
        in_index=(0,),
        data_index=0,
        num_classes=80,
    )
)
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
