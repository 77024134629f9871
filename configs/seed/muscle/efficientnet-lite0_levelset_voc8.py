# MuSCLe at Lite0 size with the level set: the host goes on for 2 epochs.
_base_ = ['efficientnet-lite0_voc8.py', '../../_base_/level_set/default.py']
model = dict(auxiliary_head=dict(num_classes=8, **_base_.level_set))
optim_wrapper = _base_.level_set_optim
tta_model = dict(seed_source='phi')
test_evaluator = dict(threshold=0.5)  # the zero level set
