"""The colour map of PASCAL VOC, for any number of classes."""


def voc_palette(num_classes: int = 256) -> list[list[int]]:
    """First ``num_classes`` colours of the VOC development kit's colour map.

    Bit ``j`` of the low, middle and high bit of a label gives bit ``7 - j`` of red, green and
    blue (``VOCcode/VOClabelcolormap.m`` of the VOC2012 devkit).

    Args:
        num_classes (int): Number of colours, at most 256.

    Returns:
        list[list[int]]: RGB colours, (num_classes, 3), each 0..255.
    """
    palette = []
    for label in range(num_classes):
        colour = [0, 0, 0]
        for j in range(8):
            for channel in range(3):
                colour[channel] |= (label >> (3 * j + channel) & 1) << (7 - j)
        palette.append(colour)
    return palette
