"""The sources of an experiment's records, and the settings of the data gate."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shallowsight.study.fields import Count, Names, Part, text_words

BUILT_IN_SOURCES = ("scenes", "scenes-captions", "easy-vqa")
# The data gate's conversions of records in other forms.
Conversion = Literal["messages", "system_turn", "roles", "image_list", "no_image", "number_id", "made_id"]


class Data(Part):
    """The sources of the records: `scenes`, `scenes-captions`, `easy-vqa`, or a LLaVA .json or .jsonl file.

    A file is a path or s3://bucket/path/name.json. If it is in a bucket, so are its pictures, and otherwise neither is.
    """

    pretrain: Names = ("scenes-captions",)  # empty: the same records as finetune
    finetune: Names = ("scenes", "easy-vqa")
    test: Names = ("scenes", "easy-vqa")
    images: str | None = None  # the folder, or s3://bucket/prefix, that the files' image paths start from
    pretrain_images: str | None = None  # the folder or URL for the files of pretrain; None: the value of images
    scenes_train: Count = 1200
    scenes_test: Count = 300
    easy_vqa_train: Count = 200
    easy_vqa_test: Count = 80
    # Share of the finetune records that no stage trains on; during the finetuning the model is measured on them.
    held_out: Annotated[float, Field(ge=0, lt=0.5)] = 0.04
    # How the later questions of a test record are asked: after the turns before them, or each alone.
    turns: Literal["in_context", "alone"] = "in_context"
    max_bad_share: Annotated[float, Field(ge=0, le=1)] = 0.01  # of rows that the gate refuses, and of too long texts
    max_leaked_images: Count = 0  # training images that are also in the test set
    # What the gate reads of a picture: the whole file, or only its header, which is faster and finds fewer faults.
    decode: Literal["all", "header"] = "all"
    refuse_conversions: Annotated[tuple[Conversion, ...], BeforeValidator(text_words)] = ()  # not to be applied
    benchmarks: str | None = None  # folder, or s3://bucket/prefix, with the rows of public benchmarks
    benchmark_rows: Count = 0  # the most rows of each public benchmark that are asked, for a quick look; 0: all
    expectations: str | None = None  # a YAML file, or s3://bucket/rules.yaml, with the user's rules for the files

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
        """The folder or prefix that the image paths of a file start from."""
        own = self.pretrain_images if self._pretrains_only(file) else None
        folder = own or self.images
        assert folder is not None  # a validator refuses a file without one
        return folder

    def _pretrains_only(self, file: str) -> bool:
        return file in self.pretrain and file not in (*self.finetune, *self.test)

    @property
    def files(self) -> tuple[str, ...]:
        """The sources that are the user's files, each once."""
        named = (*self.pretrain, *self.finetune, *self.test)
        return tuple(dict.fromkeys(s for s in named if s not in BUILT_IN_SOURCES))


def in_bucket(place: str) -> bool:
    """Whether a place is a URL of an object store; otherwise it is a path or a name."""
    return place.startswith("s3://")
