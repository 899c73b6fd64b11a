"""What the released code does, said again as slowly and plainly as possible.

Written from the fact sheet (sections 1, 2.2, 4.2), not from the package under test. Masks are
NumPy, the model is plain torch with loops over blocks, a 3-d convolution, boolean picking and a
softmax that is written out.
"""

import numpy as np
import torch
import torch.nn.functional as F

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


# ---- masks


def tube_mask(grid, ratio, rng):
    """1 = hidden; [time, row*col]."""
    time, row, col = grid
    hidden = int(ratio * (row * col))
    slot = np.array([0] * (row * col - hidden) + [1] * hidden)
    rng.shuffle(slot)
    return np.stack([slot] * time)


def running_cell_masks(grid, ratio):
    """1 = dropped; the four maps, each [time, row*col]."""
    time, row, col = grid
    drops = int(4 * ratio)
    assert 1 <= drops <= 3
    ring = [1] * drops + [0] * (4 - drops)
    maps = []
    for start in range(4):
        pointer, slots = start, []
        for _ in range(time):
            pointer += 1
            cell = [ring[(j + pointer) % 4] for j in range(4)]
            frame = np.zeros((row, col), dtype=int)
            for r in range(row):
                for c in range(col):
                    frame[r, c] = cell[(r % 2) * 2 + c % 2]
            slots.append(frame.reshape(-1))
        maps.append(np.stack(slots))
    return maps


# ---- pixels


def unfold(clip, patch, tubelet):
    """[channels, frames, height, width] to a list of cubes [pixels, channels], by loops."""
    _, frames, height, width = clip.shape
    cubes = []
    for t in range(0, frames, tubelet):
        for y in range(0, height, patch):
            for x in range(0, width, patch):
                pixels = [
                    clip[:, t + i, y + j, x + k]
                    for i in range(tubelet)
                    for j in range(patch)
                    for k in range(patch)
                ]
                cubes.append(np.stack(pixels))
    return cubes


def target(clip_uint8, patch, tubelet, *, normalised=True):
    """[tokens, values] of one clip, float64."""
    rows = []
    for cube in unfold(clip_uint8.astype(np.float64) / 255, patch, tubelet):
        y = cube
        if normalised:
            y = (cube - cube.mean(axis=0)) / (np.sqrt(cube.var(axis=0, ddof=1)) + 1e-6)
        rows.append(y.reshape(-1))
    return np.stack(rows)


def normalised_clip(clip_uint8, mean=MEAN, std=STD):
    """[batch, channels, frames, height, width] as the model reads it."""
    shape = (1, -1, 1, 1, 1)
    return (clip_uint8 / 255 - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)


# ---- model


def sinusoid(tokens, dim):
    """float32 [tokens, dim]."""
    table = np.zeros((tokens, dim))
    for position in range(tokens):
        for j in range(dim):
            angle = position / np.power(10000, 2 * (j // 2) / dim)
            table[position, j] = np.sin(angle) if j % 2 == 0 else np.cos(angle)
    return torch.tensor(table, dtype=torch.float32)


def attention(x, weights, prefix, heads, *, cosine=False):
    """Explicit softmax over scores, one head after the other."""
    batch, tokens, dim = x.shape
    q_bias, v_bias = weights[f"{prefix}.q_bias"], weights[f"{prefix}.v_bias"]
    bias = torch.cat([q_bias, torch.zeros_like(v_bias), v_bias])
    qkv = x @ weights[f"{prefix}.qkv.weight"].T + bias
    qkv = qkv.reshape(batch, tokens, 3, heads, dim // heads)
    outputs = []
    for head in range(heads):
        q, k, v = (qkv[:, :, i, head] for i in range(3))
        if cosine:
            q = q / q.norm(dim=-1, keepdim=True)
            k = k / k.norm(dim=-1, keepdim=True)
            scores = q @ k.transpose(1, 2)
            scores = scores * weights[f"{prefix}.scale"][head].clamp(max=4.6052).exp()
        else:
            scores = (q * (dim // heads) ** -0.5) @ k.transpose(1, 2)
        weight = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
        outputs.append(weight @ v)
    y = torch.cat(outputs, dim=-1)
    return y @ weights[f"{prefix}.proj.weight"].T + weights[f"{prefix}.proj.bias"]


def layer_norm(x, weights, prefix):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    x = (x - mean) / torch.sqrt(variance + 1e-6)
    return x * weights[f"{prefix}.weight"] + weights[f"{prefix}.bias"]


def gelu(x):
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def block(x, weights, prefix, heads, *, cosine=False):
    """Pre-norm, two residuals; layer scale if there is one."""
    y = attention(layer_norm(x, weights, f"{prefix}.norm1"), weights, f"{prefix}.attn", heads,
                  cosine=cosine)  # fmt: skip
    x = x + weights.get(f"{prefix}.gamma_1", 1.0) * y
    y = layer_norm(x, weights, f"{prefix}.norm2")
    y = gelu(y @ weights[f"{prefix}.mlp.fc1.weight"].T + weights[f"{prefix}.mlp.fc1.bias"])
    y = y @ weights[f"{prefix}.mlp.fc2.weight"].T + weights[f"{prefix}.mlp.fc2.bias"]
    return x + weights.get(f"{prefix}.gamma_2", 1.0) * y


def autoencoder(weights, clip, hidden, dropped, config):
    """Decoder output at the decoded places, in clip order.

    weights: released names; clip: normalised; hidden, dropped: bool [batch, tokens].
    """
    cosine = config.get("cosine", False)
    kernel = weights["encoder.patch_embed.proj.weight"]
    x = F.conv3d(clip, kernel, weights["encoder.patch_embed.proj.bias"], stride=kernel.shape[2:])
    x = x.flatten(2).transpose(1, 2)
    batch, tokens, dim = x.shape
    x = x + sinusoid(tokens, dim)
    x = x[~hidden].reshape(batch, -1, dim)
    for i in range(config["depth"]):
        x = block(x, weights, f"encoder.blocks.{i}", config["heads"], cosine=cosine)
    x = layer_norm(x, weights, "encoder.norm")
    x = x @ weights["encoder_to_decoder.weight"].T
    width = x.shape[-1]
    table = sinusoid(tokens, width).expand(batch, -1, -1)
    seen = x + table[~hidden].reshape(batch, -1, width)
    asked = weights["mask_token"] + table[~dropped].reshape(batch, -1, width)
    x = torch.cat([seen, asked], dim=1)
    for i in range(config["decoder_depth"]):
        x = block(x, weights, f"decoder.blocks.{i}", config["decoder_heads"], cosine=cosine)
    x = layer_norm(x[:, -asked.shape[1] :], weights, "decoder.norm")
    return x @ weights["decoder.head.weight"].T + weights["decoder.head.bias"]


def pretrain_loss(output, wanted, hidden, dropped):
    """Squared error, mean over the vector, over hidden and decoded cubes of the whole batch."""
    batch = len(output)
    error = ((output - wanted) ** 2).mean(dim=-1)
    counted = hidden[~dropped].reshape(batch, -1).float()
    return (error * counted).sum() / counted.sum()


def random_weights(config, seed):
    """Weights of a released model, all of them random (also those that start at 0 or 1)."""
    generator = torch.Generator().manual_seed(seed)
    channels, tubelet, patch = config.get("channels", 3), config["tubelet"], config["patch"]
    dim, width = config["dim"], config["decoder_dim"]
    values = channels * tubelet * patch * patch

    def draw(*shape, std=0.02, mean=0.0):
        return mean + std * torch.randn(*shape, generator=generator)

    def norm(prefix, size):
        return {f"{prefix}.weight": draw(size, mean=1.0, std=0.1), f"{prefix}.bias": draw(size)}

    def blocks(prefix, depth, size, heads):
        hidden, all_ = int(size * config["mlp_ratio"]), {}
        for i in range(depth):
            at = f"{prefix}.blocks.{i}"
            all_ |= norm(f"{at}.norm1", size) | norm(f"{at}.norm2", size)
            all_ |= {
                f"{at}.attn.q_bias": draw(size, std=0.2),
                f"{at}.attn.v_bias": draw(size, std=0.2),
                f"{at}.attn.qkv.weight": draw(3 * size, size, std=size**-0.5),
                f"{at}.attn.proj.weight": draw(size, size, std=size**-0.5),
                f"{at}.attn.proj.bias": draw(size),
                f"{at}.mlp.fc1.weight": draw(hidden, size, std=size**-0.5),
                f"{at}.mlp.fc1.bias": draw(hidden),
                f"{at}.mlp.fc2.weight": draw(size, hidden, std=hidden**-0.5),
                f"{at}.mlp.fc2.bias": draw(size),
            }
            if config.get("cosine"):
                all_[f"{at}.attn.scale"] = draw(heads, 1, 1, mean=2.0, std=0.5)
            if config.get("layer_scale"):
                all_ |= {f"{at}.gamma_{n}": draw(size, mean=0.5, std=0.2) for n in (1, 2)}
        return all_ | norm(f"{prefix}.norm", size)

    return {
        "mask_token": draw(1, 1, width),
        "encoder.patch_embed.proj.weight": draw(dim, channels, tubelet, patch, patch),
        "encoder.patch_embed.proj.bias": draw(dim),
        **blocks("encoder", config["depth"], dim, config["heads"]),
        **blocks("decoder", config["decoder_depth"], width, config["decoder_heads"]),
        "decoder.head.weight": draw(values, width, std=width**-0.5),
        "decoder.head.bias": draw(values),
        "encoder_to_decoder.weight": draw(width, dim, std=dim**-0.5),
    }


# ---- clips out of videos


def crop_sizes(height, width, wanted):
    """The ten (height, width) pairs of GroupMultiScaleCrop."""
    short = min(height, width)
    sides = [int(short * scale) for scale in (1, 0.875, 0.75, 0.66)]
    sides = [wanted if abs(side - wanted) < 3 else side for side in sides]
    return [(sides[i], sides[j]) for i in range(4) for j in range(4) if abs(i - j) <= 1]


def crop_places(height, width, crop_height, crop_width):
    """The thirteen (top, left) places."""
    down, right = (height - crop_height) // 4, (width - crop_width) // 4
    corners = [(0, 0), (0, 4 * right), (4 * down, 0), (4 * down, 4 * right)]
    centre = [(2 * down, 2 * right)]
    edges = [(2 * down, 0), (2 * down, 4 * right), (4 * down, 2 * right), (0, 2 * right)]
    quarters = [(i * down, j * right) for i in (1, 3) for j in (1, 3)]
    return corners + centre + edges + quarters
