"""What the inferencer says about one picture, and the files that it becomes."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmseg.structures import SegDataSample

from mmlevelset.fileio.atomic import atomic_path, write_json
from mmlevelset.fileio.labels import write_label
from mmlevelset.fileio.npz import write_npz
from mmlevelset.visualization import draw_contours, label_panel, zero_contours


@dataclass(frozen=True)
class LevelSetResult:
    """Scores, level sets, contours and label map of one picture of H x W pixels.

    Attributes:
        name: Of the picture, and of its files.
        image (np.ndarray): the picture, (H, W, 3) uint8, RGB.
        classes: Names of the labels, background first, C + 1 of them.
        present: Labels 1..C of the K classes that the picture shows: those of the image-level
            labels, or those that the classifier found.
        scores (np.ndarray): (C + 1, H, W) float32, in [0, 1]; first the constant background score,
            then those of all classes, 0 where a class is absent. Of a model that predicts label maps
            alone, its probabilities.
        label (np.ndarray): pseudo-label, the argmax of the scores, (H, W) uint8, 0 background, 1..C.
        phi_0 (np.ndarray): initial level sets of the K present classes (eq 7), (K, H, W) float32, in
            pixels, positive inside. None where the prediction has no level sets.
        phi_T (np.ndarray): evolved level sets (eq 8), likewise.
        contours: Class name -> polylines, (P, 2) float32 each, x and y in pixels; where phi_T is
            zero. Without level sets, where the score of the class meets the best of all others.
    """

    name: str
    image: np.ndarray
    classes: tuple[str, ...]
    present: tuple[int, ...]
    scores: np.ndarray
    label: np.ndarray
    phi_0: np.ndarray | None
    phi_T: np.ndarray | None
    contours: dict[str, list[np.ndarray]]

    def draw(self) -> np.ndarray:
        """The picture with label map, contours and class names, (H, W, 3) uint8, RGB."""
        numbers = {name: i for i, name in enumerate(self.classes)}
        contours = {numbers[name]: lines for name, lines in self.contours.items()}
        panel = label_panel(self.name, self.image, self.label)
        return draw_contours(panel.image, contours, self.classes)

    def write(self, folder: str | Path) -> None:
        """Write ``vis/<name>.png``, ``maps/<name>.npz``, ``contours/<name>.json`` and ``pred/<name>.png``.

        The label map is written last: where it is, all are.

        Args:
            folder: Gets the four folders; files of the same name are replaced.
        """
        folder = Path(folder)
        ok, encoded = cv2.imencode('.png', self.draw()[..., ::-1])
        assert ok
        with atomic_path(folder / f'vis/{self.name}.png') as temporary:
            temporary.write_bytes(encoded.tobytes())
        arrays = dict(present=np.array(self.present, np.int64), scores=self.scores)
        if self.phi_0 is not None and self.phi_T is not None:
            arrays.update(phi_0=self.phi_0, phi_T=self.phi_T)
        write_npz(folder / f'maps/{self.name}.npz', **arrays)
        contours = {key: [line.tolist() for line in lines] for key, lines in self.contours.items()}
        size = self.label.shape
        facts = dict(height=size[0], width=size[1], contours=contours)
        write_json(folder / f'contours/{self.name}.json', facts)
        write_label(folder / f'pred/{self.name}.png', self.label)


def result_of(
    name: str, image: np.ndarray, sample: SegDataSample, classes: tuple[str, ...], logits: bool
) -> LevelSetResult:
    """Collect the prediction of a model for a picture.

    Args:
        name: Of the picture.
        image (np.ndarray): (H, W, 3) uint8, RGB.
        sample: The prediction: ``seg_logits`` (L, H, W), ``pred_sem_seg`` (1, H, W) and, of level
            sets, ``phi_0`` and ``phi_T`` (K, H, W).
        classes: Names of the labels, background first.
        logits: ``seg_logits`` are not yet scores.
    """
    scores = sample.seg_logits.data.float()
    if logits:
        scores = scores.softmax(0) if len(scores) > 1 else scores.sigmoid()
    if len(scores) == 1 < len(classes):  # mmsegmentation's two classes in one channel
        scores = torch.cat([1 - scores, scores])
    label = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
    known = sample.get('img_label', sample.get('pred_img_label'))
    present = np.unique(label[label > 0]) if known is None else np.flatnonzero(known) + 1
    scores = scores.cpu().numpy()
    phis = [sample.get(key) for key in ('phi_0', 'phi_T')]
    phi_0, phi_t = (None if phi is None else phi.data.cpu().numpy() for phi in phis)
    contours = {}
    for k, number in enumerate(present):
        others = np.delete(scores, number, 0).max(0)
        field = scores[number] - others if phi_t is None else phi_t[k]
        contours[classes[number]] = zero_contours(field)
    numbers = tuple(int(number) for number in present)
    return LevelSetResult(name, image, classes, numbers, scores, label, phi_0, phi_t, contours)
