"""DistilBERT's published sizes. The counts are those with the head for masked tokens."""

from glassformer.models.distilbert import DistilBertConfig
from glassformer.models.sizes import Size

SIZES = {
    "distilbert-base-uncased": Size(
        config=DistilBertConfig(), hub="distilbert/distilbert-base-uncased", parameters=66_985_530
    ),
    "distilbert-base-cased": Size(
        config=DistilBertConfig(vocab=28996), hub="distilbert/distilbert-base-cased", parameters=65_812_036
    ),
}
