# The host alone, on the generated shapes: 90 iterations.
_base_ = [
    '../../_base_/hosts/cam_efficientnet-lite0.py',
    '../../_base_/datasets/shapes.py',
    '../../_base_/schedules/seed_cpu.py',
    '../../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=6))
