"""Stop a training of affinities that has nothing to learn from."""

from mmengine.logging import MessageHub

from mmlevelset.affinity.losses import PairLabels

# Labels of any use have pairs of both kinds in nearly every crop. After so many batches, or half of a shorter
# training but FEW of them, what is missing is missing by no chance; a training of less is a rehearsal.
PATIENCE = 50
FEW = 10
# One lucky image among the batches teaches nothing: so large a share of them must have a pair.
SHARE = 0.1

CURES = dict(
    background='The refiner that made them takes more for background with a lower `high` alpha (PSA) or '
    'a higher `background` (IRLabel)',
    foreground='The refiner that made them takes more for foreground with a higher `low` alpha (PSA) or '
    'a lower `foreground` (IRLabel)',
)


class PairWatch:
    """Look for pairs within the background and within a class in the first batches of a training.

    The training's length is that of mmengine's message hub, where there is one.
    """

    def __init__(self) -> None:
        self.seen = dict(background=0, foreground=0)  # batches
        self.batches = 0
        self.judged = False

    def __call__(self, labels: PairLabels) -> None:
        """Look at a batch.

        Args:
            labels: (N, P, h', w') each.

        Raises:
            ValueError: Fewer than a tenth of the first 50 batches, or of half of a shorter training but at
                least 10, have a pair of background, or of foreground.
        """
        if self.judged:
            return
        self.batches += 1
        for kind in self.seen:
            self.seen[kind] += bool(getattr(labels, kind).any())
        length = MessageHub.get_current_instance().get_info('max_iters') or 2 * PATIENCE
        if self.batches < max(FEW, min(PATIENCE, length // 2)):
            return
        self.judged = True
        for kind, seen in self.seen.items():
            if seen < SHARE * self.batches:
                raise ValueError(
                    f'the labels of {seen or "none"} of the first {self.batches} batches have two pixels of '
                    f'confident {kind} near each other, so the affinity network cannot learn what belongs '
                    'together there; look at the label folders of train_dataloader.dataset. '
                    f'{CURES[kind]}, so that it fits the scores of the seeds'
                )
