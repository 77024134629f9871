"""Level sets as an ONNX graph: from an image to phi^T, for programs without torch."""

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from torch import Tensor, nn

from mmlevelset import compat
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.kernels.dft import basis
from mmlevelset.levelset import SpectralConv2d
from mmlevelset.levelset.spectral import lowest
from mmlevelset.models.seeds import level_set_of
from mmlevelset.models.trained import load_trained
from mmlevelset.structures.host import text_similarities

OPSET = 20  # of 2023; runtimes since then read it
# Largest difference between the two programs, rounding of float32: in shares of the truncation (phi^T), and of
# the largest logit, or of 1 where all are smaller.
TOLERANCE = 1e-4


class LevelSetGraph(nn.Module):
    """An image to the level sets of all classes, as one function of tensors.

    Args:
        model: A segmentor with a LevelSetHead.

    Raises:
        ValueError: It has none.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = copy.deepcopy(model)
        head = level_set_of(self.model)
        if head is None:
            raise ValueError(
                'the model has no LevelSetHead, so there is no level set to export; give a level-set '
                'config and its checkpoint'
            )
        self.head: Any = head
        for module in list(self.head.modules()):
            if hasattr(module, 'spectral'):
                module.spectral = RealSpectralConv2d(module.spectral)
        self.register_buffer('zeros', head.zeros().detach()[:, None, None])
        self.eval()  # all of it: torch warns of a module in training mode

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Level sets, and logits of the image's classes where the host has a classifier.

        Args:
            image (Tensor): x, (N, 3, H, W), RGB in [0, 1].

        Returns:
            tuple[Tensor, ...]: phi^T, (N, C, h, w), in pixels of the image, positive inside; logits
            (N, C).
        """
        preprocessor = self.model.data_preprocessor
        if not compat.swaps_channels(preprocessor):  # the network sees BGR
            image = image.flip(1)
        mean, std = getattr(preprocessor, 'mean', 0), getattr(preprocessor, 'std', 1)
        inputs = (255 * image - mean) / std
        features = self.model.extract_feat(inputs)
        phi0 = self.head(features)
        stride = self.head.stride(image, phi0)
        count, classes = phi0.shape[:2]
        pairs = (
            torch.arange(count).repeat_interleave(classes),
            torch.arange(classes).repeat(count),
        )
        phi0 = self.head.truncate / stride * phi0
        text = text_similarities(self.model, features)
        phi = self.head.evolve_pairs(features, image, phi0, pairs, text)[2]
        phi = stride * phi.reshape(phi0.shape) - self.head.truncate * self.zeros
        if not hasattr(self.model.decode_head, 'classify'):
            return (phi,)
        return phi, self.model.decode_head.classify(features)


class RealSpectralConv2d(nn.Module):
    """A :class:`SpectralConv2d` in real numbers: ONNX knows no complex ones.

    The truncated transform by matrix products, as in :mod:`mmlevelset.kernels.dft`, with real and
    imaginary parts side by side.

    Args:
        spectral: Gives the weights.
    """

    def __init__(self, spectral: SpectralConv2d) -> None:
        super().__init__()
        self.weight, self.modes, self.mixing = spectral.weight, spectral.modes, spectral.mixing

    def forward(self, x: Tensor, gate: Callable[[Tensor], Tensor]) -> Tensor:
        """Convolve ``x`` (N, C, h, w) in Fourier space, as :meth:`SpectralConv2d.forward`."""
        waves = basis(int(x.shape[2]), int(x.shape[3]), self.modes, torch.float32)
        rows = waves.to_rows.real.contiguous(), waves.to_rows.imag.contiguous()
        columns = (x @ waves.to_columns).unflatten(-1, (-1, 2)).unbind(-1)
        real, imaginary = _product(rows, columns, torch.matmul)
        weight = [lowest(w, x.shape[2:], self.modes) for w in self.weight.unbind(-3)]

        def mix(w: Tensor, s: Tensor) -> Tensor:
            return w * s if self.mixing == 'diag' else torch.einsum('oipq,nipq->nopq', w, s)

        real, imaginary = _product((weight[0], weight[1]), (real, imaginary), mix)
        factor = gate(real[:, :, 0, 0])[:, :, None, None]  # frequency zero of a map is its mean
        back = rows[0].t(), -rows[1].t()
        spectrum = _product(back, (factor * real, factor * imaginary), torch.matmul)
        return torch.stack(spectrum, dim=-1).flatten(-2) @ waves.from_columns


def _product(
    a: tuple[Tensor, Tensor], b: tuple[Tensor, ...], multiply: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of a complex product."""
    real = multiply(a[0], b[0]) - multiply(a[1], b[1])
    return real, multiply(a[0], b[1]) + multiply(a[1], b[0])


def export_level_sets(
    cfg: Config, checkpoint: str | Path, out: str | Path, size: tuple[int, int]
) -> float:
    """Write the level sets of a model as an ONNX file, and compare it with the model.

    The file takes any number of images of one size, (N, 3, H, W) RGB in [0, 1], and gives ``phi_T``,
    (N, C, h, w), in pixels of the image, positive inside, of all classes, and ``logits``, (N, C), of
    the host's classifier. It is written only if it computes what the model does.

    Args:
        cfg: Level-set config.
        checkpoint: Its weights.
        out: The file, ``.onnx``.
        size: (H, W) of the images.

    Returns:
        float: largest difference of phi^T on three random images, in pixels.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ImportError: A package of the extra ``onnx`` is missing.
        ValueError: Config and checkpoint do not fit, the model has no level sets, or the file
            computes something else, in any output.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{error}; the export needs: pip install onnx onnxscript onnxruntime'
        ) from error
    model = load_trained(cfg, str(checkpoint))[0]
    graph = LevelSetGraph(model)
    if guided := graph.head.shares().count_nonzero():
        print_log(
            f'guidance adds the CAM to the level sets of {guided} classes where they are predicted; the ONNX file '
            'has phi^T alone',
            logger='current',
            level=logging.WARNING,
        )
    images = torch.rand(3, 3, *size)
    with torch.no_grad():
        expected = graph(images)
        names = ['phi_T', 'logits'][: len(expected)]
        logging.getLogger('torch.onnx').setLevel(
            logging.ERROR
        )  # of torchvision, which nothing needs
        # One image takes a short cut in torch; the graph of several holds for one, too.
        batch = torch.export.Dim('batch', min=2)
        program: Any = torch.onnx.export(
            graph,
            (images[:2],),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=['image'],
            output_names=names,
            dynamic_shapes=({0: batch},),
        )
    with atomic_path(out) as temporary:
        program.save(str(temporary))
        session = onnxruntime.InferenceSession(str(temporary), providers=['CPUExecutionProvider'])
        got = session.run(names, dict(image=images.numpy()))
        scales = graph.head.truncate, *(max(1.0, float(e.abs().max())) for e in expected[1:])
        differences = []
        for name, ours, theirs, scale in zip(names, expected, got, scales, strict=True):
            difference, most = float(np.abs(theirs - ours.numpy()).max()), TOLERANCE * scale
            differences.append(difference)
            if not difference <= most:
                raise ValueError(
                    f'{out}: the {name} of the file differs by {difference:.3g} from that of the model, '
                    f'expected {most:.3g} at most; it was not kept. Try another version of onnx'
                )
    return differences[0]
