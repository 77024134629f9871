"""Seeds of another pipeline through each refiner, with several random seeds, and a model on the labels of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .launch import Launch
from .parts import (
    FEEDS,
    MODEL,
    SCORES,
    Stages,
    check_names,
    config_of,
    final_checkpoint,
    moved_data,
    options_of,
    seeded_row,
    word,
)
from .runs import Data, Stage

PART = '{work_dir}/part.txt'
# What a refiner may be beside the path of a config: see `refiners`.
KINDS = ({'config', 'variant'}, {'config', 'after'}, {'targets', 'network', 'walk'})
SCALES = {'single': '', 'multi': ' --tta'}


def refiners(
    launch: Launch,
    seeds: str,
    data_root: str,
    classes: list[str],
    every: int,
    random_seeds: list[int],
    variants: list[str],
    refiners: dict[str, str | dict[str, Any]],
    columns: list[str],
    models: dict[str, Any] | None = None,
    left_out: Sequence[str] = (),
) -> dict[str, Any]:
    """Of each variant and random seed: every refiner on a part of the images, then all images and a model.

    Args:
        launch (Launch): How trainings and tests are started.
        seeds (str): Work folder of the pipeline that made ``<variant>_s<random seed>/seeds``, and
            ``seeds.json`` there, whose label-free threshold is the background score of everything here.
        data_root (str): Folder of a data set in VOC's layout.
        classes (list[str]): Names, the background first.
        every (int): The refiners are compared on every so many-th training image.
        random_seeds (list[int]): Of the seeds, and of the trainings here.
        variants (list[str]): Their names.
        refiners (dict): Name -> config, or ``dict(config, variant)`` of one that takes the network of a
            variant in ``seeds``, or ``dict(config, after)`` of one that takes the maps of another refiner,
            or ``dict(targets, network, walk)``, the configs of one that trains a network; ``targets`` and
            ``walk`` may be one for all, or variant -> config.
        columns (list[str]): Of the result table.
        models (dict, optional): ``refiner``, which goes on to all images, ``configs`` of segmentation models
            on its labels: name -> config, and perhaps ``images``, the list of ``ImageSets/Segmentation`` that
            "all" and the models then mean, in the place of the seeds and of the configs' own list. Default: the
            refiners alone.
        left_out (Sequence[str]): Refiners that are not run, for want of time.

    Returns:
        dict: ``stages`` and ``table``.

    Raises:
        ValueError: ``left_out`` is no list or names what is not there; a refiner that trains a network is called
            neither psa nor irn, the models ask for another one, or a refiner comes after one that is not there,
            or says something else.
    """
    check_names('left_out', left_out)
    if lost := set(left_out) - set(refiners):
        raise ValueError(f'left_out must name refiners of {list(refiners)}, got {sorted(lost)}')
    refiners = {name: one for name, one in refiners.items() if name not in left_out}
    for name, one in refiners.items():
        if isinstance(one, dict) and set(one) not in KINDS:
            raise ValueError(
                f'the refiner {name} says {sorted(one)}, expected one of {[sorted(kind) for kind in KINDS]}, or '
                'the path of a config'
            )
        own = [v for v in one.values() if isinstance(v, dict)] if isinstance(one, dict) else []
        if any(set(configs) < set(variants) for configs in own):
            raise ValueError(f'the refiner {name} needs a config of each of {variants}, got {own}')
    if models and set(models) - {'images'} != {'refiner', 'configs'}:
        raise ValueError(
            f'models must say refiner, configs and perhaps images, got {sorted(models)}'
        )
    trained = {
        name: one for name, one in refiners.items() if isinstance(one, dict) and 'network' in one
    }
    walked = models['refiner'] if models else ''
    if not set(trained) <= set(FEEDS) or (models and walked not in trained):
        raise ValueError(
            f'the refiners with a network must be among {", ".join(FEEDS)} and that of the models one of '
            f'them, got {list(trained)} and {walked!r}'
        )
    later = {
        name: one for name, one in refiners.items() if isinstance(one, dict) and 'after' in one
    }
    if lost := {one['after'] for one in later.values()} - (set(refiners) - set(later)):
        raise ValueError(
            f'`after` must name one of the refiners {sorted(set(refiners) - set(later))}, got {sorted(lost)}'
        )
    data = Data(data_root, tuple(classes))
    part = f"awk 'NR % {every} == {1 % every}' {data.train_list} > {PART}"
    stages: Stages = [dict(name='part', command=part, needs=[])]
    runs = [
        _Run(variant, seed, seeds, data, launch) for seed in random_seeds for variant in variants
    ]
    for run in runs:
        stages.append(run.seeds())
        for name, refiner in refiners.items():
            if name in trained:
                stages += run.trained(name, trained[name])
            elif name not in later:
                stages.append(run.direct(name, refiner))
        if models:
            stages += run.all_images(
                walked, trained[walked], models['configs'], models.get('images')
            )
        for name, one in later.items():
            stages.append(run.after(name, one, walked, run.by_rule(refiners[one['after']])))
    table = _table(variants, random_seeds, refiners, models, columns)
    return dict(stages=stages, table=table)


class _Run(NamedTuple):
    variant: str
    random_seed: int
    source: str
    data: Data
    launch: Launch

    @property
    def id(self) -> str:
        return f'{self.variant}_s{self.random_seed}'

    @property
    def folder(self) -> str:
        return f'{{work_dir}}/{self.id}'

    @property
    def seed_dir(self) -> str:
        return word(f'{self.source}/{self.id}/seeds')

    @property
    def measured(self) -> str:
        """What the pipeline of the seeds wrote about them."""
        return f'{self.source}/{self.id}/seeds.json'

    def own(self, config: str | dict[str, str]) -> str:
        """The config of this variant, of one for all or of one each."""
        return config if isinstance(config, str) else config[self.variant]

    def by_rule(self, refiner: str | dict[str, Any]) -> bool:
        """Whether the labels of a refiner are made by a rule on its maps, not by the seeds' threshold."""
        if isinstance(refiner, dict):
            refiner = self.own(refiner.get('walk') or refiner['config'])
        return isinstance(config_of(refiner).get('threshold'), str)

    def background(self, config: str, measured: str) -> list[str]:
        """The option that sets the background score of a refiner, where it has one for seeds."""
        settings = config_of(config).get('refiner', {}).get('background')
        return [f'refiner.background.score={measured}'] if isinstance(settings, dict) else []

    def eval(self, what: str, split: str, rest: str) -> str:
        where = f'{self.data.masks}{self.data.named} --split {split}'
        return f'{{python}} tools/eval_seeds.py {what} {where}{rest}'

    def refine(
        self,
        config: str,
        out: str,
        options: list[str],
        split: str = f' --split {PART}',
        seeds: str | None = None,
        measured: str | None = None,
    ) -> str:
        images = word(f'{self.data.root}/JPEGImages')
        return (
            f'{{python}} tools/refine.py {word(config)} --seeds {seeds or self.seed_dir}{split} --out {out}'
            f' --images {images}{options_of(*self.background(config, measured or self.measured), *options)}'
        )

    def seeds(self) -> Stage:
        done = f'{self.folder}/seeds.json'
        rest = f' --threshold {word(self.measured)} --json {done}'
        command = self.eval(self.seed_dir, PART, rest)
        return dict(name=f'seeds_{self.id}', command=command, done=done, needs=['part'])

    def scored(
        self,
        name: str,
        config: str,
        options: list[str],
        needs: str,
        seeds: str | None = None,
        measured: str | None = None,
    ) -> Stage:
        out = f'{self.folder}/{name}'
        done = f'{out}/labels.json'
        score = self.eval(f'{out}/labels', PART, f' --json {done}')
        command = self.refine(config, out, options, seeds=seeds, measured=measured)
        command = f'{command} && {score}'
        return dict(name=f'{name}_{self.id}', command=command, done=done, makes=out, needs=[needs])

    def direct(self, name: str, refiner: str | dict[str, Any]) -> Stage:
        if isinstance(refiner, str):
            return self.scored(name, refiner, [], 'part')
        network = final_checkpoint(config_of(refiner['config']).refiner.config)
        checkpoint = f'{self.source}/{refiner["variant"]}_s{self.random_seed}/{network}'
        return self.scored(name, refiner['config'], [f'refiner.checkpoint={checkpoint}'], 'part')

    def after(self, name: str, refiner: dict[str, Any], walked: str, by_rule: bool) -> Stage:
        """A refiner on the maps of another; where that goes on to all images, it waits for them.

        Its background is that of the seeds, or of the labels of these maps where a rule found it on them.
        """
        first = refiner['after']
        needs = f'{first}-all_{self.id}' if first == walked else f'{first}_{self.id}'
        maps = f'{self.folder}/{first}'
        measured = f'{maps}/labels/meta.json' if by_rule else None
        return self.scored(name, refiner['config'], [], needs, f'{maps}/soft', measured)

    def trained(self, name: str, refiner: dict[str, Any]) -> Stages:
        config = self.own(refiner['targets'])
        targets, network = (Path(path).stem.split('_')[0] for path in (config, refiner['network']))
        made, folder = f'{self.folder}/{targets}', f'{self.folder}/{network}'
        options = [
            *moved_data(refiner['network'], self.data.root, 'train_dataloader'),
            f'randomness.seed={self.random_seed}',
            f'train_dataloader.dataset.ann_file={PART}',
            FEEDS[name].format(made),
        ]
        train = f'{network}_{self.id}'
        return [
            dict(
                name=f'{targets}_{self.id}',
                command=self.refine(config, made, []),
                makes=made,
                needs=['part'],
            ),
            dict(
                name=train,
                command=self.launch.train(train, refiner['network'], folder, options),
                done=self.checkpoint(refiner),
                makes=folder,
                needs=[f'{targets}_{self.id}'],
            ),
            self.scored(
                name,
                self.own(refiner['walk']),
                [f'refiner.checkpoint={self.checkpoint(refiner)}'],
                train,
            ),
        ]

    def checkpoint(self, refiner: dict[str, Any]) -> str:
        network = Path(refiner['network']).stem.split('_')[0]
        return f'{self.folder}/{network}/{final_checkpoint(refiner["network"])}'

    def all_images(
        self, name: str, refiner: dict[str, Any], models: dict[str, str], images: str | None
    ) -> Stages:
        """The refiner goes on from the part to all images, and models are trained on its labels."""
        out = f'{self.folder}/{name}'
        done = f'{out}/all.json'
        options = [f'refiner.checkpoint={self.checkpoint(refiner)}']
        listed = self.data.file('ImageSets', 'Segmentation', images) if images else None
        split = f' --split {listed}' if listed else ''
        walk = self.refine(self.own(refiner['walk']), out, options, split=split)
        score = self.eval(f'{out}/labels', self.data.train_list, f' --json {done}')
        walked = f'{name}-all_{self.id}'
        stages: Stages = [
            dict(name=walked, command=f'{walk} && {score}', done=done, needs=[f'{name}_{self.id}'])
        ]
        for model, config in models.items():
            stages += self.model(model, config, f'{out}/labels', walked, images)
        return stages

    def model(self, name: str, config: str, labels: str, needs: str, images: str | None) -> Stages:
        """Train a segmentation model on a folder of labels, and test it at one and at several scales."""
        folder, train = f'{self.folder}/{name}', f'{name}_{self.id}'
        trained = f'{folder}/{final_checkpoint(config)}'
        feed = [
            *moved_data(config, self.data.root, 'train_dataloader'),
            f'randomness.seed={self.random_seed}',
            f'train_dataloader.dataset.data_prefix.seg_map_path={labels}',
        ]
        if images:  # a data set of pseudo-labels has no root
            listed = f'{self.data.root}/ImageSets/Segmentation/{images}'
            feed.append(f'train_dataloader.dataset.ann_file={listed}')
        moved = options_of(*moved_data(config, self.data.root, 'test_dataloader'))
        train_command = self.launch.train(train, config, folder, feed)
        # the first of several models is the one without a name of its own
        tests = {scales: scales if name == 'model' else f'{name}-{scales}' for scales in SCALES}
        return [
            dict(name=train, command=train_command, done=trained, makes=folder, needs=[needs]),
            *(
                dict(
                    name=f'{tests[scales]}_{self.id}',
                    command=self.launch.test(
                        f'{tests[scales]}_{self.id}',
                        config,
                        trained,
                        f'--work-dir {folder}/{scales}{tta}{moved}',
                    ),
                    done=f'{folder}/{scales}/metrics.json',
                    needs=[train],
                )
                for scales, tta in SCALES.items()
            ),
        ]


def _table(
    variants: list[str],
    random_seeds: list[int],
    refiners: dict[str, Any],
    models: dict[str, Any] | None,
    columns: list[str],
) -> list[dict[str, Any]]:
    rows = [
        ('seeds', 'seeds.json', SCORES),
        *((name, f'{name}/labels.json', SCORES) for name in refiners),
    ]
    if models:
        chosen = models['refiner']
        rows += [
            (f'{chosen}, all images', f'{chosen}/all.json', SCORES),
            *(
                (
                    f'{name} on {chosen.upper()}, val, {scales}',
                    f'{name}/{folder}/metrics.json',
                    MODEL,
                )
                for name in models['configs']
                for folder, scales in dict(single='one scale', multi='3 scales, flip, CRF').items()
            ),
        ]
    return [
        seeded_row(variant, stage, random_seeds, file, numbers, columns)
        for stage, file, numbers in rows
        for variant in variants
    ]
