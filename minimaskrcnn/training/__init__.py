"""Learning: what the network should have said, how wrong it was, and how its weights move.

Read in this order: `targets` and `sampling` (the questions), `losses`, `step` (one step of
learning), `optimise`, `recipe`, `train` (the loop); beside them `initialise`, `parameters`,
`batches`, `checkpoint`, `run_folder`, `clock` and `curve`. For pictures of one's own `facts` and
`plan` say how to train, `watch` and `validation` how well it goes.
"""
