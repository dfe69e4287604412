"""RoBERTa's published sizes. The counts are those with the head for masked tokens."""

from glassformer.models.roberta import RobertaConfig
from glassformer.models.sizes import Size

SIZES = {
    "roberta-base": Size(config=RobertaConfig(), hub="FacebookAI/roberta-base", parameters=124_697_433),
    "roberta-large": Size(
        config=RobertaConfig(d_model=1024, layers=24, heads=16, d_ff=4096),
        hub="FacebookAI/roberta-large",
        parameters=355_412_057,
    ),
    "distilroberta-base": Size(
        config=RobertaConfig(layers=6), hub="distilbert/distilroberta-base", parameters=82_170_201
    ),
}
