# CLIP-ES (arXiv:2212.09506) on CLIP's ViT-B/16: GradCAM of the text that names a class, spread by the
# attention of the last eight blocks. Nothing is trained. Names and prompt are those of clip_text.py of
# the official code, whose background classes are part of the method.
num_classes = 20
data_preprocessor = dict(
    type='mmlevelset.LevelSetPreProcessor',
    mean=[122.7709383, 116.7460125, 104.09373615],  # CLIP's
    std=[68.5005327, 66.6321579, 70.32316305],
    bgr_to_rgb=True,
    size_divisor=16,
)
seeds = dict(
    normalise='none',  # maps are scaled to [0, 1] before they are resized
    cam_background=0.3819660113,  # where a score x exceeds (1 - x)^2, the background of eval_cam.py
)
model = dict(
    type='mmlevelset.SeedSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmlevelset.CLIPViT', depth=11),
    decode_head=dict(
        type='mmlevelset.CLIPESHead',
        num_classes=num_classes,
        prompt='a clean origami {}.',
        box_threshold=0.4,
        classes=[
            'aeroplane', 'bicycle', 'bird avian', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair seat', 'cow',
            'diningtable', 'dog', 'horse', 'motorbike', 'person with clothes,people,human', 'pottedplant',
            'sheep', 'sofa', 'train', 'tvmonitor screen',
        ],
        backgrounds=[
            'ground', 'land', 'grass', 'tree', 'building', 'wall', 'sky', 'lake', 'water', 'river', 'sea',
            'railway', 'railroad', 'keyboard', 'helmet', 'cloud', 'house', 'mountain', 'ocean', 'road', 'rock',
            'street', 'valley', 'bridge', 'sign',
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', seeds=seeds),
)  # fmt: skip
tta_model = dict(type='mmlevelset.CAMTTAModel', seed_source='cam', **seeds)
