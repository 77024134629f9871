"""Category ids of COCO's files and the labels that they become."""

# Category ids that COCO never used.
UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
CATEGORIES = tuple(id_ for id_ in range(1, 91) if id_ not in UNUSED)
LABELS = {category: label for label, category in enumerate(CATEGORIES, 1)}
