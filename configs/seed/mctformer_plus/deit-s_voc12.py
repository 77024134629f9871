# MCTformer+; the paper reports 68.8 mIoU of its seeds on `train` at the best threshold.
_base_ = [
    '../../_base_/hosts/mctformer_plus.py',
    '../../_base_/datasets/voc12_mctformer_plus.py',
    '../../_base_/schedules/seed_mctformer_plus.py',
    '../../_base_/default_runtime.py',
]
