"""An experiment and a study: frozen values that fix what is trained, on what, and how it is judged.

Cluster facts (nodes, GPU counts, buckets, secrets) are not here: a digest must not change with the cluster.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from shallowsight.benchmarks import DEMO_BENCHMARKS, find_benchmark
from shallowsight.layers import LayerSet
from shallowsight.settings import WORDS, Setting, check_word_or_setting


def words_of(value: object) -> object:
    """`a b` or `a, b` as `--set` gives them, or one number, as a list."""
    if isinstance(value, str):
        return value.replace(", ", " ").split()
    return [value] if isinstance(value, int) else value


def _text_words(value: object) -> object:
    listed = words_of(value)
    return [str(v) for v in listed] if isinstance(listed, list | tuple) else listed


Names = Annotated[tuple[str, ...], BeforeValidator(_text_words)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
ANALYSIS_IMAGES = 208  # at the most; thirteen batches: the borders were the same from 96 pictures on


SCRATCH = "scratch"  # the language model that is made here
StageName = Literal["pretrain", "finetune"]
PictureShape = Literal["stretch", "crop", "pad"]
# What the data gate does to records that are in another form.
Conversion = Literal["messages", "system_turn", "roles", "image_list", "no_image", "number_id", "made_id"]
STAGES: tuple[StageName, ...] = ("pretrain", "finetune")  # in the order trained


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Vision(Part):
    """The frozen tower and what is taken from it."""

    tower: str = "embedded:dinov2-small"  # or a CLIP, SigLIP or DINOv2: hub id, folder, s3://bucket/folder
    revision: str | None = None  # a hub commit, or the digest of a folder's or bucket's files; fixed when left out
    layers: LayerSet = LayerSet((8,))
    features: Literal["patch", "cls_patch"] = "patch"
    image_size: Positive = 168  # pixels, a multiple of the tower's patch
    normalize: bool = True  # each patch vector to mean 0 and variance 1: layers differ widely in scale
    pool: Positive = 2  # average over pool x pool neighbouring patches


class Fusion(Part):
    kind: Literal["single", "concat"] = "single"


class Connector(Part):
    kind: Literal["linear", "mlp2x_gelu"] = "mlp2x_gelu"


class Language(Part):
    """A small Llama trained from scratch, or any causal language model of the hub, a folder or a bucket."""

    model: str = SCRATCH
    revision: str | None = None  # a hub commit, or the digest of a folder's or bucket's files; fixed when left out
    width: Positive = 128
    depth: Positive = 2
    heads: Positive = 4
    vocabulary: Positive = 1024  # byte-level BPE, learnt from the training text
    max_length: Positive = 256  # tokens of text and image together

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        # Rotary positions turn pairs of numbers.
        if self.model == SCRATCH and self.width % (2 * self.heads):
            raise ValueError(
                f"language.width={self.width} does not divide into language.heads={self.heads} of an even width; "
                f"use a multiple of {2 * self.heads}"
            )
        return self


class Data(Part):
    """Where the records come from: `scenes`, `scenes-captions`, `easy-vqa`, or a LLaVA .json or .jsonl file.

    A file is a path or s3://bucket/path/name.json, and its pictures are where it is: in a folder or below a prefix.
    """

    pretrain: Names = ("scenes-captions",)  # empty: the same records as finetune
    finetune: Names = ("scenes", "easy-vqa")
    test: Names = ("scenes", "easy-vqa")
    images: str | None = None  # the folder, or s3://bucket/prefix, that the files' image paths start from
    pretrain_images: str | None = None  # the same for the files of pretrain; left out: images
    scenes_train: Count = 1200
    scenes_test: Count = 300
    easy_vqa_train: Count = 200
    easy_vqa_test: Count = 80
    # How the later questions of a test record of a file are asked: after the turns before them, or each by itself.
    turns: Literal["in_context", "alone"] = "in_context"
    max_bad_share: Annotated[float, Field(ge=0, le=1)] = 0.01  # rows that the gate refuses; too long texts likewise
    max_leaked_images: Count = 0  # training images that are also in the test set
    # What the gate reads of a picture: all of it, or its header alone, which is faster and finds less.
    decode: Literal["all", "header"] = "all"
    refuse_conversions: Annotated[tuple[Conversion, ...], BeforeValidator(_text_words)] = ()  # forms not to accept
    expectations: str | None = None  # a YAML file, or s3://bucket/rules.yaml, with rules of one's own for the files

    @model_validator(mode="after")
    def _files_need_a_folder(self) -> Self:
        if not self.finetune or not self.test:
            raise ValueError("data.finetune and data.test each name at least one source")
        if self.images is None and any(self.pretrain_images is None or not self._pretrains_only(f) for f in self.files):
            raise ValueError(f"data.images: name the folder of the pictures in {', '.join(self.files)}")
        return self

    @model_validator(mode="after")
    def _pictures_are_where_their_file_is(self) -> Self:
        for file in self.files:
            folder = self.folder_of(file)
            if in_bucket(file) != in_bucket(folder):
                there, here = ("its pictures", "the file") if in_bucket(folder) else ("the file", "its pictures")
                raise ValueError(
                    f"{file} and its pictures in {folder}: {there} would come from a bucket and {here} from a folder; "
                    "put both in a bucket, or both in a folder"
                )
        return self

    def folder_of(self, file: str) -> str:
        """Where the image paths of a file start."""
        own = self.pretrain_images if self._pretrains_only(file) else None
        folder = own or self.images
        assert folder is not None  # a file without one is refused
        return folder

    def _pretrains_only(self, file: str) -> bool:
        return file in self.pretrain and file not in (*self.finetune, *self.test)

    @property
    def files(self) -> tuple[str, ...]:
        """The sources that are files of the user's, each once."""
        named = (*self.pretrain, *self.finetune, *self.test)
        return tuple(dict.fromkeys(s for s in named if s not in BUILT_IN_SOURCES))


BUILT_IN_SOURCES = ("scenes", "scenes-captions", "easy-vqa")


def in_bucket(place: str) -> bool:
    """True for a URL of an object store; anything else is a path, or a name."""
    return place.startswith("s3://")


class Lora(Part):
    """Low-rank adapters on the language model's matrices instead of the matrices themselves; merged at the end.

    The public code's adapters are of rank 64 with these other values.
    """

    rank: Count = 0  # 0: none, every weight is trained
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05


class Stage(Part):
    """One of the two training stages."""

    learning_rate: Annotated[float, Field(gt=0)]
    connector_learning_rate: Annotated[float, Field(gt=0)] | None = None  # of fusion and connector; left out: the same
    global_batch: Positive
    updates: Count | None = None  # optimizer updates; 0 skips the stage
    epochs: Annotated[float, Field(gt=0)] | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the updates
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0  # global gradient norm
    template: Literal["plain", "caption", "short", "v1"] = "short"
    picture: PictureShape = "stretch"  # how a picture becomes square
    order: Literal["shuffled", "by_length"] = "shuffled"  # by_length: sequences of like length share a batch
    packed: bool = False  # several sequences in a row, without padding and without seeing each other
    zero: Literal[0, 1, 2, 3] = 2  # DeepSpeed ZeRO stage
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpointing: bool = False  # activations computed again in the backward pass instead of kept
    lora: Lora = Lora()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give either updates or epochs")
        return self

    @model_validator(mode="after")
    def _weights_are_kept_exactly(self) -> Self:
        if self.precision == "bfloat16" and self.zero == 0:
            raise ValueError("bfloat16 with zero=0 would keep no float32 copy of the weights; use zero=1, 2 or 3")
        return self


class Experiment(Part):
    """Fixes one trained and evaluated model completely."""

    name: str
    vision: Vision = Vision()
    fusion: Fusion = Fusion()
    connector: Connector = Connector()
    language: Language = Language()
    data: Data = Data()
    pretrain: Stage
    finetune: Stage
    benchmarks: Names = DEMO_BENCHMARKS
    seed: Seed = 0

    @model_validator(mode="after")
    def _setting_fits(self) -> Self:
        Setting(self.vision.layers, self.fusion.kind)
        return self

    @model_validator(mode="after")
    def _adapters_have_a_model_to_adapt(self) -> Self:
        if self.pretrain.lora.rank:
            raise ValueError("pretrain.lora.rank: the language model is frozen while pretraining; use finetune.lora")
        return self

    @field_validator("benchmarks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(set(names)) != len(names):
            raise ValueError(f"name at least one benchmark, each once; got {', '.join(names) or 'none'}")
        for name in names:
            find_benchmark(name)
        return names

    @property
    def setting(self) -> Setting:
        return Setting(self.vision.layers, self.fusion.kind)

    def stage(self, name: StageName) -> Stage:
        return self.pretrain if name == "pretrain" else self.finetune

    def at(self, setting: Setting, seed: int) -> "Experiment":
        """The same experiment at another setting and seed."""
        vision = self.vision.model_copy(update={"layers": setting.layers})
        fusion = self.fusion.model_copy(update={"kind": setting.fusion})
        return self.model_copy(update={"vision": vision, "fusion": fusion, "seed": seed})


class Study(Part):
    """Many experiments that differ in setting and seed, and the verdict over them."""

    name: str
    base: Experiment
    settings: Names
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(words_of)] = (0, 1)

    @field_validator("settings")
    @classmethod
    def _readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if not texts:
            raise ValueError("a study needs at least one setting")
        for text in texts:
            check_word_or_setting(text)
        whole = tuple(text if text in WORDS else str(Setting.parse(text)) for text in texts)
        if len(set(whole)) != len(whole):
            raise ValueError(f"name each setting once; got {' '.join(whole)}")
        return whole

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds must be distinct and at least one, got {seeds}")
        return seeds
