"""What can be exported, in words for `--help`. Imports nothing, so that help is quick."""

CAN = (
    "Exact for one layer and the fusions concat, sci and concat-norm; equal but for rounding for mean, sum, "
    "mean-concat, dci and scalar-mix. The connectors linear and mlp2x_gelu, the towers CLIP, SigLIP and DINOv2, "
    "vision.pool=1, and vision.normalize=false (true: with one layer, and a tower with a class token). Any other "
    "setting is refused, with the nearest that can be exported."
)
