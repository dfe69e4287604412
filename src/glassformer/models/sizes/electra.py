"""ELECTRA's published sizes. The counts are those of a discriminator, or of a generator, with its head."""

from glassformer.models.electra import Electra, ElectraConfig, generator_head
from glassformer.models.sizes import Size


def _generator(config: ElectraConfig) -> Electra:
    return Electra(config, generator_head(config))


SIZES = {
    "electra-small": Size(config=ElectraConfig(), hub="google/electra-small-discriminator", parameters=13_549_057),
    "electra-base": Size(
        config=ElectraConfig(d_embed=768, d_model=768, heads=12, d_ff=3072),
        hub="google/electra-base-discriminator",
        parameters=109_483_009,
    ),
    "electra-large": Size(
        config=ElectraConfig(d_embed=1024, d_model=1024, layers=24, heads=16, d_ff=4096),
        hub="google/electra-large-discriminator",
        parameters=335_142_913,
    ),
    "electra-small-generator": Size(
        config=ElectraConfig(), hub="google/electra-small-generator", parameters=13_546_682, build=_generator
    ),
    "electra-base-generator": Size(
        config=ElectraConfig(d_embed=768), hub="google/electra-base-generator", parameters=33_740_602, build=_generator
    ),
    "electra-large-generator": Size(
        config=ElectraConfig(d_embed=1024, layers=24),
        hub="google/electra-large-generator",
        parameters=51_295_290,
        build=_generator,
    ),
}
