"""Training: what the network should have answered, how wrong it was, and how its weights move.

Read the modules in this order: `targets`, `mask_targets` and `sampling` (what the network should
answer), `losses` (how wrong it was), `step` (one step of training), `optimise`, `recipe`, `train`
(the loop). `initialise`, `parameters`, `batches`, `checkpoint`, `run_folder`, `clock` and `curve`
support them. For your own pictures, `statistics` and `plan` decide how to train, and `watch` and
`validation` tell how well it goes.
"""
