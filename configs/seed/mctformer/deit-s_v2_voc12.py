# MCTformer-V2; the repository reports 61.7 mIoU of its seeds on `train` at the best threshold.
_base_ = [
    '../../_base_/hosts/mctformer_v2.py',
    '../../_base_/datasets/voc12_mctformer.py',
    '../../_base_/schedules/seed_mctformer.py',
    '../../_base_/default_runtime.py',
]
