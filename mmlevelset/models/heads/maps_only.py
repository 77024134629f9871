"""Heads whose maps are not scores of labels."""

from typing import Any, NoReturn


class MapsOnly:
    """Base of the heads whose outputs must not go through mmsegmentation's argmax.

    Class activation maps and level sets have no channel for the background, so their argmax would
    call class k label k - 1 and nothing background; one channel would go through a sigmoid.
    """

    cure = (
        "use type='mmlevelset.SeedSegmentor' (or 'mmlevelset.SEAM', 'mmlevelset.MuSCLe') as the "
        'model, which adds the background, or give tools/test.py --tta'
    )

    def predict_by_feat(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse what mmsegmentation asks of a decode head at test time.

        Raises:
            ValueError: Always; names the cure.
        """
        raise ValueError(
            f'{type(self).__name__} gives maps, and their argmax would be wrong labels: {self.cure}.'
        )
