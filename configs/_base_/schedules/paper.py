# What the paper says of the training of every host (§4.1): cosine annealing after 5 epochs of warm-up,
# images resized to 448 x 448. Variables: the leaf takes them beside the rest of its host's recipe, since
# the paper gives neither the length of the training nor the batch, the weight decay or the jitter.
paper_schedule = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=5, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=5, convert_to_iter_based=True),
]
paper_resize = dict(
    type='Resize', scale=(448, 448), keep_ratio=False, backend='pillow', interpolation='bicubic'
)
