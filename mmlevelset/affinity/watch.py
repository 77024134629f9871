"""Stop a training of affinities that has nothing to learn from."""

from mmlevelset.affinity.losses import PairLabels

# So many batches without a single pair are not chance: labels of any use have them in nearly every crop.
PATIENCE = 50

CURES = dict(
    background='The refiner that made them takes more for background with a lower `high` alpha (PSA) or '
    'a higher `background` (IRLabel)',
    foreground='The refiner that made them takes more for foreground with a higher `low` alpha (PSA) or '
    'a lower `foreground` (IRLabel)',
)


class PairWatch:
    """Look for pairs within the background and within a class until both were seen."""

    def __init__(self) -> None:
        self.missing = {'background', 'foreground'}
        self.batches = 0

    def __call__(self, labels: PairLabels) -> None:
        """Look at a batch.

        Args:
            labels: (N, P, h', w') each.

        Raises:
            ValueError: After 50 batches without a pair of background, or of foreground.
        """
        if not self.missing:
            return
        self.missing = {kind for kind in self.missing if not getattr(labels, kind).any()}
        self.batches += 1
        if self.missing and self.batches >= PATIENCE:
            kind = sorted(self.missing)[0]
            raise ValueError(
                f'the labels of {self.batches} batches have no two pixels of confident {kind} near each '
                'other, so the affinity network cannot learn what belongs together there; look at the '
                f'label folders of train_dataloader.dataset. {CURES[kind]}, so that it fits the scores '
                'of the seeds'
            )
