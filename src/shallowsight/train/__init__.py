"""One training stage: DeepSpeed, exact resume, and the start of its processes.

May use errors, study, store, observe, data and model.
"""

from shallowsight.train.garbage import collect_less_often

collect_less_often()  # here, because torchrun's processes import torch with the first module of this package
