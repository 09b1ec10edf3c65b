"""What the hours of nodes cost, as the settings say it."""

import pytest

from fleetkeeper import documents
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings.rehearsal import read_rehearsal

GIVEN = '[node_hour_usd]\ndefault = 0.2\n"m6i.xlarge" = 0.214\n'


def test_prices_are_read_by_type_with_a_default_for_every_other_one() -> None:
    found = Prices.of_settings(read_rehearsal(documents.parse(GIVEN, "f.toml")).node_hour_usd)
    assert found.of({"m6i.xlarge": 10.0, "m5.large": 5.0}) == pytest.approx(3.14)


def test_without_prices_nothing_is_told_of_cost() -> None:
    assert Prices.of_settings({}).of({"m6i.xlarge": 10.0}) is None
    assert Prices.of_settings({}).of({}) is None


def test_a_price_below_nothing_is_a_mistake_with_its_line() -> None:
    table = documents.parse('[node_hour_usd]\n"m5.large" = -1\n', "f.toml")
    read_rehearsal(table)
    with pytest.raises(ConfigError, match=r"f\.toml:2"):
        table.finish()
