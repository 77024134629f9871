# CLIP-ES, training-free; the authors report 70.8 mIoU of its seeds on `train`.
_base_ = [
    '../../_base_/hosts/clip_es.py',
    '../../_base_/datasets/voc12_clip_es.py',
    '../../_base_/schedules/seed_cpu.py',  # of the level set; the host has nothing to learn
    '../../_base_/default_runtime.py',
]
load_from = 'weights/clip_es_vit-b16_voc12.pth'  # tools/model_converters/clip_es.py
