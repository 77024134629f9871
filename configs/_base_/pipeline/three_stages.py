# What a user edits in the three-stage pipelines; see configs/pipeline/README.md.
train = '{python} tools/train.py {config}'
test = '{python} tools/test.py {config} {checkpoint}'

# These may also be set by --cfg-options.
gpus = 1  # processes on a node: the batch sizes of the recipes are divided by gpus * nodes
nodes = 1
jobs = 8  # processes of tools/refine.py
device = 'cuda'  # of the networks in tools/refine.py
# More `key=value` pairs for all commands of a kind: one, or a list of them.
seed_options = ''  # trainings of the hosts
export_options = ''  # seeds from the trained hosts
affinity_options = ''  # trainings of the affinity networks
model_options = ''  # trainings of the segmentation models
test_options = ''  # tests of the segmentation models
