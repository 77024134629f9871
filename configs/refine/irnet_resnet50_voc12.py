# IRNet. Its labels:
#   tools/refine.py configs/refine/irn-labels_irn.py --seeds SEEDS --out work_dirs/refine/irn_labels
_base_ = [
    '../_base_/hosts/irnet_resnet50.py',
    '../_base_/datasets/voc12_irnet.py',
    '../_base_/schedules/affinity_irn.py',
    '../_base_/default_runtime.py',
]
