# Baseline on EfficientNet-Lite2.
_base_ = ['efficientnet-lite0_voc20.py', '../../_base_/hosts/efficientnet-lite2.py']
model = _base_.lite2
