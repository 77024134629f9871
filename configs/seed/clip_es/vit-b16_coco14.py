# CLIP-ES on COCO 2014. Its classes keep the spelling of the official list ('sknowboard'), since seeds
# depend on it; the backgrounds are VOC's without keyboard and sign.
_base_ = ['vit-b16_voc12.py', '../../_base_/datasets/coco14_images.py']
model = dict(
    decode_head=dict(
        num_classes=80,
        box_threshold=0.7,
        classes=[
            'person with clothes,people,human', 'bicycle', 'car', 'motorbike', 'aeroplane', 'bus', 'train',
            'truck', 'boat', 'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench',
            'bird avian', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe',
            'backpack,bag', 'umbrella,parasol', 'handbag,purse', 'necktie', 'suitcase', 'frisbee', 'skis',
            'sknowboard', 'sports ball', 'kite', 'baseball bat', 'glove', 'skateboard', 'surfboard',
            'tennis racket', 'bottle', 'wine glass', 'cup', 'fork', 'knife', 'dessertspoon', 'bowl', 'banana',
            'apple', 'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake',
            'chair seat', 'sofa', 'pottedplant', 'bed', 'diningtable', 'toilet', 'tvmonitor screen', 'laptop',
            'mouse', 'remote control', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
            'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hairdrier,blowdrier',
            'toothbrush',
        ],
        backgrounds=[
            'ground', 'land', 'grass', 'tree', 'building', 'wall', 'sky', 'lake', 'water', 'river', 'sea',
            'railway', 'railroad', 'helmet', 'cloud', 'house', 'mountain', 'ocean', 'road', 'rock', 'street',
            'valley', 'bridge',
        ],
    )
)  # fmt: skip
load_from = 'weights/clip_es_vit-b16_coco14.pth'
train_dataloader = dict(dataset=_base_.coco14_train)
test_dataloader = dict(dataset=_base_.coco14_seeds)
