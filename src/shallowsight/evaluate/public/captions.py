"""Score each caption by ROUGE-L, with the words and the formula of lmms-eval's own number."""

from collections.abc import Sequence

from shallowsight.evaluate.public.reading import Sample, prediction


def caption_scores(samples: Sequence[Sample]) -> list[float]:
    """From 0 to 1 for each sample: ROUGE-L (F measure, beta 1.2; Lin 2004) with the best of its true captions.

    Of the official metrics it is the one that a single answer has: CIDEr weighs words by how rare they are among all
    captions that were asked and goes to 10, and BLEU-4 is 0 for nearly every caption of a few words.
    """
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    true = {n: [_line(text) for text in sample["doc"]["answer"]] for n, sample in enumerate(samples)}
    said = {n: [_line(prediction(sample))] for n, sample in enumerate(samples)}
    _, scores = Rouge().compute_score(tokenizer.tokenize(true), tokenizer.tokenize(said))
    return [float(score) for score in scores]


def _line(text: str) -> dict[str, str]:
    """The tokenizer reads a line for each caption, and would take a carriage return for the end of one."""
    return {"caption": " ".join(text.split())}
