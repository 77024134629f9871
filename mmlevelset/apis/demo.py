"""A local web page on which a picture is inferred, and its contour followed by sliders."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from mmlevelset.visualization import draw_contours, label_panel, level_set_panel, zero_contours

from .inferencer import LevelSetInferencer
from .result import LevelSetResult

LEVELS = 40  # pixels that the slider goes to either side of the zero level
SIDE = 640  # pixels of the longer side, about, that pictures are enlarged to
INSTALL = 'the page needs Gradio: pip install "gradio>=6"'
HELP = """Upload a picture, choose the classes that it shows, or none: the classifier finds them then. The
first slider goes from φ⁰ to φᵀ in a straight line, (1 - t) φ⁰ + t φᵀ. The second one moves the level that
is drawn: above 0 px contours shrink, below they grow."""


class View(NamedTuple):
    """What the page shows of a result; small pictures are enlarged, so that contours are lines."""

    contours: (
        np.ndarray
    )  # (H', W', 3) uint8, RGB: the picture with its label map, contours and names
    level_set: np.ndarray  # (H', W', 3) uint8, RGB: of the class with the largest region
    regions: str  # classes, and their shares of the picture


class Demo:
    """What the page does, without the page: pictures to results, results and sliders to views.

    Args:
        inferencer: Of a model with level sets.

    Raises:
        ValueError: The model has none.
    """

    def __init__(self, inferencer: LevelSetInferencer) -> None:
        if not inferencer.predicts_seeds or not inferencer.model.recipe.level_sets:
            raise ValueError(
                'the model has no level sets to follow; give a level-set config and its checkpoint, such '
                'as cam/efficientnet-lite0_levelset_shapes'
            )
        self.inferencer = inferencer
        self.classes = inferencer.classes[1:]

    def infer(self, picture: Image.Image | None, chosen: Sequence[str]) -> LevelSetResult:
        """Infer a picture.

        Args:
            picture: As it was uploaded.
            chosen: Classes that it shows; none lets the classifier find them.

        Raises:
            ValueError: There is no picture, or it cannot be read.
        """
        if picture is None:
            raise ValueError('no picture yet: upload one, or drop it into the frame')
        return self.inferencer(picture, [list(chosen)] if chosen else None)[0]

    @staticmethod
    def view(result: LevelSetResult, share: float = 1.0, level: float = 0.0) -> View:
        """Draw a result between its two level sets, at a level.

        Args:
            result: Of :meth:`infer`.
            share: Of the way from phi^0 to phi^T, in [0, 1]; in between, the two are blended.
            level: Of the contour, in pixels: a pixel is inside where phi is above.
        """
        phi_0, phi_t, scale = result.phi_0, result.phi_T, _scale(result.image)
        image = _enlarged(result.image, scale)
        if phi_0 is None or phi_t is None or not len(phi_t):
            return View(image, image, 'The classifier finds none of its classes: choose some.')
        phi = (1 - share) * phi_0 + share * phi_t - level
        numbers = np.array(result.present)
        shares = [(_label(phi, numbers) == number).mean() for number in numbers]
        words = [f'**{result.classes[n]}** {s:.1%}' for n, s in zip(numbers, shares, strict=True)]
        largest = (phi > 0).sum((1, 2)).argmax()
        phi = np.stack([_enlarged(field, scale) for field in phi])
        contours = {int(n): zero_contours(field) for n, field in zip(numbers, phi, strict=True)}
        regions = label_panel('', image, _label(phi, numbers)).image
        return View(
            draw_contours(cv2.addWeighted(image, 0.5, regions, 0.5, 0), contours, result.classes),
            level_set_panel('', image, phi[largest], LEVELS).image,
            f'Shares of the picture: {", ".join(words)}. Level set of {result.classes[numbers[largest]]}: '
            'red inside, blue outside.',
        )


def _label(phi: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Label map (H, W) of level sets (K, H, W): a pixel of several goes to the one that it lies deepest in."""
    return np.where(phi.max(0) > 0, numbers[phi.argmax(0)], 0)


def _scale(image: np.ndarray) -> int:
    """By how much a picture is enlarged."""
    return max(1, round(SIDE / max(image.shape[:2])))


def _enlarged(array: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(array, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)


def make_page(demo: Demo) -> Any:
    """Lay the page out.

    Args:
        demo: What it does.

    Returns:
        gradio.Blocks: call :func:`serve` to open it.

    Raises:
        ImportError: Gradio is not installed.
    """
    gradio = _gradio()

    def infer(picture: Image.Image | None, chosen: list[str], share: float, level: float) -> tuple:
        try:
            result = demo.infer(picture, chosen)
        except (OSError, ValueError) as error:
            raise gradio.Error(str(error), print_exception=False) from error
        return (result, *demo.view(result, share, level))

    def follow(result: LevelSetResult | None, share: float, level: float) -> tuple:
        return (None, None, '') if result is None else tuple(demo.view(result, share, level))

    with gradio.Blocks(title='mmlevelset', analytics_enabled=False, fill_width=True) as page:
        gradio.Markdown(f'# From a picture to its level sets\n\n{HELP}')
        state = gradio.State(None)
        with gradio.Row():
            with gradio.Column(scale=1):
                picture = gradio.Image(
                    type='pil',
                    image_mode=None,
                    sources=['upload', 'clipboard'],
                    label='picture',
                    height=300,
                )
                chosen = gradio.CheckboxGroup(list(demo.classes), label='classes that it shows')
                button = gradio.Button('Find the contours', variant='primary')
            with gradio.Column(scale=2):
                with gradio.Row():
                    buttons = ['download', 'fullscreen']
                    contours = gradio.Image(label='contours', interactive=False, buttons=buttons)
                    phi = gradio.Image(label='level set', interactive=False, buttons=buttons)
                regions = gradio.Markdown(elem_id='regions')
                share = gradio.Slider(0, 1, 1, step=0.05, label='from φ⁰ (0) to φᵀ (1)')
                level = gradio.Slider(-LEVELS, LEVELS, 0, step=1, label='level of the contour, px')
        shown = [contours, phi, regions]
        button.click(infer, [picture, chosen, share, level], [state, *shown])
        for slider in (share, level):
            slider.change(follow, [state, share, level], shown, show_progress='hidden')
    return page


def serve(page: Any, host: str = '127.0.0.1', port: int = 7860) -> str:
    """Open a page of :func:`make_page` on this machine, and never through another's server.

    Args:
        page: The page; ``page.block_thread()`` waits until the program is interrupted.
        host: Address to listen at; the default is reached from this machine alone.
        port: Its port.

    Returns:
        str: address of the page.

    Raises:
        ValueError: The port is taken.
    """
    # Gradio calls its own page when it starts, and would do so through a proxy.
    for name in ('NO_PROXY', 'no_proxy'):
        os.environ[name] = ','.join(filter(None, [os.environ.get(name), host]))
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            theme=_gradio().themes.Default(
                font=['system-ui', 'sans-serif'], font_mono=['monospace']
            ),
            footer_links=[],
            quiet=True,
            prevent_thread_lock=True,
            _frontend=False,  # a check that asks for share=True where a busy machine takes 3 seconds
        )
    except OSError as error:
        raise ValueError(
            f'the page cannot be opened at {host}:{port}, which another program has, or which is no address '
            'of this machine; give another --port or --host'
        ) from error
    return str(address)


def _gradio() -> Any:
    # Before the import: no call home for statistics or versions.
    os.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')
    try:
        import gradio
    except ImportError as error:
        raise ImportError(f'{error}; {INSTALL}') from error
    return gradio
