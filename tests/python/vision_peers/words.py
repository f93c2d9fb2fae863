"""Small byte-level tokenizers, split as the models' own are."""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = [
    "Describe this image. What is on the road? A car is on the road ahead, and a truck is on the left.",
    "User: You are a helpful assistant. user assistant system Assistant: What can be seen in the image?",
]
# The pattern of Qwen2's tokenizer.
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tokenizer(special: list[str], qwen: bool) -> Tokenizer:
    made = Tokenizer(models.BPE())
    if qwen:
        made.normalizer = normalizers.NFC()
        split = pre_tokenizers.Split(Regex(QWEN), behavior="isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    made.train_from_iterator(TEXT, trainer)
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made
