"""How fast it learns: images a second, beside the same network in PyTorch, step for step.

    python benchmarks/training.py [--size 128] [--steps 20] [--threads 2] [--no-torch]

A step is everything that training does with a batch of 8 pictures but drawing it: forward,
proposals, targets, five losses, backward, AdamW. PyTorch starts from the same weights and gets the
same batches, proposals and targets come from the same NumPy code in both; the losses of the first
step are compared before anything is timed. Steps alternate in one process; PyTorch runs in both
memory layouts, its number is the faster one's. Medians.
"""

import argparse
import time
from dataclasses import replace
from statistics import median

import machine
import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.runtime import memory, threads
from minimaskrcnn.training.batches import FIRST_TRAINING_SCENE, make_batch
from minimaskrcnn.training.checkpoint import Progress
from minimaskrcnn.training.initialise import new_model
from minimaskrcnn.training.optimise import ADAM_BETAS, ADAM_DECAY
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.sampling import draw_head_targets, select_for_training
from minimaskrcnn.training.train import advance
from minimaskrcnn.weights.tree import named_arrays

RATE = 1e-4  # so low that both stay where they started


class Peer:
    """The same network in PyTorch, weights and all."""

    def __init__(self, model, channels_last):
        import torch

        self.torch, self.f, self.model = torch, torch.nn.functional, model
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.layout, self.weights = layout, {}
        for name, array in named_arrays(model).items():
            if not name.endswith(("norm.mean", "norm.variance")):
                weight = torch.tensor(array)
                if weight.ndim == 4:  # (kh, kw, in, out) -> (out, in, kh, kw)
                    weight = weight.permute(3, 2, 0, 1).contiguous(memory_format=layout)
                self.weights[name] = weight.requires_grad_()
        kernels = [w for n, w in self.weights.items() if n.endswith("kernel")]
        others = [w for n, w in self.weights.items() if not n.endswith("kernel")]
        groups = [{"params": kernels, "weight_decay": ADAM_DECAY}, {"params": others}]
        self.optimiser = torch.optim.AdamW(groups, lr=RATE, betas=ADAM_BETAS, weight_decay=0.0)

    def conv(self, x, name, conv, relu=False, add=None):
        w = self.weights
        padding = conv.padding[0]
        y = self.f.conv2d(x, w[f"{name}.kernel"], w[f"{name}.bias"], conv.stride, padding)
        if conv.norm is not None:
            gamma, beta = w[f"{name}.norm.gamma"], w[f"{name}.norm.beta"]
            y = self.f.batch_norm(y, None, None, gamma, beta, training=True, eps=0.001)
        y = y if add is None else y + add
        return self.f.relu(y) if relu else y

    def pyramid(self, images):
        x = self.torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=self.layout)
        net = self.model.backbone
        x = self.conv(x, "backbone.stem", net.stem, relu=True)
        x = self.f.max_pool2d(self.f.pad(x, (0, 1, 0, 1), value=-np.inf), 3, 2)
        c_maps = []
        for i, blocks in enumerate(net.stages):
            for j, block in enumerate(blocks):
                x = self.block(x, f"backbone.stages.{i}.{j}", block)
            c_maps.append(x)
        fpn, total, p_maps = self.model.fpn, None, []
        for i in (3, 2, 1, 0):
            up = None if total is None else self.f.interpolate(total, scale_factor=2)
            total = self.conv(c_maps[i], f"fpn.lateral.{i}", fpn.lateral[i], add=up)
            p_maps.insert(0, self.conv(total, f"fpn.smooth.{i}", fpn.smooth[i]))
        return [*p_maps, p_maps[-1][:, :, ::2, ::2]]

    def block(self, x, name, block):
        shortcut = x if block.shortcut is None else self.conv(x, f"{name}.shortcut", block.shortcut)
        y = self.conv(x, f"{name}.reduce", block.reduce, relu=True)
        y = self.conv(y, f"{name}.spatial", block.spatial, relu=True)
        return self.conv(y, f"{name}.expand", block.expand, relu=True, add=shortcut)

    def rpn(self, p_maps):
        rpn, found = self.model.rpn, {"logits": [], "deltas": []}
        for p_map in p_maps:
            shared = self.conv(p_map, "rpn.shared", rpn.shared, relu=True)
            for kind, columns in (("logits", 2), ("deltas", 4)):
                y = self.conv(shared, f"rpn.{kind}", getattr(rpn, kind))
                found[kind].append(y.permute(0, 2, 3, 1).reshape(len(y), -1, columns))
        return self.torch.cat(found["logits"], 1), self.torch.cat(found["deltas"], 1)

    def pool(self, p_maps, rois_of_images, size, shape):
        patches = []
        steps = self.torch.linspace(0, 1, size)
        for image, rois in enumerate(rois_of_images):
            levels = roi_levels(rois, shape, SHAPES.level_size) - 2
            joined = self.torch.empty(len(rois), p_maps[0].shape[1], size, size)
            for level in np.unique(levels):
                rows = np.flatnonzero(levels == level)
                y1, x1, y2, x2 = self.torch.tensor(rois[rows]).T[:, :, None]
                ys, xs = y1 + (y2 - y1) * steps, x1 + (x2 - x1) * steps  # (r, P)
                shape_of_grid = (len(rows), size, size)
                grid = self.torch.stack(
                    [
                        xs[:, None, :].expand(shape_of_grid),
                        ys[:, :, None].expand(shape_of_grid),
                    ],
                    -1,
                )
                cut = self.f.grid_sample(
                    p_maps[level][image][None],
                    grid.reshape(1, -1, size, 2) * 2 - 1,
                    align_corners=True,
                )[0]
                joined[rows] = cut.reshape(-1, len(rows), size, size).transpose(0, 1)
            patches.append(joined)
        return self.torch.cat(patches).contiguous(memory_format=self.layout)

    def heads(self, p_maps, targets, shape):
        box, mask, w = self.model.box_head, self.model.mask_head, self.weights
        x = self.pool(p_maps, targets.rois, self.model.config.pool_size, shape)
        x = self.conv(x, "box_head.hidden1", box.hidden1, relu=True)
        x = self.conv(x, "box_head.hidden2", box.hidden2, relu=True).flatten(1)
        logits, deltas = (
            x @ w[f"box_head.{kind}.kernel"] + w[f"box_head.{kind}.bias"]
            for kind in ("logits", "deltas")
        )
        x = self.pool(p_maps, targets.mask_rois, self.model.config.mask_pool_size, shape)
        for i, conv in enumerate(mask.convs):
            x = self.conv(x, f"mask_head.convs.{i}", conv, relu=True)
        # stored (2, 2, out, in), so the permutation above has made it (in, out, 2, 2)
        kernel, bias = w["mask_head.deconv.kernel"], w["mask_head.deconv.bias"]
        x = self.f.relu(self.f.conv_transpose2d(x, kernel, bias, 2))
        masks = self.conv(x, "mask_head.logits", mask.logits)
        return logits, deltas.reshape(*logits.shape, 4), masks

    def losses(self, batch, rng):
        f, tensor, sampling = self.f, self.torch.tensor, FROM_NOTHING.sampling
        p_maps = self.pyramid(batch.images)
        rpn_logits, rpn_deltas = self.rpn(p_maps)
        answers = rpn_logits.detach().numpy(), rpn_deltas.detach().numpy()
        config = self.model.config
        proposals = select_for_training(*answers, batch, sampling, config)
        targets = draw_head_targets(proposals, batch, sampling, rng, config)
        logits, deltas, masks = self.heads(p_maps, targets, batch.images.shape[1:])
        match, ids = tensor(batch.match), tensor(targets.class_ids)
        mask_ids, rows = tensor(targets.mask_class_ids), self.torch.arange(len(masks))
        own = ids > 0
        return [
            f.cross_entropy(rpn_logits[match != 0], (match[match != 0] == 1).long()),
            f.smooth_l1_loss(rpn_deltas[match == 1], tensor(batch.anchor_deltas)),
            f.cross_entropy(logits, ids),
            f.smooth_l1_loss(deltas[own, ids[own]], tensor(targets.deltas)[own]),
            f.binary_cross_entropy_with_logits(masks[rows, mask_ids], tensor(targets.masks)),
        ]

    def advance(self, batch, rng):
        losses = self.losses(batch, rng)
        self.optimiser.zero_grad(set_to_none=True)
        sum(losses).backward()
        self.torch.nn.utils.clip_grad_norm_(self.weights.values(), FROM_NOTHING.longest_gradient)
        self.optimiser.step()
        return [loss.item() for loss in losses]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="pixels per side of a picture")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-torch", action="store_true")
    given = parser.parse_args()
    threads.set_num_threads(given.threads)
    size = FROM_NOTHING.batch_size
    config = replace(SHAPES, image_min_size=given.size, image_max_size=given.size)
    batches = [make_batch(scenes_of(given.size), i, FROM_NOTHING, config, 0) for i in range(1, 5)]
    ours, progress = new_model(config), Progress()
    walks = {"minimaskrcnn": lambda b, rng: advance(ours, b, flat_recipe(), progress, rng)[:5]}
    if not given.no_torch:
        import torch

        torch.set_num_threads(given.threads)
        walks[f"PyTorch {torch.__version__}"] = Peer(new_model(config), False).advance
        walks[f"PyTorch {torch.__version__}, channels last"] = Peer(new_model(config), True).advance
    first = {name: walk(batches[0], np.random.RandomState(0)) for name, walk in walks.items()}
    for name, losses in first.items():
        print(f"{name:32} first losses", " ".join(f"{loss:.5f}" for loss in losses))
        np.testing.assert_allclose(losses, first["minimaskrcnn"], rtol=1e-3)
    print(machine.describe())
    with memory.reuse(), machine.watched():  # memory: as in the training loop
        times = timed(walks, batches, given.steps)
    for name, seconds in times.items():
        print(f"{name:32} {size / seconds:6.1f} images/s  {1000 * seconds:6.0f} ms a step")


def scenes_of(size):
    """The function from 0, 1, 2, … to scenes of this size."""
    return lambda number: scene(FIRST_TRAINING_SCENE + number, size)


def flat_recipe():
    """The recipe with a learning rate that does not change."""
    return replace(FROM_NOTHING, rate=RATE, schedule=lambda step, steps, rate: rate)


def timed(walks, batches, steps):
    """Median seconds a step of each, the steps taken in turn."""
    taken = {name: [] for name in walks}
    for step in range(steps):
        for name, walk in walks.items():
            begin = time.perf_counter()
            walk(batches[step % len(batches)], np.random.RandomState(step))
            taken[name].append(time.perf_counter() - begin)
    return {name: median(seconds[2:]) for name, seconds in taken.items()}


if __name__ == "__main__":
    main()
