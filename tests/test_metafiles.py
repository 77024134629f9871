"""The model index lists what there is, and each number is the one in its row of docs/en/results.md."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmlevelset.config import read_config

ROOT = Path(__file__).resolve().parents[1]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
FILES = [yaml.safe_load((ROOT / path).read_text()) for path in INDEX]
MODELS = [model for file in FILES for model in file['Models']]
COLLECTIONS = {entry['Name']: entry for file in FILES for entry in file.get('Collections', [])}
RESULTS = [(model, result) for model in MODELS for result in model.get('Results', [])]
# Presets of refiners train nothing.
TRAINED = [
    path
    for folder in ('seed', 'plugin', 'retrain', 'refine')
    for path in (ROOT / 'configs' / folder).rglob('*.py')
    if folder != 'refine' or path.name.startswith(('affinitynet_', 'irnet_'))
]
# The end of a config's name says where its data lie and what the index calls them.
DATA = dict(
    shapes=('data/shapes', 'generated shapes'),
    voc8=('data/voc8', '8 classes of PASCAL VOC 2012'),
    voc20=('data/voc20', '20 classes of PASCAL VOC 2012'),
    voc12=('data/VOCdevkit/VOC2012', 'PASCAL VOC 2012'),
    coco14=('data/coco14', 'COCO 2014'),
)

Row = dict[str, str]


def tables() -> dict[str, list[Row]]:
    """Rows of the first table of every section of the page of results."""
    found: dict[str, list[Row]] = {}
    for section in (ROOT / 'docs/en/results.md').read_text(encoding='utf-8').split('\n## ')[1:]:
        lines = [line for line in section.split('\n### ')[0].splitlines() if line.startswith('|')]
        cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]
        if cells:
            title = section.partition('\n')[0]
            found[title] = [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]
    return found


TABLES = tables()


def documented(model: dict[str, Any], result: dict[str, Any], metric: str) -> str:
    """The cell of the page that an entry of the index must repeat."""
    config, data = Path(model['Config']), result['Dataset']
    words = re.split(r'[_-]', config.stem)
    variant = next(
        (word for word in ('mse', 'energy', 'paper', 'levelset') if word in words), 'cam'
    )
    if config.parts[1] == 'retrain':
        variant = 'levelset' if 'the level set' in data else 'cam'
    if 'IRN' in data:
        rows = TABLES['Refiners on 8 VOC classes']
        row = next(
            r for r in rows if r['pseudo-labels'] == 'model on IRN, val, 3 scales, flip, CRF'
        )
        return row[f'{metric}, {variant}']
    if data.startswith('voc20'):
        names = dict(
            levelset='level set, stride 8: the default',
            s4='level set, stride 4 ¹',
            s16='level set, stride 16 ¹',
        )
        name = next((names[word] for word in names if word in words), 'CAM')
        row = next(
            r
            for r in TABLES['Does the recipe transfer: sizes and strides']
            if (r['images'], r['scored on'], r['variant']) == ('1,800', data.split(', ')[1], name)
        )
        return row[metric]
    if data.startswith('generated shapes'):
        rows = TABLES['Generated shapes: the embedded default']
        what = 'model, val' if 'val' in data else 'seeds, train'
    else:
        muscle = config.parts[2] == 'muscle'
        title = (
            'MuSCLe at the size of EfficientNet-Lite0'
            if muscle
            else 'Real photographs: 8 VOC classes'
        )
        rows = TABLES[title]
        what = 'seeds of val' if ', val,' in data else 'seeds'
        what = 'model, val' if config.parts[1] == 'retrain' else f'{what}, label-free threshold'
    return next(r for r in rows if r['what'] == what and r['variant'] == variant)[metric]


def types(node: Any) -> set[str]:
    """All `type`s of a config, without their scope."""
    if isinstance(node, dict):
        own = {str(node['type']).rpartition('.')[2]} if 'type' in node else set()
        return own.union(*map(types, node.values()))
    return set().union(*map(types, node)) if isinstance(node, (list, tuple)) else set()


def test_every_folder_is_imported() -> None:
    assert set(INDEX) == {str(p.relative_to(ROOT)) for p in ROOT.glob('configs/**/metafile.yml')}
    assert {(ROOT / path).parent for path in INDEX} == {path.parent for path in TRAINED}


def test_every_trained_config_is_a_model() -> None:
    names = [model['Name'] for model in MODELS]
    assert len(set(names)) == len(names)
    assert {model['Config'] for model in MODELS} == {str(p.relative_to(ROOT)) for p in TRAINED}
    for path, file in zip(INDEX, FILES, strict=True):
        assert {str(Path(m['Config']).parent) for m in file['Models']} == {str(Path(path).parent)}


@pytest.mark.parametrize('path', TRAINED, ids=lambda path: path.stem)
def test_folder_s_readme_names_the_config(path: Path) -> None:
    readme = (path.parent / 'README.md').read_text(encoding='utf-8')
    names = re.findall(r'`([\w{},.+/-]+\.py)`', readme)
    names = [name.replace('{', '(').replace('}', ')').replace(',', '|') for name in names]
    patterns = [name.replace('.', r'\.') for name in names]
    walks = path.parent.name == 'refine'  # named in its commands
    assert walks or any(re.fullmatch(pattern, path.name) for pattern in patterns)


def test_collections_are_used_and_described() -> None:
    assert {model['In Collection'] for model in MODELS} == set(COLLECTIONS)
    for entry in COLLECTIONS.values():
        readme = (ROOT / entry['README']).read_text(encoding='utf-8')
        url = entry.get('Paper', {}).get('URL', '')
        assert (
            not url.startswith('https://arxiv.org') or url in readme or 'refine' in entry['README']
        )


@pytest.mark.parametrize('collection', COLLECTIONS)
def test_architectures_are_those_of_the_configs(collection: str) -> None:
    configs = [model['Config'] for model in MODELS if model['In Collection'] == collection]
    built: set[str] = set()
    wanted = set(COLLECTIONS[collection]['Metadata']['Architecture'])
    for config in sorted(configs, key=lambda name: 'levelset' not in name):
        built |= types(read_config(ROOT / config)._cfg_dict['model'])
        if wanted <= built:
            return
    pytest.fail(f'{collection}: no config builds {", ".join(wanted - built)}')


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_training_data_are_those_of_the_config(model: dict[str, Any]) -> None:
    ends = [part for part in re.split(r'[_.]', Path(model['Config']).name) if part in DATA]
    assert len(ends) == 1
    assert model['Metadata']['Training Data'] == DATA[ends[0]][1]


def test_one_config_of_each_data_set_reads_it() -> None:
    for end, (folder, _) in DATA.items():
        path = next((p for p in TRAINED if p.stem.endswith(end)), None)
        if path is not None:
            data = read_config(path).train_dataloader.dataset
            sources = [str(data.get(key, '')) for key in ('data_root', 'ann_file')]
            assert any(source.startswith(folder) for source in sources), path


def test_there_are_results() -> None:
    assert len(RESULTS) > 10


@pytest.mark.parametrize(
    'model, result', RESULTS, ids=[f'{m["Name"]}-{r["Dataset"]}' for m, r in RESULTS]
)
def test_results_are_those_of_their_row(model: dict[str, Any], result: dict[str, Any]) -> None:
    for metric, value in result['Metrics'].items():
        cell = documented(model, result, metric)
        assert cell.split(' ± ')[0] == f'{value:.2f}', (metric, cell)
        # A mean over random seeds has a spread.
        assert (' ± ' in cell) == ('3 random seeds' in result['Dataset']), cell
