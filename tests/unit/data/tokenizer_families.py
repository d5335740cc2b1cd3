"""A tiny tokenizer of every family, fast and slow, learnt here."""

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import ByT5Tokenizer, GPTSw3Tokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

TEXTS = [
    "What colour is the square? Is it big? USER: ASSISTANT:",
    "red green blue white, no. yes! 0 1 2 3 4 5 6 7 8 9",
    "</s> <s> <|endoftext|> [SEP] < / > | [ ]",
    "old price <s>9</s> now 5",
] * 20
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def llama(_: Path) -> PreTrainedTokenizerBase:
    """Sentencepiece's BPE as Llama 1 and 2 and Gemma have it: a space is a letter, what is unknown becomes bytes."""
    return sentencepiece_bpe(crossing=False)


def sentencepiece_bpe(crossing: bool) -> PreTrainedTokenizerBase:
    """With `crossing`, a token may have a space inside, as sentencepiece allows on demand."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    if not crossing:
        made.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    special = ["<unk>", "<s>", "</s>", *BYTES]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    made.train_from_iterator([t for t in TEXTS if "</s>" not in t], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def byte_level(normalizer: normalizers.Normalizer | None, unknown: str | None) -> PreTrainedTokenizerBase:
    made = Tokenizer(models.BPE())
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|im_start|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=unknown,
        eos_token="<|endoftext|>",
        unk_token=unknown,
        additional_special_tokens=["<|im_start|>"],
    )


def qwen2(_: Path) -> PreTrainedTokenizerBase:
    return byte_level(normalizers.NFC(), None)


def gpt2(_: Path) -> PreTrainedTokenizerBase:
    """One token is start, end and the unknown one."""
    return byte_level(None, "<|endoftext|>")


def unigram(_: Path) -> PreTrainedTokenizerBase:
    """Its control tokens are pieces of the vocabulary too, as sentencepiece leaves them."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=140,
        special_tokens=special,
        initial_alphabet=list("</>"),
        unk_token="<unk>",
        show_progress=False,
    )
    made.train_from_iterator([t for t in TEXTS if "<s>" not in t], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def wordpiece(_: Path) -> PreTrainedTokenizerBase:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="[CLS]", eos_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]"
    )


def slow_sentencepiece(folder: Path) -> PreTrainedTokenizerBase:
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_prefix=str(folder / "spiece"), vocab_size=340, model_type="bpe",
        byte_fallback=True, pad_id=3, minloglevel=5, hard_vocab_limit=False,
    )  # fmt: skip
    return GPTSw3Tokenizer(
        str(folder / "spiece.model"), bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def slow_bytes(_: Path) -> PreTrainedTokenizerBase:
    return ByT5Tokenizer(bos_token="<s>")


FAMILIES: dict[str, Callable[[Path], PreTrainedTokenizerBase]] = {
    made.__name__: made for made in (llama, qwen2, gpt2, unigram, wordpiece, slow_sentencepiece, slow_bytes)
}
