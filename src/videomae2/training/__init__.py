"""Training of any task: the loop, what a step does, and how a run is saved and logged.

- ``loop``: steps, reports, saves, stops; callbacks: what a run does beside its steps
- ``step``: one optimizer step, the only place where weights change
- ``optim``: parameter groups and AdamW
- ``schedules``: step to learning rate
- ``ema``: the exponential moving average of the weights
- ``runtime``: device, precision, threads
- ``prefetch``: micro-batches on the device, and how long they keep a step waiting
- ``checkpoint``: checkpoint folders, and the optimizer's state as named tensors
- ``metrics_buffer``: metrics that wait on the device
- ``logger``: log lines, ``metrics.jsonl``, TensorBoard
- ``tensor_cache``: tensors on disk by key, such as the outputs of a teacher
"""
