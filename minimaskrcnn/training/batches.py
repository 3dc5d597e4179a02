"""Batches: from examples to what a training step reads.

Idea    An example is turned and mirrored at random, brought to the network's frame like any other
        photograph, its masks with it, and its anchors are matched. None of this looks at the
        weights, so that the next batch is made while the network learns from this one.
        The batch of a step is a function of seed and step alone: training that is interrupted goes
        on with the very pictures it would have seen.
Source  How masks follow the picture: github.com/matterport/Mask_RCNN, `resize_mask`.
Shapes  Example  ->  image (H, W, 3) float32, Truth, match (A,), deltas (positives, 4)
"""

from functools import lru_cache

import numpy as np

from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.boxes import normalise, to_pixels
from minimaskrcnn.datasets import Example, boxes_of_masks
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import TrainingError
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.training.sampling import Batch, Truth
from minimaskrcnn.training.targets import anchor_targets

# Scenes to learn from begin here; those below are left for evaluation and pictures.
FIRST_TRAINING_SCENE = 1_000_000


def endless_scenes(seed):
    """Return the function from 0, 1, 2, … to scenes that no evaluation sees; one in four is hard.

    Those of two seeds differ in the first million.
    """
    first = FIRST_TRAINING_SCENE * (1 + seed)

    def example_of(number):
        return scene(first + number, hard=number % 4 == 3)

    return example_of


def shuffled(examples, seed):
    """Return the function from 0, 1, 2, … to examples: all in random order, then all again, …

    Parameters
    ----------
    examples : sequence of Example
    seed : int

    Examples
    --------
    >>> example_of = shuffled("abc", 0)
    >>> sorted(example_of(number) for number in (3, 4, 5))
    ['a', 'b', 'c']
    """

    def example_of(number):
        epoch, position = divmod(number, len(examples))
        order = np.random.RandomState([seed, epoch]).permutation(len(examples))
        return examples[int(order[position])]

    return example_of


def make_batch(example_of, step, recipe, config, seed):
    """Return the batch of a step.

    Parameters
    ----------
    example_of : function from 0, 1, 2, … to Example
    step : int, from 1
    recipe : Recipe; read are `batch_size`, `augment` and its Sampling
    config : Config
    seed : int

    Returns
    -------
    Batch

    Raises
    ------
    TrainingError
        If the images come out in different sizes.
    """
    rng = np.random.RandomState([seed, step])
    images, truths, matches, deltas = [], [], [], []
    first = (step - 1) * recipe.batch_size
    for number in range(first, first + recipe.batch_size):
        example = example_of(number)
        image, truth = frame(augment(example, rng) if recipe.augment else example, config)
        anchors = _anchors(image.shape, config.anchor_scales, config.anchor_ratios)
        boxes, crowds = (to_pixels(b, image.shape) for b in (truth.boxes, truth.crowd_boxes))
        count, std = recipe.sampling_of(step).anchors, config.rpn_std
        match, moves = anchor_targets(anchors, boxes, crowds, count, rng, std)
        images.append(image)
        truths.append(truth)
        matches.append(match)
        deltas.append(moves)
    if len({image.shape for image in images}) > 1:
        raise TrainingError(
            f"the images of a batch come out in different sizes with resize_mode="
            f'"{config.resize_mode}": take one image a batch (--batch 1) or "square"'
        )
    return Batch(np.stack(images), tuple(truths), np.stack(matches), np.concatenate(deltas))


_anchors = lru_cache(maxsize=1)(make_anchors)  # every image of a training has the same


def augment(example, rng):
    """Return the example mirrored or not, turned by quarters, its colour channels swapped.

    A class that knows left from right, up from down or red from green would not survive this; the
    shapes do.
    """
    turns, mirrored, channels = rng.randint(4), rng.randint(2), rng.permutation(3)
    image = np.rot90(example.image[..., channels], turns)
    masks = np.rot90(example.masks, turns, axes=(1, 2))
    if mirrored:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    image, masks = np.ascontiguousarray(image), np.ascontiguousarray(masks)
    return Example(image, example.class_ids, masks, example.image_id)


def frame(example, config):
    """Bring an example to the network's frame.

    Returns
    -------
    image : (H, W, 3) float32, the network's input
    truth : Truth; objects without a pixel left are dropped, crowds are kept apart
    """
    framed, window = letterbox(example.image, config)
    masks = frame_masks(example.masks, window, framed.shape)
    left = masks.any(axis=(1, 2))
    masks, class_ids = masks[left], example.class_ids[left]
    boxes, crowd = normalise(boxes_of_masks(masks), framed.shape), class_ids < 0
    truth = Truth(boxes[~crowd], class_ids[~crowd], masks[~crowd], boxes[crowd])
    return mold(framed, config), truth


def frame_masks(masks, window, shape):
    """Masks resized to the window by nearest neighbour: (N, h, w) -> (N, H, W)."""
    top, left, bottom, right = window
    rows, columns = _nearest(masks.shape[1], bottom - top), _nearest(masks.shape[2], right - left)
    framed = np.zeros((len(masks), *shape[:2]), bool)
    framed[:, top:bottom, left:right] = masks[:, rows[:, None], columns]
    return framed


def _nearest(n, m):
    """Which of n inputs each of m outputs reads: output i that at floor(i (n-1) / (m-1) + 1/2)."""
    return np.floor(np.arange(m) * ((n - 1) / max(m - 1, 1)) + 0.5).astype(np.int64)
