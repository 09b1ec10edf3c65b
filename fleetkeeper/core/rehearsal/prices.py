"""What node-hours cost, by the operator's own prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for an hour of a node, by instance type; default: of every other type, None for no price."""

    by_type: Mapping[str, float] = field(default_factory=dict)
    default: float | None = None

    @classmethod
    def of_settings(cls, node_hour_usd: Mapping[str, float]) -> "Prices":
        """From a price by instance type, with `default` among them."""
        rest = {kind: price for kind, price in node_hour_usd.items() if kind != _DEFAULT}
        return cls(rest, node_hour_usd.get(_DEFAULT))

    def of(self, node_hours: Mapping[str, float]) -> float | None:
        """None when a type that is needed has no price: half a sum would look like a whole one."""
        total = 0.0
        for kind, hours in node_hours.items():
            price = self.by_type.get(kind, self.default)
            if price is None:
                return None
            total += price * hours
        return total if self.by_type or self.default is not None else None
