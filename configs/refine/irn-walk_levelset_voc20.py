# The same from level sets: the walk moves contours, they enclose as much as before.
_base_ = 'irn-walk_voc20.py'
threshold = 'area'
