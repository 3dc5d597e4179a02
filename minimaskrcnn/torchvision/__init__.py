"""torchvision's Mask R-CNN: the stages that differ from the default ones.

A module here has the name of the stage from which it differs, and says at its top what differs and
why. `steps` puts these stages together into the five steps of `model.run`. All other stages are
the same for both kinds of weights.
"""
