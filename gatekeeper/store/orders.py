"""The orders that stand against filings."""

from __future__ import annotations

from sqlalchemy import Connection, select

from gatekeeper.filing import Order, OrderKind
from gatekeeper.store.encoding import from_text
from gatekeeper.store.tables import orders


def read_orders(connection: Connection) -> tuple[Order, ...]:
    """The standing orders, by filing and kind."""
    query = select(orders).order_by(orders.c.filing_id, orders.c.kind)
    return tuple(
        Order(
            filing_id=row.filing_id,
            kind=OrderKind(row.kind),
            at=from_text(row.at),
            by=row.placed_by,
            reason=row.reason,
        )
        for row in connection.execute(query)
    )
