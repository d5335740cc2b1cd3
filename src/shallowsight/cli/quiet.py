"""What libraries write by themselves while a command works."""


def without_loading_bars() -> None:
    """Keep the bars of transformers, which loads weights from a disk within moments, away from what a command says.

    The bars of downloads, which may take minutes, stay as they are.
    """
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging

    downloads_are_shown = not are_progress_bars_disabled()
    logging.disable_progress_bar()  # also those of huggingface_hub
    if downloads_are_shown:
        enable_progress_bars()
