"""The same network in PyTorch, and exported from it to ONNX Runtime: `network.py`'s peers.

Both get this project's arrays, so shapes and operations are the same. One thing they are spared:
the regions. NMS is no operation of PyTorch itself, so 1000 regions and 100 boxes for masks, those
that our run chose, are handed to them; the rest of the selection (softmax, top 6000, deltas) they
do themselves.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def conv_layer(conv):
    """An nn.Conv2d with the kernel and bias of a Conv."""
    kh, kw, channels, outputs = conv.kernel.shape
    layer = nn.Conv2d(channels, outputs, (kh, kw), conv.stride, conv.padding[0])
    layer.weight = nn.Parameter(torch.from_numpy(conv.kernel.transpose(3, 2, 0, 1).copy()))
    layer.bias = nn.Parameter(torch.from_numpy(conv.bias.copy()))
    return layer


def dense_layer(kernel, bias):
    """An nn.Linear with a kernel (in, out)."""
    layer = nn.Linear(*kernel.shape)
    layer.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel.T)))
    layer.bias = nn.Parameter(torch.from_numpy(bias.copy()))
    return layer


class Block(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.reduce, self.spatial = conv_layer(block.reduce), conv_layer(block.spatial)
        self.expand = conv_layer(block.expand)
        self.shortcut = conv_layer(block.shortcut) if block.shortcut else nn.Identity()

    def forward(self, x):
        y = F.relu(self.spatial(F.relu(self.reduce(x))))
        return F.relu(self.expand(y) + self.shortcut(x))


class Network(nn.Module):
    """MaskRCNN, the regions given: `rois` and `boxes` are lists of four (n, 4), one a level."""

    def __init__(self, model, anchors):
        super().__init__()
        self.stem = conv_layer(model.backbone.stem)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(b) for b in blocks)) for blocks in model.backbone.stages
        )
        self.lateral = nn.ModuleList(conv_layer(c) for c in model.fpn.lateral)
        self.smooth = nn.ModuleList(conv_layer(c) for c in model.fpn.smooth)
        self.rpn = nn.ModuleList(
            conv_layer(c) for c in (model.rpn.shared, model.rpn.logits, model.rpn.deltas)
        )
        head = model.box_head
        # ours reads (y, x, channel), PyTorch's flattened map is (channel, y, x)
        hidden1 = head.hidden1.kernel.transpose(2, 0, 1, 3)
        self.box_head = nn.ModuleList(
            [
                dense_layer(hidden1.reshape(-1, hidden1.shape[3]), head.hidden1.bias),
                dense_layer(head.hidden2.kernel[0, 0], head.hidden2.bias),
                dense_layer(head.logits.kernel, head.logits.bias),
                dense_layer(head.deltas.kernel, head.deltas.bias),
            ]
        )
        self.mask_convs = nn.ModuleList(conv_layer(c) for c in model.mask_head.convs)
        kernel = model.mask_head.deconv.kernel  # (2, 2, out, in)
        self.deconv = nn.ConvTranspose2d(kernel.shape[3], kernel.shape[2], 2, 2)
        self.deconv.weight = nn.Parameter(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
        self.deconv.bias = nn.Parameter(torch.from_numpy(model.mask_head.deconv.bias.copy()))
        self.mask_logits = conv_layer(model.mask_head.logits)
        self.register_buffer("anchors", torch.from_numpy(anchors))
        self.times = {}

    def forward(self, image, rois, boxes):
        clock = time.perf_counter
        start = clock()
        x = F.max_pool2d(F.pad(F.relu(self.stem(image)), (0, 1, 0, 1)), 3, 2)
        c_maps = []
        for stage in self.stages:
            x = stage(x)
            c_maps.append(x)
        backbone = clock()
        p_maps = self.pyramid(c_maps)
        pyramid = clock()
        candidates = self.propose(p_maps)
        rpn = clock()
        probs, deltas = self.classify(p_maps, rois)
        heads = clock()
        masks = self.draw(p_maps, boxes)
        self.times = {
            "backbone": backbone - start,
            "pyramid": pyramid - backbone,
            "rpn": rpn - pyramid,
            "regions": heads - rpn,
            "masks": clock() - heads,
        }
        return candidates, probs, deltas, masks

    def pyramid(self, c_maps):
        sums = [self.lateral[3](c_maps[3])]
        for level in (2, 1, 0):
            up = F.interpolate(sums[0], scale_factor=2, mode="nearest")
            sums.insert(0, self.lateral[level](c_maps[level]) + up)
        p_maps = [smooth(x) for smooth, x in zip(self.smooth, sums, strict=True)]
        return [*p_maps, p_maps[-1][:, :, ::2, ::2]]

    def propose(self, p_maps):
        logits, deltas = [], []
        for p_map in p_maps:
            shared = F.relu(self.rpn[0](p_map))
            logits.append(self.rpn[1](shared).permute(0, 2, 3, 1).reshape(-1, 2))
            deltas.append(self.rpn[2](shared).permute(0, 2, 3, 1).reshape(-1, 4))
        scores = F.softmax(torch.cat(logits), dim=1)[:, 1]
        best = torch.topk(scores, min(6000, len(self.anchors))).indices
        anchors, moves = self.anchors[best], torch.cat(deltas)[best] * 0.1
        size = anchors[:, 2:] - anchors[:, :2]
        centre = anchors[:, :2] + 0.5 * size + moves[:, :2] * size
        size = size * torch.exp(moves[:, 2:])
        return torch.cat([centre - 0.5 * size, centre + 0.5 * size], dim=1).clamp(0, 1)

    def classify(self, p_maps, rois):
        x = sample(p_maps, rois, 7).flatten(1)
        x = F.relu(self.box_head[1](F.relu(self.box_head[0](x))))
        return F.softmax(self.box_head[2](x), dim=1), self.box_head[3](x)

    def draw(self, p_maps, boxes):
        x = sample(p_maps, boxes, 14)
        for conv in self.mask_convs:
            x = F.relu(conv(x))
        return torch.sigmoid(self.mask_logits(F.relu(self.deconv(x))))


def sample(p_maps, rois, size):
    """crop_and_resize: `grid_sample` with aligned corners reads the same points."""
    patches = []
    for p_map, boxes in zip(p_maps, rois, strict=False):
        steps = torch.linspace(0, 1, size)
        y = boxes[:, 0:1] + steps * (boxes[:, 2:3] - boxes[:, 0:1])  # (n, size)
        x = boxes[:, 1:2] + steps * (boxes[:, 3:4] - boxes[:, 1:2])
        y = y[:, :, None].expand(-1, -1, size)
        x = x[:, None, :].expand(-1, size, -1)
        grid = torch.stack([x, y], dim=3).reshape(1, -1, size, 2) * 2 - 1
        read = F.grid_sample(p_map, grid, align_corners=True)  # (1, C, n * size, size)
        patches.append(read[0].reshape(p_map.shape[1], -1, size, size).transpose(0, 1))
    return torch.cat(patches)


def export(network, inputs, path):
    """Write the network as ONNX."""
    names = ["image", *(f"rois{i}" for i in range(4)), *(f"boxes{i}" for i in range(4))]
    with torch.inference_mode():
        torch.onnx.export(
            network, inputs, str(path), input_names=names, opset_version=17, dynamo=False
        )
    return names
